"""Copies: complete while work goes on, verified, private, and in standby when put back."""

import asyncio
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid, NotPermitted, Unavailable
from construction_mcp.store.backup import DATABASE_FILE, MANIFEST_FILE, back_up, restore
from construction_mcp.store.database import Database
from construction_mcp.store.meta import open_key_ring, standby_since, take_over
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import Draft, Workflows
from tests.store.conftest import QUICK

pytestmark = pytest.mark.anyio

META = load("meta")


@pytest.fixture
def settings(path: Path) -> Settings:
    return Settings(data_dir=path.parent, limits=QUICK)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "elsewhere", limits=QUICK)


@pytest.fixture
async def copy(database, workflows, settings, clock, tmp_path) -> Path:
    """A backup with keys of a workspace with one workflow."""
    await open_key_ring(database, settings)
    await workflows.create(Draft("w", "simulator", "local:1"), [{"key": "a", "type": "t"}])
    await back_up(database, settings, tmp_path / "copy", now=clock.now(), with_keys=True)
    return tmp_path / "copy"


async def opened(settings: Settings) -> Database:
    return await Database.open(settings.database_file, limits=QUICK)


async def test_a_restored_copy_is_the_same_workspace_in_standby(copy, workflows, elsewhere, clock):
    restore(copy, elsewhere, now=clock.now())
    database = await opened(elsewhere)
    restored = (await Workflows(database, clock).list(limit=5)).items
    await open_key_ring(database, elsewhere)
    since = await standby_since(database)
    took_over = [await take_over(database), await take_over(database)]
    after = await standby_since(database)
    await database.close()

    assert restored == (await workflows.list(limit=5)).items
    assert since is not None
    assert (took_over, after) == ([True, False], None)


async def test_the_original_is_not_in_standby(copy, database):
    assert await standby_since(database) is None


async def test_without_keys_a_copy_opens_no_secret_and_makes_no_new_key(database, settings, elsewhere, clock, tmp_path):
    await open_key_ring(database, settings)
    manifest = await back_up(database, settings, tmp_path / "copy", now=clock.now())
    restore(tmp_path / "copy", elsewhere, now=clock.now())
    restored = await opened(elsewhere)
    with pytest.raises(NotPermitted) as caught:
        await open_key_ring(restored, elsewhere)
    await restored.close()

    assert not manifest.has_keys
    assert caught.value.code == "AUTH_KEY_MISMATCH"
    assert sorted(file.name for file in elsewhere.data_dir.iterdir()) == [DATABASE_FILE]


async def test_others_write_while_a_copy_is_taken(path, clock, tmp_path):
    """The copy goes in steps; what is written between two of them is in the copy."""
    database = await Database.open(path, limits=replace(QUICK, copy_pages_per_step=1))
    settings = Settings(data_dir=path.parent)
    for i in range(20):
        await database.write(lambda tx, i=i: tx.run(META.set, key=f"old{i}", value="v" * 50_000))
    copying = asyncio.ensure_future(back_up(database, settings, tmp_path / "copy", now=clock.now()))
    written = 0
    while not copying.done():
        await database.write(lambda tx, i=written: tx.run(META.set, key=f"new{i}", value="v"))
        written += 1
    await copying
    await database.close()
    found = sqlite3.connect(tmp_path / "copy" / DATABASE_FILE).execute("SELECT key FROM meta").fetchall()

    assert written > 1
    assert len([key for (key,) in found if key.startswith("old")]) == 20
    assert len([key for (key,) in found if key.startswith("new")]) > 1


async def test_a_copy_is_readable_by_its_owner_only(copy):
    assert {file.name: file.stat().st_mode & 0o077 for file in (copy, *copy.iterdir())} == {
        "copy": 0,
        DATABASE_FILE: 0,
        "workspace.key": 0,
        MANIFEST_FILE: 0,
    }


async def test_a_workspace_is_not_overwritten_unless_forced_and_then_set_aside(
    copy, database, workflows, settings, clock
):
    await workflows.create(Draft("later", "simulator", "local:1"))
    with pytest.raises(Invalid):
        restore(copy, settings, now=clock.now())
    await database.close()
    restore(copy, settings, now=clock.now(), force=True)
    database = await opened(settings)
    names = [item.name for item in (await Workflows(database, clock).list(limit=5)).items]
    await database.close()
    aside = sqlite3.connect(settings.data_dir / f"{DATABASE_FILE}.replaced").execute("SELECT count(*) FROM workflows")

    assert names == ["w"]
    assert aside.fetchone() == (2,)


@pytest.mark.parametrize("name", [DATABASE_FILE, "workspace.key"])
async def test_an_altered_copy_is_refused_and_nothing_is_put_down(copy, elsewhere, clock, name):
    with (copy / name).open("r+b") as file:
        file.seek(30)
        was = file.read(1)
        file.seek(30)
        file.write(b"y" if was == b"x" else b"x")  # a key is random, so it may hold any letter there
    with pytest.raises(Unavailable) as caught:
        restore(copy, elsewhere, now=clock.now())

    assert caught.value.code == "SYSTEM_STORAGE_CORRUPT"
    assert not elsewhere.data_dir.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"../../etc/passwd": "0"}},
        {"files": {DATABASE_FILE: "0", "../escape": "0"}},
        {"files": {}},
        {"files": None},
        {"unknown": 1},
    ],
)
async def test_a_manifest_cannot_name_other_files(copy, elsewhere, clock, change):
    manifest = json.loads((copy / MANIFEST_FILE).read_text())
    (copy / MANIFEST_FILE).write_text(json.dumps({**manifest, **change}))
    with pytest.raises(Invalid):
        restore(copy, elsewhere, now=clock.now())

    assert not elsewhere.data_dir.exists()


async def test_a_copy_from_a_newer_version_is_refused(copy, elsewhere, clock):
    manifest = json.loads((copy / MANIFEST_FILE).read_text())
    (copy / MANIFEST_FILE).write_text(json.dumps({**manifest, "schema": 999}))
    with pytest.raises(Unavailable) as caught:
        restore(copy, elsewhere, now=clock.now())

    assert caught.value.code == "SYSTEM_STORAGE_NEWER"


async def test_a_directory_with_something_in_it_is_no_target(database, settings, clock, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(Invalid):
        await back_up(database, settings, tmp_path / "full", now=clock.now())

    assert [file.name for file in (tmp_path / "full").iterdir()] == ["mine.txt"]
