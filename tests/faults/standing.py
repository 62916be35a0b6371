"""The stuck watchdog (engine.md, failure test 9): whether everything that has not ended has something to move it on.

A look at the tables alone, so that it judges any engine, and any data directory that a dead process left.
"""

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

_LATE_S = 5.0  # a timer that came so long ago is one that nobody looks at

_UNFINISHED = """
SELECT id, status, lease, due_at, environment, project_id, run_as
  FROM executions
 WHERE status IN ('queued', 'running', 'waiting')
 ORDER BY id
"""
_HELD = """
SELECT 1
  FROM holds
 WHERE scope = 'all'
    OR (scope = 'project' AND subject = CAST(:project_id AS TEXT))
    OR (scope = 'connection' AND subject = :run_as)
"""
_WAITING = "SELECT key, item, waits_for, due_at FROM steps WHERE execution_id = ? AND status = 'waiting'"
_CHILDREN = "SELECT 1 FROM executions WHERE parent_id = ? AND status IN ('queued', 'running', 'waiting')"
_UNHEARD = """
SELECT 1
  FROM approvals
  JOIN steps ON steps.execution_id = approvals.execution_id
            AND steps.key = approvals.step
            AND steps.item = approvals.item
            AND steps.status = 'waiting'
 WHERE approvals.execution_id = ?
   AND approvals.status <> 'pending'
"""
_BROKEN = ("PRAGMA integrity_check", "PRAGMA foreign_key_check")


def stuck(database_file: Path, lease: str | None, now: datetime) -> list[str]:
    """What stands still for good, each in words: nothing that is alive, due or named would move it on.

    lease: of the engine that is alive; None where none is, and everything has to be such that the next can go on.
    """
    with closing(sqlite3.connect(database_file)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(_UNFINISHED).fetchall()
        found = [(row, _why(connection, row, lease, now)) for row in rows]
    return [f"{row['id']} is {row['status']} and {why}" for row, why in found if why is not None]


def _why(connection: sqlite3.Connection, row: sqlite3.Row, lease: str | None, now: datetime) -> str | None:
    if row["status"] == "queued":
        return None  # it waits for a place, which whoever ends gives back
    if row["status"] == "running":
        return f"nobody alive carries it out: {row['lease']}" if lease is not None and row["lease"] != lease else None
    waiting = connection.execute(_WAITING, (row["id"],)).fetchall()
    unnamed = [one["key"] for one in waiting if not json.loads(one["waits_for"] or "{}").get("what")]
    if unnamed:
        return f"its steps {unnamed} wait for nothing that has a name"
    if row["due_at"] is None:
        return _unsignalled(connection, row["id"], waiting)
    return None if lease is None else _unheard(connection, row, now)


def _unheard(connection: sqlite3.Connection, row: sqlite3.Row, now: datetime) -> str | None:
    """With an engine alive, a timer fires when it comes, and a decision wakes whoever waits for it."""
    late_s = (now - datetime.fromisoformat(row["due_at"])).total_seconds()
    if late_s > _LATE_S and connection.execute(_HELD, dict(row)).fetchone() is None:
        return f"its timer came {late_s:g} s ago"
    if late_s < 0 and connection.execute(_UNHEARD, (row["id"],)).fetchone():
        return "the decision it waits for was made"
    return None


def _unsignalled(connection: sqlite3.Connection, execution_id: str, waiting: list[Any]) -> str | None:
    """Without a timer, only a run that it called and that is under way can wake it."""
    if not any(json.loads(one["waits_for"])["what"] == "execution" for one in waiting):
        return "it has no timer, and waits for nothing that would signal"
    if connection.execute(_CHILDREN, (execution_id,)).fetchone() is None:
        return "what it called has ended"
    return None


def broken(database_file: Path) -> list[Any]:
    """What SQLite itself finds wrong with the file."""
    with closing(sqlite3.connect(database_file)) as connection:
        found = [tuple(row) for check in _BROKEN for row in connection.execute(check).fetchall()]
    return [one for one in found if one != ("ok",)]
