"""Looking at a database file without changing it: which schema it has and whether it is whole."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from construction_mcp.core.config import Limits
from construction_mcp.store.failures import translate
from construction_mcp.store.meta import FINGERPRINT, STANDBY
from construction_mcp.store.migrate import applied_migrations, known_migrations
from construction_mcp.store.queries import load

_sql = load("meta")


@dataclass(frozen=True, slots=True)
class Inspection:
    """`schema` is the last migration applied, `schema_known` the last this version has; `key_fingerprint` names the key
    the file was used with, `problems` is what SQLite's quick check found."""

    schema: int
    schema_known: int
    bytes: int
    key_fingerprint: str | None
    standby_since: str | None
    problems: list[str]


def inspect_database(path: Path, limits: Limits) -> Inspection:
    """Read the whole file through a connection that can neither write nor checkpoint, so the owner may be at work.

    Raises:
        Unavailable: SYSTEM_STORAGE_*; it cannot be read as a database.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=limits.busy_timeout_s)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
            applied = applied_migrations(connection)
            return Inspection(
                schema=len(applied),
                schema_known=len(known_migrations()),
                bytes=path.stat().st_size,
                key_fingerprint=_fact(connection, FINGERPRINT) if applied else None,
                standby_since=_fact(connection, STANDBY) if applied else None,
                problems=[] if found == ["ok"] else found,
            )
    except (sqlite3.Error, OSError) as problem:
        raise translate(problem) from None


def _fact(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute(_sql.get.text, {"key": key}).fetchone()
    return str(row[0]) if row else None
