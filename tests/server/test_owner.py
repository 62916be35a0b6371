"""One owner a data directory, bridges for everybody else, and the turns between them."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from construction_mcp import __version__
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.ownership import ask_owner, connect, hello, holder_of, read_line, take
from construction_mcp.server.handover import own_directory
from construction_mcp.server.owner import is_same_user
from tests.stdio_process import DEADLINE_S, INITIALIZE, Gate, StdioProcess

BOTH_ERAS = pytest.mark.parametrize("modern", [False, True], ids=["handshake", "2026-07-28"])


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StdioProcess, Path]]:
    """One owner for the tests that only knock at its door."""
    data_dir = tmp_path_factory.mktemp("standing") / "data"
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        yield owner, data_dir


def greet(data_dir: Path, want: str, **said: Any) -> tuple[socket.socket, dict[str, Any]]:
    """Say hello to the owner as this package would; its first answer."""
    holder = holder_of(data_dir)
    assert holder is not None
    channel = connect(holder)
    channel.settimeout(DEADLINE_S)
    channel.sendall(hello(holder, want, **{"package_version": __version__, **said}))
    line, _ = read_line(channel, 1 << 20)
    return channel, json.loads(line)


def test_a_second_process_is_bridged_and_never_a_second_writer(data_dir: Path, gate: Gate) -> None:
    with StdioProcess(data_dir) as owner, StdioProcess(data_dir) as bridged:
        owner.open_live()
        bridged.open()
        call = bridged.call("pass_gate", gate=gate.path)
        gate.await_knock()
        holder = holder_of(data_dir)
        gate.let_through()

        assert holder is not None
        assert holder.pid in (owner.pid, bridged.pid)
        assert take(data_dir) is None
        assert bridged.answer(call)["result"]["structuredContent"]["word"] == "go"


@BOTH_ERAS
def test_a_bridge_takes_over_from_a_killed_owner_in_the_same_session(data_dir: Path, gate: Gate, modern: bool) -> None:
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        with StdioProcess(data_dir, modern=modern) as bridged:
            bridged.open()
            lost = bridged.call("pass_gate", gate=gate.path)
            gate.await_knock()
            owner.kill()
            error = bridged.answer(lost)["result"]
            again = bridged.call("pass_gate", gate=gate.path)
            gate.await_knock()
            gate.let_through("again")

            assert error["isError"] is True
            assert error["structuredContent"]["error"]["code"] == "SYSTEM_OWNER_GONE"
            assert error["structuredContent"]["error"]["retryable"] is True
            assert bridged.answer(again)["result"]["structuredContent"]["word"] == "again"
            assert holder_of(data_dir).pid == bridged.pid  # type: ignore[union-attr]  # it answers, so it holds
            bridged.close_input()
            assert bridged.rest() == []  # the replayed opening was not answered twice
            assert bridged.wait() == 0


def test_an_owner_whose_client_leaves_gives_the_directory_to_a_bridge(data_dir: Path) -> None:
    with StdioProcess(data_dir) as owner, StdioProcess(data_dir) as bridged:
        owner.open_live()
        bridged.open()
        bridged.ask("ping")
        owner.close_input()

        assert owner.wait() == 0
        assert "result" in bridged.ask("tools/list")


def test_other_methods_in_flight_get_the_same_news_as_an_error(data_dir: Path) -> None:
    """A request the killed owner never answered, and that is not a tools/call."""
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        with StdioProcess(data_dir) as bridged:
            bridged.open()
            bridged.ask("ping")
            owner.signal(signal.SIGSTOP)
            request_id = bridged.request("resources/list")
            owner.kill()

            error = bridged.answer(request_id)["error"]
            assert error["code"] == -32603
            assert error["data"]["error"]["code"] == "SYSTEM_OWNER_GONE"


def test_asking_for_the_directory_turns_the_owner_into_a_bridge(data_dir: Path, gate: Gate) -> None:
    """What `serve` does on a directory owned by a stdio process; the call in flight is answered first."""
    with StdioProcess(data_dir) as owner:
        owner.open()
        call = owner.call("pass_gate", gate=gate.path)
        gate.await_knock()
        holder = holder_of(data_dir)
        assert holder is not None
        with connect(holder) as channel:
            channel.settimeout(DEADLINE_S)
            channel.sendall(hello(holder, "handover", package_version="another"))
            gate.let_through("before")
            line, _ = read_line(channel, 1 << 20)
        ownership = take(data_dir)
        late = owner.request("ping")
        assert json.loads(line) == {"result": {}}
        assert owner.answer(call)["result"]["structuredContent"]["word"] == "before"
        assert ownership is not None
        ownership.release()
        with StdioProcess(data_dir) as successor:
            successor.open()

            assert "result" in owner.answer(late)
            assert "result" in owner.ask("tools/list")


def test_serve_takes_the_directory_from_a_stdio_owner_whose_client_goes_on(data_dir: Path) -> None:
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        ownership = own_directory(str(data_dir), Limits())
        ownership.release()

        assert "result" in owner.ask("tools/list")


def test_another_version_is_refused_with_a_clear_error(standing: tuple[StdioProcess, Path]) -> None:
    owner, data_dir = standing
    channel, answer = greet(data_dir, "session", package_version="0.0.1", environment="simulator")
    channel.close()

    assert answer["error"]["code"] == "SYSTEM_OWNER_VERSION"
    assert str(owner.pid) in answer["error"]["message"]


def test_another_environment_is_told_to_the_client(standing: tuple[StdioProcess, Path]) -> None:
    """The process cannot serve; its client hears why instead of meeting a closed pipe."""
    _, data_dir = standing
    with StdioProcess(data_dir, environ={"PROCORE_ENVIRONMENT": "sandbox"}) as other:
        answer = other.ask("initialize", {})
        other.close_input()

        assert answer["error"]["data"]["error"]["code"] == "SYSTEM_DIRECTORY_OWNED"
        assert "simulator" in answer["error"]["message"]
        assert other.wait() == 1


@pytest.mark.parametrize(("owner_flags", "bridge_flags"), [((), ("--read-only",)), (("--read-only",), ())])
def test_read_only_by_either_side_wins(
    data_dir: Path, owner_flags: tuple[str, ...], bridge_flags: tuple[str, ...]
) -> None:
    with StdioProcess(data_dir, *owner_flags) as owner:
        owner.open_live()
        with StdioProcess(data_dir, "--toolsets", "all", *bridge_flags) as bridged:
            bridged.open()
            names = {tool["name"] for tool in bridged.ask("tools/list")["result"]["tools"]}
            refused = bridged.answer(bridged.call("change_something"))

            assert "pass_gate" in names
            assert "change_something" not in names
            assert refused["result"]["isError"] is True


def test_a_bridge_shows_its_own_toolsets(data_dir: Path) -> None:
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        with StdioProcess(data_dir, "--toolsets", "gated_toolset") as bridged:
            bridged.open()
            names = {tool["name"] for tool in bridged.ask("tools/list")["result"]["tools"]}

            assert {"pass_gate", "change_something", "find_tools", "use_tool"} <= names
            assert "create_workflow" not in names


def test_an_unknown_toolset_is_refused_with_the_names_there_are(data_dir: Path) -> None:
    with StdioProcess(data_dir, "--toolsets", "nonsense") as client:
        answer = client.ask("initialize", {})
        client.close_input()

        assert "nonsense" in answer["error"]["message"]
        assert client.wait() == 1


def test_the_door_is_for_this_user_alone(standing: tuple[StdioProcess, Path]) -> None:
    _, data_dir = standing
    holder = holder_of(data_dir)
    assert holder is not None
    mode = stat.S_IMODE(os.stat(holder.address).st_mode)
    folder = stat.S_IMODE(os.stat(data_dir).st_mode)
    lock = stat.S_IMODE(os.stat(data_dir / "owner.lock").st_mode)

    assert (mode, folder, lock) == (0o600, 0o700, 0o600)


def test_a_wrong_secret_opens_nothing(standing: tuple[StdioProcess, Path]) -> None:
    _, data_dir = standing
    channel, answer = greet(data_dir, "session", secret="guess", environment="simulator")

    assert answer["error"]["code"] == "AUTH_ROLE_REQUIRED"
    assert channel.recv(1) == b""


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{}\n", b"\xff\n", b'{"want":1}\n', b"x" * 100_000 + b"\n"])
def test_a_garbled_hello_is_answered_and_harms_nobody(standing: tuple[StdioProcess, Path], line: bytes) -> None:
    owner, data_dir = standing
    holder = holder_of(data_dir)
    assert holder is not None
    with connect(holder) as channel:
        channel.settimeout(DEADLINE_S)
        channel.sendall(line)
        answer, _ = read_line(channel, 1 << 20)

    assert "error" in json.loads(answer)
    assert "result" in owner.ask("ping")


def test_an_unknown_command_is_refused(standing: tuple[StdioProcess, Path]) -> None:
    _, data_dir = standing

    with pytest.raises(ConstructionError, match="no command 'fly'"):
        ask_owner(data_dir, "fly", {}, timeout=DEADLINE_S)


def test_a_long_data_directory_path_still_has_a_door(tmp_path: Path, short_path: Path) -> None:
    """A unix socket's path has 108 bytes at most."""
    data_dir = tmp_path / ("d" * 120)
    environ = {"XDG_RUNTIME_DIR": str(short_path)}
    with StdioProcess(data_dir, environ=environ) as owner, StdioProcess(data_dir) as bridged:
        owner.open_live()
        bridged.open()

        assert "result" in bridged.ask("tools/list")


def test_no_process_is_left_when_both_are_told_to_stop(data_dir: Path) -> None:
    with StdioProcess(data_dir) as owner, StdioProcess(data_dir) as bridged:
        owner.open_live()
        bridged.open()
        bridged.ask("ping")
        bridged.terminate()
        owner.terminate()

        assert bridged.wait() == 0
        assert owner.wait() == 0


def test_subscriptions_go_on_with_the_next_owner(data_dir: Path) -> None:
    """A listen stream stays open across owners: it is acknowledged once and not answered in between."""
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        with StdioProcess(data_dir, modern=True) as bridged:
            bridged.open()
            listen = bridged.request("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
            acknowledged = bridged.read()
            owner.kill()
            bridged.ask("tools/list")
            bridged.close_input()
            rest = [json.loads(line) for line in bridged.rest()]

            assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
            assert [message.get("method", message["id"]) for message in rest] == [listen]


def test_a_late_answer_to_a_dead_owners_question_is_not_taken_for_another(data_dir: Path) -> None:
    """The SDK numbers its questions from 1 in every process; a yes to the old one must not confirm the new one."""
    capable = {**INITIALIZE, "capabilities": {"elicitation": {"form": {}}}}
    with StdioProcess(data_dir) as owner:
        owner.open_live()
        with StdioProcess(data_dir) as bridged:
            bridged.ask("initialize", capable)
            bridged.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
            bridged.call("ask_person", question="delete the old one?")
            old = bridged.read()
            owner.kill()
            taken_back = bridged.read()
            lost = bridged.read()
            again = bridged.call("ask_person", question="delete the new one?")
            new = bridged.read()
            bridged.send({"jsonrpc": "2.0", "id": old["id"], "result": {"action": "accept", "content": {}}})
            bridged.send({"jsonrpc": "2.0", "id": new["id"], "result": {"action": "decline"}})

            assert taken_back["params"]["requestId"] == old["id"]
            assert lost["result"]["isError"] is True
            assert new["id"] != old["id"]
            assert bridged.answer(again)["result"]["structuredContent"] == {"action": "decline"}


def test_a_question_nobody_can_answer_any_more_does_not_delay_the_end(data_dir: Path) -> None:
    with StdioProcess(data_dir) as client:
        client.ask("initialize", {**INITIALIZE, "capabilities": {"elicitation": {"form": {}}}})
        client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        call = client.call("ask_person", question="sure?")
        question = client.read()
        client.close_input()
        answer = client.answer(call, timeout=2)

        assert question["method"] == "elicitation/create"
        assert "id" in answer
        assert client.wait(2) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can pretend to be somebody else")
def test_another_users_connection_is_recognised() -> None:
    """A door left open to all, by a wrong mode or a shared directory, still knows who comes in."""
    path = Path("/tmp") / f"door-{os.getpid()}"  # noqa: S108 - pytest's own folder shuts others out
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen()
        listener.settimeout(DEADLINE_S)
        verdicts = [admits(listener, path, user) for user in (65534, 0)]
    path.unlink()

    assert verdicts == [False, True]


def admits(listener: socket.socket, path: Path, user: int) -> bool:
    """Whether a child that became `user` is taken for this user."""
    child = os.fork()
    if child == 0:
        os.setuid(user)
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(str(path))
            knocking.recv(1)
        os._exit(0)
    caller, _ = listener.accept()
    verdict = is_same_user(caller)
    caller.close()
    os.waitpid(child, 0)
    return verdict


def test_a_command_that_fails_by_our_own_mistake_is_told_so(standing: tuple[StdioProcess, Path]) -> None:
    """Not a closed door, which reads as an owner that does not answer."""
    _, data_dir = standing

    with pytest.raises(ConstructionError) as caught:
        ask_owner(data_dir, "users.add", {})

    assert caught.value.code == "SYSTEM_INTERNAL"
    assert "name" not in caught.value.message
