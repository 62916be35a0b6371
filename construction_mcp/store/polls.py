"""Which workflows look at Procore by themselves, when, and up to where they have seen what changed.

`versions` puts and removes them; here they are looked at and moved on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from construction_mcp.store.columns import optional_time_from, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("polls")


@dataclass(frozen=True, slots=True)
class Poll:
    """A workflow that looks every `every_s` seconds. watermark: what changed before it is not looked at again."""

    workflow_id: str
    every_s: int
    watermark: datetime
    due_at: datetime


class State(NamedTuple):
    """A state of a record that started the workflow: as it was read, and what was told of it."""

    updated_at: str | None
    event_type: str | None


def due(tx: Tx, environment: str, now: datetime, most: int) -> list[Poll]:
    """Whose turn it is in workflows that may start, oldest first."""
    rows = tx.all(_sql.due, environment=environment, now=time_text(now), most=most)
    return [
        Poll(row["workflow_id"], row["every_s"], time_from(row["watermark"]), time_from(row["due_at"])) for row in rows
    ]


def next_due(tx: Tx, now: datetime) -> datetime | None:
    """The first time after now that anything is due."""
    return optional_time_from(tx.value(_sql.next_due, now=time_text(now)))


def move(tx: Tx, one: Poll, watermark: datetime, due_at: datetime) -> bool:
    """Set where and when the next look begins; False when somebody else has meanwhile."""
    seen = {"watermark": time_text(one.watermark), "due_at": time_text(one.due_at)}
    after = {"next_watermark": time_text(watermark), "next_due_at": time_text(due_at)}
    return bool(tx.run(_sql.move, workflow_id=one.workflow_id, **seen, **after))


def states(tx: Tx, workflow_id: str, resource_name: str, resource_id: int | str, since: datetime) -> Sequence[State]:
    """The states of the record that started the workflow since then, whoever told of them."""
    place = {"workflow_id": workflow_id, "resource_name": resource_name, "resource_id": str(resource_id)}
    return [State(row["updated_at"], row["event_type"]) for row in tx.all(_sql.states, since=time_text(since), **place)]
