"""What hooks brought: kept once, durably, with what became of it.

A delivery and the execution that it starts are one transaction. What Procore tells is a hint: it is kept as `accepted`,
and an inbox decides once it has read the record. What a signed sender tells starts its workflow at once.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NotFound
from construction_mcp.core.ids import new_id
from construction_mcp.store.alerts import raise_alert
from construction_mcp.store.columns import json_text, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution, enqueue
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load
from construction_mcp.store.starts import Startable, startable

_sql = load("deliveries")

Outcome = Literal["accepted", "started", "ignored", "filtered", "quarantined", "failed"]
Begin = Callable[[Startable], NewExecution | None]
"""Makes the execution that a delivery starts at once; None where the inbox has to decide first."""

PAUSED = "paused"


class Accepted(NamedTuple):
    """A delivery that is stored; `duplicate` when the event was there before, `is_waiting` when the inbox decides."""

    delivery_id: str
    duplicate: bool
    execution_id: str | None = None
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is not decided yet. `event` is as it was accepted."""

    id: str
    hook_id: str
    event_id: str
    event: Mapping[str, Any]
    received_at: datetime
    workflow_id: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """What came while the workflow was paused."""

    delivery_id: str
    received_at: datetime
    resource_name: str | None
    event_type: str | None
    resource_id: int | str | None


class _Door(NamedTuple):
    """What a new delivery becomes."""

    outcome: Outcome
    reason: str | None
    execution_id: str | None = None


class Deliveries:
    """The inbox's table."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self.clock = clock
        self._limits = limits

    async def accept(
        self,
        hook_id: str,
        workflow_id: str | None,
        event_id: str,
        event: Mapping[str, Any],
        *,
        odd: str | None = None,
        begin: Begin | None = None,
    ) -> Accepted:
        """Store a delivery so that it survives a power cut; the same event of the same hook is stored once.

        odd: why it is kept aside instead of being believed. begin: makes the execution of what starts at once.

        Raises:
            NotFound: WEBHOOK_NOT_FOUND; its workflow was deleted. Unavailable: it could not be stored.
        """
        delivery_id, text, now = new_id("dlv"), json_text(dict(event)), self.clock.now()

        def write(tx: Tx) -> Accepted:
            known = tx.one(_sql.of_event, hook_id=hook_id, event_id=event_id)
            if known is not None:
                return Accepted(known["id"], True, known["execution_id"])
            door = _door(tx, workflow_id, odd, begin, now)
            columns = {"outcome": door.outcome, "reason": door.reason, "execution_id": door.execution_id}
            place = {"hook_id": hook_id, "event_id": event_id}
            tx.run(_sql.accept, id=delivery_id, event=text, now=time_text(now), **place, **columns)
            return Accepted(delivery_id, False, door.execution_id, door.outcome == "accepted")

        return await self._database.write(write, durable=True)

    async def waiting(self, environment: str, most: int, later: Sequence[str]) -> list[Waiting]:
        """What is to be decided now, oldest first, without those that have to wait."""
        place = {"environment": environment, "most": most, "later": json_text(list(later))}
        rows = await self._database.read(lambda tx: tx.all(_sql.waiting, **place))
        return [_waiting(row) for row in rows]

    async def ignored(self, workflow_id: str, most: int) -> list[Ignored]:
        """What came while the workflow was paused and nobody was told of yet, newest first."""
        place = {"workflow_id": workflow_id, "most": most}
        return [_ignored(row) for row in await self._database.read(lambda tx: tx.all(_sql.ignored, **place))]

    async def note_ignored_told(self, workflow_id: str) -> None:
        """Somebody was told: the next resumption lists only what comes from now on."""
        await self._database.write(lambda tx: tx.run(_sql.note_ignored_told, workflow_id=workflow_id))

    async def forget(self, before: datetime) -> int:
        """Drop what came before the moment; how many."""
        return await self._database.write(lambda tx: tx.run(_sql.forget, before=time_text(before)))


def settle(
    tx: Tx, delivery_id: str, outcome: Outcome, *, reason: str | None = None, execution_id: str | None = None
) -> bool:
    """What became of a waiting delivery; False when that was decided already."""
    columns = {"outcome": outcome, "reason": reason, "execution_id": execution_id}
    return bool(tx.run(_sql.settle, id=delivery_id, **columns))


def of_record(
    tx: Tx, workflow_id: str, resource_name: str, resource_id: int | str, since: datetime
) -> tuple[str, str | None] | None:
    """The delivery of the workflow that told of this record since then, and what it started."""
    place = {"workflow_id": workflow_id, "resource_name": resource_name, "resource_id": str(resource_id)}
    row = tx.one(_sql.of_record, since=time_text(since), **place)
    return None if row is None else (row["id"], row["execution_id"])


def execution_of(tx: Tx, workflow_id: str, key: str) -> str | None:
    """The execution that this key started already."""
    found: str | None = tx.value(_sql.execution_of_key, workflow_id=workflow_id, key=key)
    return found


def chain_depth(tx: Tx, resource_name: str, resource_id: int | str, since: datetime) -> int:
    """How many executions set each other off to get to this change of a record; 0 where nobody here wrote it."""
    told = {"since": time_text(since), "resource_id": str(resource_id)}
    if tx.value(_sql.own_write, **told) is None:
        return 0
    return 1 + (tx.value(_sql.depth_of_record, resource_name=resource_name, **told) or 0)


def _door(tx: Tx, workflow_id: str | None, odd: str | None, begin: Begin | None, now: datetime) -> _Door:
    if workflow_id is None:
        return _Door("ignored", "starts no workflow")
    active = startable(tx, workflow_id)
    if active is None:
        raise NotFound("There is no such webhook.", code="WEBHOOK_NOT_FOUND")
    if odd is not None:
        raise_alert(tx, workflow_id, "quarantined", f"{active.name}: a delivery was kept aside: {odd}", now)
        return _Door("quarantined", odd)
    if active.status != "active":
        return _Door("ignored", PAUSED)
    new = begin(active) if begin is not None else None
    if new is None:
        return _Door("accepted", None)
    return _Door("started", None, enqueue(tx, new, now).id)


def _waiting(row: sqlite3.Row) -> Waiting:
    shape = {**dict(row), "event": json.loads(row["event"]), "received_at": time_from(row["received_at"])}
    return Waiting(**shape)


def _ignored(row: sqlite3.Row) -> Ignored:
    event = json.loads(row["event"])
    about = (event.get("resource_name"), event.get("event_type"), event.get("resource_id"))
    return Ignored(row["id"], time_from(row["received_at"]), *about)
