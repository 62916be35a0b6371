"""The command as a process: its JSON line, its signals, and another client than ours, with the documentation alone."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

CALLBACK = "http://localhost:1/callback"
REPOSITORY = Path(__file__).resolve().parents[2]


def start(*flags: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The server and its line, which comes when it accepts connections."""
    command = [
        sys.executable,
        "-m",
        "construction_mcp",
        "simulate",
        "--port",
        "0",
        "--json",
        "--scale",
        "small",
        *flags,
    ]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def stop(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    return process.returncode, errors


@pytest.fixture
def server() -> Iterator[dict[str, Any]]:
    process, line = start("--redirect-uri", CALLBACK)
    yield line
    stop(process)


@pytest.fixture
def sink() -> Iterator[tuple[str, "Queue[tuple[str | None, dict[str, Any]]]"]]:
    """A local HTTP server that keeps what is posted to it."""
    received: Queue[tuple[str | None, dict[str, Any]]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((self.headers["authorization"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}/hook", received
    listener.shutdown()
    thread.join()
    listener.server_close()


def curl(*arguments: str) -> str:
    """Body, or headers and body with -i."""
    return subprocess.run(
        ["curl", "-sS", "-g", *arguments], check=True, capture_output=True, text=True, timeout=20
    ).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_alone_signs_in_pages_by_link_and_receives_a_delivery(
    server: dict[str, Any], sink: tuple[str, "Queue[tuple[str | None, dict[str, Any]]]"]
) -> None:
    api, project = server["api"], server["project_id"]
    pair = ["-d", f"client_id={server['client_id']}", "-d", f"client_secret={server['client_secret']}"]

    page = curl(
        f"{server['login']}/oauth/authorize?response_type=code&client_id={server['client_id']}&redirect_uri={CALLBACK}&state=x"
    )
    assert "<form" in page
    form = ["-d", "response_type=code", "-d", f"client_id={server['client_id']}", "-d", f"redirect_uri={CALLBACK}"]
    person = ["-d", "state=x", "-d", f"user_id={server['user_id']}", "-d", "decision=allow"]
    redirect = curl("-i", *form, *person, f"{server['login']}/oauth/authorize")
    code = re.search(r"location: http://localhost:1/callback\?code=(\w+)&state=x", redirect)
    assert code is not None
    grant = ["-d", "grant_type=authorization_code", "-d", f"code={code[1]}", "-d", f"redirect_uri={CALLBACK}"]
    token = json.loads(curl(*grant, *pair, f"{server['login']}/oauth/token"))["access_token"]
    signed = ["-H", f"Authorization: Bearer {token}", "-H", f"Procore-Company-Id: {server['company_id']}"]

    url: str | None = f"{api}/rest/v1.0/projects/{project}/rfis?per_page=5"
    numbers, total = [], "?"
    while url:
        head, _, body = curl("-i", *signed, url).partition("\n\n")
        numbers += [rfi["id"] for rfi in json.loads(body)]
        total = re.findall(r"(?im)^total: (\d+)", head)[0]
        following = re.search(r'<([^>]+)>; rel="next"', head)
        url = following[1] if following else None

    address, received = sink
    secret = {"destination_headers": {"Authorization": "Bearer hook-secret"}}
    made_hook = {"api_version": "v2", "namespace": "curl-test", "destination_url": address, **secret}
    as_json = ["-H", "Content-Type: application/json"]
    hooks = f"{api}/rest/v1.0/webhooks/hooks"
    hook = json.loads(curl(*signed, *as_json, "-d", json.dumps({"project_id": project, "hook": made_hook}), hooks))
    trigger = {"resource_name": "RFIs", "event_type": "create"}
    body = json.dumps({"project_id": project, "api_version": "v2", "trigger": trigger})
    curl(*signed, *as_json, "-d", body, f"{hooks}/{hook['id']}/triggers")
    user = server["user_id"]
    rfi = {"subject": "By curl", "question": {"body": "?"}, "rfi_manager_id": user, "assignee_ids": [user]}
    made = json.loads(
        curl(*signed, *as_json, "-d", json.dumps({"rfi": rfi}), f"{api}/rest/v1.0/projects/{project}/rfis")
    )
    authorization, event = received.get(timeout=10)

    assert len(numbers) == len(set(numbers)) == int(total)
    assert authorization == "Bearer hook-secret"
    assert (event["resource_name"], event["event_type"], event["resource_id"]) == ("RFIs", "create", made["id"])


def test_the_line_has_credentials_that_work_and_sigterm_ends_it_with_0() -> None:
    process, line = start("--rate-limit", "2/60")
    names = {"api", "login", "client_id", "client_secret", "redirect_uri", "company_id", "project_id", "user_id"}
    code, errors = stop(process)

    assert set(line) == names
    assert code == 0
    assert line["api"] in errors
    assert "Traceback" not in errors


def test_a_lost_response_cuts_the_connection_and_a_timeout_says_nothing(server: dict[str, Any]) -> None:
    faults = [
        {"match": {"path": "/oauth/token/info"}, "do": "lost_response"},
        {"match": {"path": "/rest/*"}, "do": "timeout"},
    ]
    curl("-H", "Content-Type: application/json", "-d", json.dumps(faults), f"{server['api']}/_sim/faults")
    lost = subprocess.run(["curl", "-sS", f"{server['api']}/oauth/token/info"], capture_output=True, check=False)
    silent = subprocess.run(
        ["curl", "-sS", "-m", "0.5", f"{server['api']}/rest/v1.0/me"], capture_output=True, check=False
    )

    assert lost.returncode in (52, 56)  # nothing received, or the connection was reset
    assert lost.stdout == b""
    assert silent.returncode == 28  # timed out


def test_the_example_script_of_faults_is_loaded() -> None:
    process, line = start("--faults", str(REPOSITORY / "examples" / "simulator" / "faults.json"))
    state = json.loads(curl(f"{line['api']}/_sim/state"))
    stop(process)

    assert [fault["do"] for fault in state["faults"]] == ["503", "lost_response", "timeout"]


def test_a_killed_simulator_comes_back_with_its_state(tmp_path: Path) -> None:
    state = str(tmp_path / "procore.db")
    process, line = start("--state", state)
    pair = ["-d", f"client_id={line['client_id']}", "-d", f"client_secret={line['client_secret']}"]
    grant = json.loads(curl("-d", "grant_type=client_credentials", *pair, f"{line['login']}/oauth/token"))
    signed = ["-H", f"Authorization: Bearer {grant['access_token']}", "-H", f"Procore-Company-Id: {line['company_id']}"]
    process.kill()
    process.communicate()

    process, line = start("--state", state)
    me = curl(*signed, f"{line['api']}/rest/v1.0/me")
    stop(process)

    assert json.loads(me)["name"] == "Automation Service"


@pytest.mark.parametrize(
    ("flags", "says"), [(["--rate-limit", "fast"], "--rate-limit"), (["--faults", "no-such-file.json"], "--faults")]
)
def test_a_wrong_option_is_refused_by_name(flags: list[str], says: str) -> None:
    command = [sys.executable, "-m", "construction_mcp", "simulate", *flags]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
