"""Questions and log lines to clients of the older revisions over HTTP, on a real `serve` with the fixture toolset."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.processes import FIXTURES, environment, serving

PACKAGE = Path(__file__).with_name("fixture_toolset")
PATH = "/mcp"
ACCEPT = {"accept": "application/json, text/event-stream"}
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"elicitation": {}},
    "clientInfo": {"name": "test", "version": "1"},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("older")
    installed = folder / "site" / "conformance_fixtures-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: conformance-fixtures\nVersion: 0\n", "utf-8")
    (installed / "entry_points.txt").write_text(f"[construction_mcp.toolsets]\nfixtures = {FIXTURES}\n", "utf-8")
    env = environment(Path(__file__).parents[2], PACKAGE, installed.parent)
    with serving(folder / "data", "--no-auth", env=env) as addresses:
        yield addresses["mcp"]


@pytest.fixture
def session(url: str) -> Iterator[httpx.Client]:
    """A session that never opens the standalone GET stream, as many clients never do."""
    with httpx.Client(base_url=url.removesuffix(PATH), headers=ACCEPT, timeout=20, trust_env=False) as client:
        answer = client.post(PATH, json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
        client.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        client.headers["mcp-protocol-version"] = "2025-11-25"
        client.post(PATH, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield client


def messages(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def test_a_question_rides_the_stream_of_the_call_that_asks(session: httpx.Client) -> None:
    with session.stream("POST", PATH, json=call("test_elicitation", message="Who are you?")) as answer:
        stream = messages(answer)
        question = next(stream)
        person = {"action": "accept", "content": {"username": "ana", "email": "ana@example.com"}}
        session.post(PATH, json={"jsonrpc": "2.0", "id": question["id"], "result": person})
        result = next(stream)["result"]

    assert (question["method"], question["params"]["message"]) == ("elicitation/create", "Who are you?")
    assert "action=accept" in result["content"][0]["text"]


@pytest.mark.parametrize(("level", "lines"), [("info", 3), ("warning", 0)])
def test_log_lines_below_the_level_asked_for_are_not_sent(session: httpx.Client, level: str, lines: int) -> None:
    """MCP 2025-11-25, "Logging"."""
    session.post(PATH, json={"jsonrpc": "2.0", "id": 9, "method": "logging/setLevel", "params": {"level": level}})
    with session.stream("POST", PATH, json=call("test_tool_with_logging")) as answer:
        seen = [message.get("method") for message in messages(answer)]

    assert seen.count("notifications/message") == lines


def test_the_whitespace_behind_a_header_value_is_no_part_of_it(url: str) -> None:
    """RFC 9110, section 5.5; the conformance suite calls it sep-2243-server-accepts-whitespace-header-value."""
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "  find_tools  ", **ACCEPT}
    frame = call("find_tools", query="health")
    frame["params"]["_meta"] = envelope

    place = urlsplit(url)
    connection = HTTPConnection(str(place.hostname), place.port, timeout=20)  # httpx would strip what this sends
    connection.request("POST", place.path, json.dumps(frame), {"content-type": "application/json", **headers})
    answer = connection.getresponse()

    assert answer.status == 200, answer.read()
    connection.close()
