"""Looking at a database file without changing it: which schema it has and whether it is whole."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from construction_mcp.core.config import Limits
from construction_mcp.store.audit import chained
from construction_mcp.store.failures import translate
from construction_mcp.store.meta import FINGERPRINT, STANDBY
from construction_mcp.store.migrate import applied_migrations, known_migrations
from construction_mcp.store.queries import load

_sql = load("meta")


@dataclass(frozen=True, slots=True)
class OpenEffect:
    """Something that was about to be sent and of which nobody noted what became."""

    id: str
    tool: str
    summary: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """`schema` is the last migration applied, `schema_known` the last this version has; `key_fingerprint` names the key
    the file was used with, `problems` is what SQLite's quick check found.

    audit_break: the sequence from which on the audit log is not what was written; None where it is. left_open: outside
    effects without an outcome, oldest first; a running owner's that are under way are among them. Neither is looked at
    in a database of another schema or a damaged one.
    """

    schema: int
    schema_known: int
    bytes: int
    key_fingerprint: str | None
    standby_since: str | None
    problems: list[str]
    audit_break: int | None = None
    left_open: Sequence[OpenEffect] = ()


def inspect_database(path: Path, limits: Limits) -> Inspection:
    """Read the whole file through a connection that can neither write nor checkpoint, so the owner may be at work.

    Raises:
        Unavailable: SYSTEM_STORAGE_*; it cannot be read as a database.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=limits.busy_timeout_s)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
            applied, known = applied_migrations(connection), known_migrations()
            is_readable = found == ["ok"] and len(applied) == len(known)
            return Inspection(
                schema=len(applied),
                schema_known=len(known),
                bytes=path.stat().st_size,
                key_fingerprint=_fact(connection, FINGERPRINT) if applied else None,
                standby_since=_fact(connection, STANDBY) if applied else None,
                problems=[] if found == ["ok"] else found,
                audit_break=_audit_break(connection) if is_readable else None,
                left_open=_left_open(connection) if is_readable else (),
            )
    except (sqlite3.Error, OSError) as problem:
        raise translate(problem) from None


def _audit_break(connection: sqlite3.Connection) -> int | None:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    audit = load("audit")
    rows, end = cursor.execute(audit.chain.text).fetchall(), cursor.execute(audit.end.text).fetchone()
    return chained(rows, end).first_break


def _left_open(connection: sqlite3.Connection) -> list[OpenEffect]:
    rows = connection.execute(load("intents").left_open.text)
    return [OpenEffect(*row) for row in rows]


def _fact(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute(_sql.get.text, {"key": key}).fetchone()
    return str(row[0]) if row else None
