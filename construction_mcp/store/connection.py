"""Opening the SQLite file: look first, touch later."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from construction_mcp.core.config import Limits
from construction_mcp.store.failures import damaged
from construction_mcp.store.migrate import Migrated, migrate
from construction_mcp.store.queries import load_all

_CONTROL_STATEMENTS = 8  # BEGIN, COMMIT, ROLLBACK, three for the savepoint, two for synchronous


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection ready for use, bound to the thread that opened it."""

    path: Path
    connection: sqlite3.Connection
    migrated: Migrated


def open_connection(path: Path, limits: Limits) -> Opened:
    """Check, open and migrate the file; created with mode 0600 when absent.

    Raises:
        Unavailable: SYSTEM_STORAGE_CORRUPT, _NEWER or _CHANGED; the file is byte for byte as it was.
        sqlite3.Error, OSError: it cannot be opened or written.
    """
    texts = {query.text for query in load_all()}
    assert len(texts) + _CONTROL_STATEMENTS <= limits.statement_cache, "raise Limits.statement_cache"
    if path.exists() and path.stat().st_size > 0:
        _examine(path, limits)
    else:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    connection = sqlite3.connect(
        path, timeout=limits.busy_timeout_s, isolation_level=None, cached_statements=limits.statement_cache
    )
    try:
        connection.row_factory = sqlite3.Row
        _configure(connection, limits)
        return Opened(path, connection, migrate(connection, path))
    except BaseException:
        connection.close()
        raise


def _examine(path: Path, limits: Limits) -> None:
    """Refuse a damaged file before anything can write to it: a read-only connection neither recovers nor checkpoints.

    The structure is walked only up to a size that keeps start-up fast; the header and the schema always are read.
    """
    probe = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=limits.busy_timeout_s)
    try:
        probe.execute("PRAGMA schema_version").fetchone()
        if path.stat().st_size <= limits.check_on_open_bytes_max:
            verdict = probe.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise damaged()
    finally:
        probe.close()


def _configure(connection: sqlite3.Connection, limits: Limits) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {limits.wal_bytes_max}")
