"""When workflows are due. `versions` puts and removes due times; here they are looked at and claimed."""

from datetime import datetime
from typing import NamedTuple

from construction_mcp.store.columns import optional_time_from, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("schedules")


class Due(NamedTuple):
    """A workflow and the time on its schedule, before any spread."""

    workflow_id: str
    due_at: datetime


def due(tx: Tx, environment: str, now: datetime, most: int) -> list[Due]:
    """What fell due up to now in workflows that may start, oldest first."""
    rows = tx.all(_sql.due, environment=environment, now=time_text(now), most=most)
    return [Due(row["workflow_id"], time_from(row["due_at"])) for row in rows]


def next_due(tx: Tx, now: datetime) -> datetime | None:
    """The first time after now that anything is due."""
    return optional_time_from(tx.value(_sql.next_due, now=time_text(now)))


def active(tx: Tx, environment: str) -> list[Due]:
    """Every workflow that runs by time."""
    rows = tx.all(_sql.active, environment=environment)
    return [Due(row["workflow_id"], time_from(row["due_at"])) for row in rows]


def move(tx: Tx, one: Due, next_at: datetime) -> bool:
    """Set the next time; False when somebody else has meanwhile."""
    times = {"due_at": time_text(one.due_at), "next_at": time_text(next_at)}
    return bool(tx.run(_sql.claim, workflow_id=one.workflow_id, **times))


def note_skipped(tx: Tx, workflow_id: str, due_at: datetime) -> None:
    """That time started nothing, because a run had not ended."""
    tx.run(_sql.note_skipped, workflow_id=workflow_id, due_at=time_text(due_at))


def remove(tx: Tx, workflow_id: str) -> None:
    """It never runs by time again."""
    tx.run(_sql.remove, workflow_id=workflow_id)
