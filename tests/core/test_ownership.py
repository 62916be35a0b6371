"""One owner a directory, told apart by the lock and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from construction_mcp import __version__
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.ownership import LOCK_FILE, Holder, ask_owner, error_from, holder_of, socket_path, take
from tests.stdio_process import ROOT


def test_a_directory_is_owned_once_until_released(tmp_path: Path) -> None:
    first = take(tmp_path / "data")
    second = take(tmp_path / "data")
    assert first is not None
    first.release()
    first.release()
    third = take(tmp_path / "data")

    assert second is None
    assert third is not None
    third.release()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """Killed, not released: what it wrote stays, and counts for nothing."""
    code = (
        "import sys; from construction_mcp.core.ownership import take; held = take(sys.argv[1]); print('held');"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        while_held = take(tmp_path)
        said = holder_of(tmp_path)
        process.kill()
        process.wait()
        ownership = take(tmp_path)

        assert while_held is None
        assert said == Holder(process.pid, __version__, "stdio")
        assert ownership is not None
        ownership.release()


def test_the_holder_says_what_it_is_and_where_it_listens(tmp_path: Path) -> None:
    ownership = take(tmp_path, kind="command")
    assert ownership is not None
    before = holder_of(tmp_path)
    said = Holder(7, "1", "serve", "/a/longer/address", "secret")
    ownership.announce(said)
    ownership.announce(said._replace(address=""))
    after = holder_of(tmp_path)
    ownership.release()

    assert before is not None
    assert before.kind == "command"
    assert after == said._replace(address="")
    assert holder_of(tmp_path) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"pid": 1}', b'{"unheard": 1}', b"\xff"])
def test_a_damaged_lock_file_names_nobody_and_stops_nobody(tmp_path: Path, text: bytes) -> None:
    (tmp_path / LOCK_FILE).write_bytes(text)
    named = holder_of(tmp_path)
    ownership = take(tmp_path)

    assert named is None
    assert ownership is not None
    ownership.release()


def test_a_place_that_cannot_be_a_directory_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as raised:
        take(tmp_path / "file")

    assert raised.value.code == "SYSTEM_STORAGE_READONLY"
    assert "--data-dir" in (raised.value.hint or "")


def test_asking_where_nobody_listens_is_retryable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        ask_owner(tmp_path, "health", timeout=0.1)
    ownership = take(tmp_path)
    assert ownership is not None
    ownership.announce(Holder(1, "1", "stdio", str(tmp_path / "gone.sock")))
    with pytest.raises(Unavailable):
        ask_owner(tmp_path, "health")
    ownership.release()


def test_an_error_from_a_newer_process_keeps_its_message() -> None:
    error = error_from({"error": json.loads('{"code": "SYSTEM_UNHEARD", "message": "no", "retryable": true}')})

    assert (error.code, error.message, error.retryable) == ("SYSTEM_INTERNAL", "no", True)


def test_the_private_directory_of_long_paths_must_be_ours_alone(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    short = socket_path("/data")
    long = socket_path("/" + "d" * 120)
    os.chmod(Path(long).parent, 0o770)
    with pytest.raises(PermissionError):
        socket_path("/" + "d" * 120)

    assert short == "/data/owner.sock"
    assert len(long) < 104
