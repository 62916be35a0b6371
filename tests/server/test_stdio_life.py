"""The life of a stdio process: R11 of the security page, through real processes."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.ownership import ask_owner
from tests.stdio_process import DEADLINE_S, Gate, StdioProcess

BOTH_ERAS = pytest.mark.parametrize("modern", [False, True], ids=["handshake", "2026-07-28"])


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def let_it_notice(data_dir: Path) -> None:
    """Return when the process has looked at its input since: the same loop answers this, in a later turn."""
    with pytest.raises(ConstructionError, match="no command"):
        ask_owner(data_dir, "nothing", {}, timeout=DEADLINE_S)


@BOTH_ERAS
def test_frames_read_before_the_end_of_input_are_answered_then_the_process_ends(
    data_dir: Path, gate: Gate, modern: bool
) -> None:
    with StdioProcess(data_dir, modern=modern) as client:
        client.open()
        call = client.call("pass_gate", gate=gate.path)
        gate.await_knock()
        client.close_input()
        let_it_notice(data_dir)
        gate.let_through("late")
        answer = client.answer(call)
        answered_at = time.monotonic()
        code = client.wait()

        assert answer["result"]["structuredContent"]["word"] == "late"
        assert code == 0
        assert time.monotonic() - answered_at < 1.0


def test_input_piped_in_one_go_is_answered_in_full(data_dir: Path) -> None:
    """What `printf ... | construction-mcp` does: everything and the end of input before the SDK is imported."""
    with StdioProcess(data_dir) as client:
        client.request(
            "initialize", {"protocolVersion": "x", "capabilities": {}, "clientInfo": {"name": "n", "version": "1"}}
        )
        client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        client.request("tools/list")
        client.call("find_tools", query="gate")
        client.send_bytes(b'{"jsonrpc":"2.0","id":9,"method":"ping"}')  # and no newline
        client.close_input()
        answers = [json.loads(line) for line in client.rest()]

        assert {answer["id"] for answer in answers} == {1, 2, 3, 9}
        assert all("result" in answer for answer in answers)
        assert client.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_drains_and_exits_cleanly(data_dir: Path, gate: Gate, number: signal.Signals) -> None:
    with StdioProcess(data_dir) as client:
        client.open()
        call = client.call("pass_gate", gate=gate.path)
        gate.await_knock()
        client.signal(number)
        let_it_notice(data_dir)
        gate.let_through()

        assert client.answer(call)["result"]["structuredContent"]["word"] == "go"
        assert client.wait() == 0
        assert client.errors() == ""


def test_a_signal_while_importing_ends_the_process(data_dir: Path) -> None:
    with StdioProcess(data_dir, plugins=False) as client:
        client.ask(
            "initialize", {"protocolVersion": "x", "capabilities": {}, "clientInfo": {"name": "n", "version": "1"}}
        )
        client.terminate()

        assert client.wait(5) == 0


def test_a_call_that_never_ends_delays_the_exit_by_ten_seconds_at_most(data_dir: Path, gate: Gate) -> None:
    with StdioProcess(data_dir) as client:
        client.open()
        call = client.call("pass_gate", gate=gate.path)
        gate.await_knock()
        client.close_input()
        closed_at = time.monotonic()
        answer = client.answer(call)
        code = client.wait()

        assert "error" in answer
        assert code == 0
        assert time.monotonic() - closed_at < 11.0


def test_nothing_but_messages_reaches_stdout(data_dir: Path) -> None:
    with StdioProcess(data_dir) as client:
        client.open()
        call = client.call("make_noise")
        answer = client.answer(call)
        client.close_input()

        assert answer["result"]["structuredContent"] == {"made": True}
        assert client.rest() == []
        assert client.wait() == 0
        noise = client.errors()
        assert noise.count("noise from") == 3


def test_the_caller_is_the_local_user(data_dir: Path, gate: Gate) -> None:
    import os

    with StdioProcess(data_dir) as client:
        client.open()
        call = client.call("pass_gate", gate=gate.path)
        gate.await_knock()
        gate.let_through()

        assert client.answer(call)["result"]["structuredContent"]["by"] == f"local:{os.getuid()}"


def test_a_client_that_does_not_read_stalls_nobody_else(data_dir: Path, gate: Gate) -> None:
    """Answers beyond the pipe's size wait in memory; the event loop goes on and answers a bridged client."""
    with StdioProcess(data_dir) as lazy, StdioProcess(data_dir) as other:
        lazy.open()
        for number in range(200):
            lazy.request("tools/list", request_id=f"unread-{number}")
        other.open()

        assert "result" in other.ask("tools/list")
        assert {lazy.answer(f"unread-{number}")["id"] for number in range(200)}
