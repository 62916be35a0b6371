"""Numbered, append-only migrations: `sql/migrations/0001_<what>.sql`, each applied once, in one transaction.

What was applied is kept with its checksum in `schema_migrations`, so that an edited migration or a database from a
newer version is refused instead of being guessed at.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from construction_mcp.core.errors import Unavailable
from construction_mcp.store.queries import read_sql, sql_directory

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Migrated:
    """What opening did: `backup` is the copy made first, when there was something to lose."""

    before: int
    after: int
    backup: Path | None


def known_migrations() -> list[Migration]:
    """The migrations of this version, in order, numbered without a gap."""
    found = []
    for file in sorted((sql_directory() / "migrations").glob("*.sql")):
        match = _FILE.fullmatch(file.name)
        assert match, f"{file.name} is not NNNN_name.sql"
        found.append(Migration(int(match[1]), match[2], read_sql(f"migrations/{file.name}")))
    assert [migration.number for migration in found] == list(range(1, len(found) + 1)), "migration numbers have a gap"
    return found


def migrate(connection: sqlite3.Connection, path: Path, known: list[Migration] | None = None) -> Migrated:
    """Bring the schema up to date, with a backup beside the file first when it holds anything.

    Raises:
        Unavailable: SYSTEM_STORAGE_NEWER or SYSTEM_STORAGE_CHANGED; nothing was applied.
        sqlite3.Error: a migration failed; it and its bookkeeping row were rolled back, earlier ones stay.
    """
    known = known_migrations() if known is None else known
    applied = applied_migrations(connection)
    _refuse_foreign(applied, known)
    pending = known[len(applied) :]
    backup = _back_up(connection, path, pending[0].number) if applied and pending else None
    for migration in pending:
        _apply(connection, migration)
    return Migrated(len(applied), len(known), backup)


def applied_migrations(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Number and checksum of every applied migration, in order; empty for a new file."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone():
        return []
    return [tuple(row) for row in connection.execute("SELECT number, checksum FROM schema_migrations ORDER BY number")]


def _refuse_foreign(applied: list[tuple[int, str]], known: list[Migration]) -> None:
    if len(applied) > len(known):
        raise Unavailable(
            f"The database has schema {len(applied)}; this version knows {len(known)}.",
            code="SYSTEM_STORAGE_NEWER",
            retryable=False,
        )
    for (number, checksum), migration in zip(applied, known, strict=False):
        if (number, checksum) != (migration.number, migration.checksum):
            raise Unavailable(
                f"Migration {migration.number} of this version is not the one the database was built with.",
                code="SYSTEM_STORAGE_CHANGED",
                retryable=False,
            )


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(migration.text):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.checksum, datetime.now(UTC).isoformat()),
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(text: str) -> Iterator[str]:
    # executescript would commit our transaction first.
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip() or all(line.startswith("--") for line in statement.strip().splitlines()), statement


def _back_up(connection: sqlite3.Connection, path: Path, number: int) -> Path:
    target = path.with_name(f"{path.name}.before-{number:04}")
    target.unlink(missing_ok=True)
    target.touch(mode=0o600, exist_ok=False)  # VACUUM INTO accepts an empty file
    connection.execute("VACUUM INTO ?", (str(target),))
    return target
