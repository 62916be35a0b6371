"""Migrations: once, in order, whole, with a copy first."""

import sqlite3
from pathlib import Path

import pytest

from construction_mcp.core.errors import Unavailable
from construction_mcp.store.database import Database
from construction_mcp.store.migrate import Migration, applied_migrations, known_migrations, migrate
from tests.store.conftest import QUICK

pytestmark = pytest.mark.anyio

NEXT = Migration(len(known_migrations()) + 1, "next", "CREATE TABLE extra (id INTEGER) STRICT;\n")


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def test_a_new_file_gets_every_migration_and_no_backup(path):
    done = migrate(connect(path), path)

    assert (done.before, done.after, done.backup) == (0, len(known_migrations()), None)


def test_opening_again_changes_nothing(path):
    migrate(connect(path), path)
    before = path.read_bytes()
    done = migrate(connect(path), path)

    assert done.before == done.after
    assert path.read_bytes() == before


def test_a_later_migration_copies_the_database_first(path):
    connection = connect(path)
    migrate(connection, path)
    connection.execute("INSERT INTO meta VALUES ('k', 'v')")
    done = migrate(connection, path, [*known_migrations(), NEXT])

    assert done.backup.stat().st_mode & 0o077 == 0
    assert connect(done.backup).execute("SELECT value FROM meta").fetchone() == ("v",)
    assert len(applied_migrations(connect(done.backup))) == NEXT.number - 1
    assert applied_migrations(connection)[-1] == (NEXT.number, NEXT.checksum)


def test_a_failing_migration_leaves_nothing_of_itself(path):
    broken = Migration(NEXT.number, "broken", f"{NEXT.text}DROP TABLE nowhere;\n")
    connection = connect(path)
    migrate(connection, path)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, path, [*known_migrations(), broken])

    assert len(applied_migrations(connection)) == NEXT.number - 1
    assert migrate(connection, path, [*known_migrations(), NEXT]).after == NEXT.number


def test_hooks_and_their_deliveries_survive_being_written_anew(path):
    """0004 makes both tables again, and dropping a table deletes what refers to it."""
    connection = connect(path)
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection, path, known_migrations()[:3])
    hook = ("hook_1", "simulator", 1, 7, "local:1", "88", '["RFIs"]', "hash", None, None, "2026-03-02")
    connection.execute(f"INSERT INTO hooks VALUES ({', '.join('?' * len(hook))})", hook)
    connection.execute("INSERT INTO deliveries VALUES ('dlv_1', 'hook_1', 'e1', '{}', '2026-03-02')")
    migrate(connection, path)

    assert connection.execute("SELECT id, source, state, procore_id, secret_hash FROM hooks").fetchall() == [
        ("hook_1", "procore", "live", "88", "hash")
    ]
    assert connection.execute("SELECT id FROM deliveries").fetchall() == [("dlv_1",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_a_newer_database_is_refused_and_left_alone(path):
    connection = connect(path)
    migrate(connection, path, [*known_migrations(), NEXT])
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable) as caught:
        await Database.open(path, limits=QUICK)

    assert caught.value.code == "SYSTEM_STORAGE_NEWER"
    assert path.read_bytes() == before


async def test_an_edited_migration_is_refused(path):
    first, *rest = known_migrations()
    edited = Migration(first.number, first.name, first.text + "-- a late thought\n")
    connection = connect(path)
    migrate(connection, path, [edited, *rest])
    connection.close()
    with pytest.raises(Unavailable) as caught:
        await Database.open(path, limits=QUICK)

    assert caught.value.code == "SYSTEM_STORAGE_CHANGED"
