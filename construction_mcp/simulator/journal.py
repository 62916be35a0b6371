"""The optional state file: changed records only, each with the request that changed it."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from construction_mcp.simulator.records import Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, scope INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER,
    body TEXT, -- NULL: the record is gone
    PRIMARY KEY (kind, scope, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (n INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT;
"""


class Journal:
    """A SQLite file of its own, apart from the product's store: what the seed cannot make again.

    Everything a request changed becomes visible together at `commit`; a killed process loses at most the request
    it was answering.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # sample data: power loss may cost the last moments
        self._db.executescript(_SCHEMA)

    def meta(self) -> dict[str, Any]:
        return {name: json.loads(value) for name, value in self._db.execute("SELECT name, value FROM meta")}

    def set_meta(self, **values: Any) -> None:
        self._begin()
        for name, value in values.items():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def records(self) -> Iterator[tuple[Record, bool]]:
        """Every changed record, and whether it still exists."""
        for kind, scope, record_id, parent, body in self._db.execute("SELECT * FROM records ORDER BY kind, scope, id"):
            yield Record(kind, scope, record_id, json.loads(body or "{}"), parent), body is not None

    def put(self, record: Record, *, gone: bool = False) -> None:
        self._begin()
        body = None if gone else json.dumps(dict(record.body))
        row = (record.kind, record.scope, record.id, record.parent, body)
        self._db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", row)

    def ledger(self) -> list[dict[str, Any]]:
        return [json.loads(entry) for (entry,) in self._db.execute("SELECT entry FROM ledger ORDER BY n")]

    def append_ledger(self, number: int, entry: dict[str, Any], *, forget_up_to: int) -> None:
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO ledger VALUES (?, ?)", (number, json.dumps(entry)))
        self._db.execute("DELETE FROM ledger WHERE n <= ?", (forget_up_to,))

    def clear(self) -> None:
        """Forget everything, for `POST /_sim/reset`."""
        self._begin()
        for table in ("meta", "records", "ledger"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 (names from the line above)

    def commit(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def close(self) -> None:
        self.commit()
        self._db.close()

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
