"""`--server URL --token-file F`: a stdio client of a server elsewhere."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.stdio_process import PLUGINS, ROOT, Gate, StdioProcess

BOTH_ERAS = pytest.mark.parametrize("modern", [False, True], ids=["handshake", "2026-07-28"])


class Remote(NamedTuple):
    url: str
    token: str


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A real `serve` on a free port of this machine."""
    data_dir = tmp_path_factory.mktemp("remote") / "data"
    with subprocess.Popen(
        [sys.executable, "-m", "construction_mcp", "serve", "--port", "0", "--json", "--data-dir", str(data_dir)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLUGINS)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield Remote(said["mcp"], said["token"])
        process.terminate()


def bridge(tmp_path: Path, url: str, token: str, *, modern: bool = False) -> StdioProcess:
    token_file = tmp_path / "token"
    token_file.write_text(token + "\n")
    return StdioProcess(tmp_path / "unused", "--server", url, "--token-file", str(token_file), modern=modern)


@BOTH_ERAS
def test_a_remote_server_is_used_as_a_local_one(tmp_path: Path, remote: Remote, modern: bool) -> None:
    gate = Gate(tmp_path)
    with bridge(tmp_path, remote.url, remote.token, modern=modern) as client:
        opened = client.open()
        names = {tool["name"] for tool in client.ask("tools/list")["result"]["tools"]}
        call = client.call("pass_gate", gate=gate.path)
        gate.await_knock()
        client.close_input()
        gate.let_through("far")
        answer = client.answer(call)

        assert "result" in opened
        assert "pass_gate" in names
        assert answer["result"]["structuredContent"]["word"] == "far"
        assert client.wait() == 0
        assert not (tmp_path / "unused").exists()
    gate.close()


def test_a_refused_token_is_said_plainly_and_not_repeated(tmp_path: Path, remote: Remote) -> None:
    with bridge(tmp_path, remote.url, "not-the-token") as client:
        error = client.open()["error"]
        client.close_input()

        assert error["data"]["error"]["code"] == "AUTH_LOGIN_REQUIRED"
        assert "--token-file" in error["data"]["error"]["details"]["hint"]
        assert client.wait() == 0
        assert "not-the-token" not in client.errors() + json.dumps(error)


def test_a_server_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with bridge(tmp_path, f"http://127.0.0.1:{port}/mcp", "token") as client:
        first = client.ask("initialize", {})["error"]
        second = client.ask("tools/list")["error"]
        client.close_input()

        assert first["data"]["error"]["code"] == "SYSTEM_UNAVAILABLE"
        assert second["data"]["error"]["retryable"] is True
        assert client.wait() == 0


@pytest.mark.parametrize(
    "url", ["ftp://example.com/mcp", "http://example.com/mcp", "https://user:secret@example.com/mcp", "nonsense"]
)
def test_a_url_that_may_not_carry_a_token_is_refused(tmp_path: Path, url: str) -> None:
    with bridge(tmp_path, url, "token") as client:
        error = client.ask("initialize", {})["error"]
        client.close_input()

        assert "--server" in error["message"]
        assert "secret" not in error["message"]
        assert client.wait() == 1
