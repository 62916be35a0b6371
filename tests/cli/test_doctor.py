"""`doctor`: says what is there, what is not and what to do, and changes nothing."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from construction_mcp.cli.doctor.installation import _sqlite
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.effects import Intent
from construction_mcp.core.ownership import take
from construction_mcp.store.database import Database
from construction_mcp.store.intents import Intents
from construction_mcp.store.meta import open_key_ring


@pytest.fixture
def workspace(home) -> Path:
    """A data directory as a first use leaves it."""

    async def make(settings: Settings) -> None:
        database = await Database.open(settings.database_file, limits=settings.limits)
        await open_key_ring(database, settings)
        await database.close()

    directory = home / "jobs"
    directory.mkdir(mode=0o700)
    asyncio.run(make(Settings(directory)))
    return directory


def finding(ran, name: str) -> dict:
    return next(found for found in ran.data["findings"] if found["name"] == name)


def test_in_an_empty_home_nothing_is_broken_and_nothing_is_made(cli, home):
    ran = cli("doctor", "--json")

    assert ran.code == 0
    assert finding(ran, "directory")["status"] == "absent"
    assert finding(ran, "Cursor")["status"] == "absent"
    assert list(home.iterdir()) == []


def test_a_used_workspace_shows_its_schema_its_key_and_that_it_is_whole(cli, workspace):
    ran = cli("doctor", "--data-dir", workspace, "--json")

    assert ran.code == 0
    assert finding(ran, "database")["said"].endswith("whole")
    assert str(workspace / "workspace.key") in finding(ran, "key")["said"]


def test_the_files_are_as_they_were_afterwards(cli, workspace):
    before = {path: path.read_bytes() for path in workspace.iterdir()}

    cli("doctor", "--data-dir", workspace)

    after = {path: path.read_bytes() for path in workspace.iterdir() if not path.name.endswith(("-wal", "-shm"))}
    assert after == {path: data for path, data in before.items() if path in after}
    assert before.keys() - after.keys() == set()


def test_a_damaged_database_is_broken_with_a_next_step(cli, workspace):
    (workspace / "construction.db").write_bytes(os.urandom(5000))

    ran = cli("doctor", "--data-dir", workspace, "--json")

    assert ran.code == 1
    assert finding(ran, "database")["said"].startswith("SYSTEM_STORAGE_CORRUPT")
    assert "restore" in finding(ran, "database")["next"]


def test_a_database_damaged_inside_is_broken_though_it_opens(cli, workspace):
    """The header is whole, a page behind it is not: only reading the file through shows it."""
    file = workspace / "construction.db"
    content = bytearray(file.read_bytes())
    content[5 * 4096 : 6 * 4096] = b"\xff" * 4096
    file.write_bytes(content)

    ran = cli("doctor", "--data-dir", workspace, "--json")

    assert ran.code == 1
    assert finding(ran, "database")["status"] == "broken"


def remember(workspace: Path, write) -> None:
    """Let `write(intents)` use the workspace as a server does."""

    async def run() -> None:
        settings = Settings(workspace)
        database = await Database.open(settings.database_file, limits=settings.limits)
        await write(Intents(database, ManualClock()))
        await database.close()

    asyncio.run(run())


def change(key: str) -> Intent:
    return Intent("local:0", "close_procore_rfi", key, "digest", f"Close RFI {key}", {}, ())


def test_a_change_that_a_crash_left_without_an_outcome_is_named(cli, workspace):
    async def crash(intents: Intents) -> None:
        finished, _ = await intents.intend(change("41"))
        await intents.finish(finished.id, change("41"), "done", {})
        for number in range(42, 50):
            await intents.intend(change(str(number)))

    remember(workspace, crash)

    ran = cli("doctor", "--data-dir", workspace, "--json")

    told = [found for found in ran.data["findings"] if found["name"] == "change"]
    assert ran.code == 0
    assert "Close RFI 42 (close_procore_rfi, 2026-03-02T15:00Z" in told[0]["said"]
    assert "look in Procore" in told[0]["next"]
    assert [found["said"] for found in told[5:]] == ["3 more have no known outcome"]
    assert "RFI 41" not in str(told)


def test_a_log_of_changes_that_somebody_altered_is_broken(cli, workspace):
    async def work(intents: Intents) -> None:
        for number in range(3):
            done, _ = await intents.intend(change(str(number)))
            await intents.finish(done.id, change(str(number)), "done", {})

    remember(workspace, work)
    whole = cli("doctor", "--data-dir", workspace, "--json")
    with closing(sqlite3.connect(workspace / "construction.db")) as forger, forger:
        forger.execute("DROP TRIGGER audit_never_changes")  # whoever can write the file can do that too
        forger.execute("UPDATE audit SET summary = 'Close RFI 7' WHERE sequence = 2")

    ran = cli("doctor", "--data-dir", workspace, "--json")

    assert [found for found in whole.data["findings"] if found["name"] in ("audit", "change")] == []
    assert ran.code == 1
    assert "from entry 2 on" in finding(ran, "audit")["said"]


def test_a_key_of_another_workspace_is_broken(cli, workspace):
    (workspace / "workspace.key").unlink()

    ran = cli("doctor", "--data-dir", workspace, "--json")

    assert ran.code == 1
    assert finding(ran, "key")["said"].startswith("AUTH_KEY_MISMATCH")
    assert not (workspace / "workspace.key").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_directory_open_to_others_is_a_warning_with_the_command_that_closes_it(cli, workspace):
    workspace.chmod(0o755)

    ran = cli("doctor", "--data-dir", workspace, "--json")

    assert finding(ran, "directory")["status"] == "warning"
    assert finding(ran, "directory")["next"] == f"Run: chmod 700 {workspace}"


def test_the_owner_of_the_directory_is_named(cli, workspace):
    lock = take(workspace, kind="stdio")
    assert lock is not None
    try:
        ran = cli("doctor", "--data-dir", workspace, "--json")
    finally:
        lock.release()

    assert f"process {os.getpid()}" in finding(ran, "owner")["said"]
    assert finding(ran, "database")["status"] == "ok"


def test_an_unreadable_config_file_is_broken_and_the_rest_is_still_told(cli, home):
    ran = cli("doctor", "--config", home / "none.toml", "--json")

    assert ran.code == 1
    assert finding(ran, "settings")["status"] == "broken"
    assert finding(ran, "Cursor")["status"] == "absent"


def test_a_misspelt_variable_is_named_with_the_right_one_and_without_its_value(cli, monkeypatch):
    monkeypatch.setenv("CONSTRUCTION_MCP_TOOLSET", "s3cret")

    ran = cli("doctor", "--json")

    assert "CONSTRUCTION_MCP_TOOLSET (did you mean CONSTRUCTION_MCP_TOOLSETS?)" in finding(ran, "settings")["next"]
    assert "s3cret" not in ran.out


def test_a_client_is_followed_from_not_connected_to_connected_to_broken(cli, home):
    config = home / ".cursor" / "mcp.json"
    config.parent.mkdir()
    unconnected = finding(cli("doctor", "--json"), "Cursor")
    cli("install", "cursor")
    connected = finding(cli("doctor", "--json"), "Cursor")
    entry = json.loads(config.read_text())
    entry["mcpServers"]["construction-mcp"]["command"] = str(home / "gone" / "construction-mcp")
    config.write_text(json.dumps(entry))
    ran = cli("doctor", "--json")

    assert (unconnected["status"], unconnected["next"]) == ("absent", "construction-mcp install cursor")
    assert connected["status"] == "ok"
    assert (ran.code, finding(ran, "Cursor")["status"]) == (1, "broken")


def test_a_clients_file_that_is_not_json_is_broken(cli, home):
    (home / ".claude.json").write_text("{")

    ran = cli("doctor", "--json")

    assert ran.code == 1
    assert "not valid JSON" in finding(ran, "Claude Code")["said"]


@pytest.mark.parametrize(("version", "status"), [((3, 40, 1), "warning"), ((3, 51, 2), "warning"), ((3, 51, 3), "ok")])
def test_a_sqlite_that_two_writers_can_damage_is_a_warning(version, status):
    """Source: sqlite.org/wal.html, the WAL-reset bug."""
    assert _sqlite(version).status == status


def test_the_text_has_a_line_for_every_finding_and_its_next_step(cli):
    ran, data = cli("doctor"), cli("doctor", "--json").data

    assert all(f"{found['name']}: {found['said']}" in ran.out for found in data["findings"] if found["name"] != "disk")
    assert all(f"next: {found['next']}" in ran.out for found in data["findings"] if "next" in found)
    assert "Nothing is broken." in ran.out


def test_packages_that_add_actions_or_templates_are_told_with_what_is_wrong(cli, tmp_path, monkeypatch):
    package = tmp_path / "packages"
    metadata = package / "sad_actions-1.dist-info"
    metadata.mkdir(parents=True)
    (package / "sad_actions.py").write_text("raise RuntimeError('no licence')")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sad_actions\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[construction_mcp.actions]\nconcrete = sad_actions\n")
    monkeypatch.syspath_prepend(package)
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "plugins")

    ran = cli("doctor", "--json")

    assert ran.code == 1
    assert finding(ran, "action types")["status"] == finding(ran, "templates")["status"] == "ok"
    assert finding(ran, "actions concrete of sad_actions")["said"] == "RuntimeError: no licence"
    assert finding(ran, "template half_done")["status"] == "broken"
    assert "uninstall" in finding(ran, "template half_done")["next"]
