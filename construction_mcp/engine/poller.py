"""Finds what changed in Procore by looking, for workflows that poll and behind the hooks of those that are told.

What a look finds is judged like a delivery. What it starts and the new watermark are one transaction, and the key of an
execution is the state of its record: so neither a crash nor the overlap of two looks starts it twice, and an error
leaves the watermark where it was. Behind a hook the look keeps away from what has just changed: the hook tells of it
first and knows more, such as who did it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, NeedsLogin
from construction_mcp.engine.admission import Admission, Verdict
from construction_mcp.engine.port import EnginePort
from construction_mcp.engine.starter import change_key
from construction_mcp.procore.event_names import named
from construction_mcp.store import polls
from construction_mcp.store.alerts import Kind, raise_alert
from construction_mcp.store.database import Database
from construction_mcp.store.deliveries import execution_of, of_record
from construction_mcp.store.groups import Tx
from construction_mcp.store.meta import standby_since
from construction_mcp.store.polls import Poll
from construction_mcp.store.starts import Startable, is_held, startable
from construction_mcp.workflow.triggers import POLLED

log = logging.getLogger(__name__)

_CREATED_WITHIN = timedelta(seconds=1)  # Procore may write a new record twice


class Changed(Protocol):
    """Lists the records that changed as a workflow's own account sees them."""

    async def changed(self, active: Startable, resource: str, since: datetime) -> Sequence[Mapping[str, Any]]:
        """Those of the kind that changed at or after the moment, in the shape of its list action's items.

        Raises:
            ConstructionError: Procore did not answer, or there is more than can be listed.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Change:
    """A record as a list showed it."""

    resource: str
    record: Mapping[str, Any]
    updated_at: datetime
    created_at: datetime | None


class Poller:
    """One per process. Workflows look one after another: Procore's limits are shared."""

    def __init__(
        self,
        database: Database,
        records: Changed,
        admission: Admission,
        engine: EnginePort,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._records = records
        self._admission = admission
        self._engine = engine
        self._environment = settings.environment
        self._limits = settings.limits
        self._overlap = timedelta(seconds=settings.limits.poll_overlap_s)
        self._clock = clock

    async def run(self) -> None:
        """Look whenever a workflow's turn comes, for ever."""
        while True:
            try:
                pause_s = await self.look()
            except ConstructionError as problem:  # the disk is full or busy; what is due stays due
                log.warning("polls could not be looked at: %s", problem.message)
                pause_s = self._limits.poll_look_s
            await self._clock.sleep(pause_s)

    async def look(self) -> float:
        """Look for every workflow whose turn it is; the seconds until the next look, at most `poll_look_s`."""
        if await standby_since(self._database) is not None:
            return self._limits.poll_look_s
        now, most = self._clock.now(), self._limits.poll_due_max
        for one in await self._database.read(lambda tx: polls.due(tx, self._environment, now, most)):
            await self._look_for(one)
        ready_at = await self._database.read(lambda tx: polls.next_due(tx, now))
        if ready_at is None:
            return self._limits.poll_look_s
        return min(max(0.0, (ready_at - self._clock.now()).total_seconds()), self._limits.poll_look_s)

    async def _look_for(self, one: Poll) -> None:
        active = await self._database.read(lambda tx: _ready(tx, one.workflow_id))
        if active is None:
            return  # it stays due
        began = self._clock.now()
        is_behind_hook = active.trigger["type"] != "poll"
        until = began - self._overlap if is_behind_hook else None
        try:
            verdicts = [
                await self._judge(active, one, change) for change in await self._changes(active, one.watermark, until)
            ]
        except ConstructionError as problem:
            await self._put_off(active, one, problem)
            return
        found = [verdict for verdict in verdicts if verdict is not None]
        seen_until = max(one.watermark, began - self._overlap)
        started = await self._database.write(lambda tx: self._settle(tx, active, one, found, seen_until), durable=True)
        if started:
            self._engine.wake()

    async def _changes(self, active: Startable, since: datetime, until: datetime | None) -> list[_Change]:
        """What changed since then, and before `until`, oldest first."""
        meant = [named(one) for one in active.trigger.get("resources") or ()]
        if until is not None and until <= since:
            return []
        found = [
            _change_of(resource, record)
            for resource in dict.fromkeys(name for name in meant if name in POLLED)
            for record in await self._records.changed(active, resource, since)
        ]
        known = [one for one in found if until is None or one.updated_at < until]
        return sorted(known, key=lambda one: one.updated_at)

    async def _judge(self, active: Startable, one: Poll, change: _Change) -> Verdict | None:
        """What becomes of a change; None where it was told or found before."""
        kind = await self._database.read(lambda tx: self._new(tx, active, one, change))
        return None if kind is None else await self._admission.judge(active, _event(active, change, kind))

    def _new(self, tx: Tx, active: Startable, one: Poll, change: _Change) -> str | None:
        """The type of the event that nobody told of yet; None where somebody has.

        A record that is new since the last look and has changed again is both; then it is what the trigger asks for.
        """
        record_id = change.record["id"]
        if of_record(tx, active.id, change.resource, record_id, change.updated_at) is not None:
            return None
        created_at = change.created_at or change.updated_at
        first = min(created_at, change.updated_at) - self._overlap
        before = polls.states(tx, active.id, change.resource, record_id, first)
        if any(state.updated_at == change.record["updated_at"] for state in before):
            return None
        if change.created_at is None or any(state.event_type == "create" for state in before):
            return "update"
        if change.updated_at - created_at <= _CREATED_WITHIN:
            return "create"
        asked = active.trigger.get("events") or ("create",)
        return "create" if created_at >= one.watermark.replace(microsecond=0) and "create" in asked else "update"

    def _settle(self, tx: Tx, active: Startable, one: Poll, verdicts: Sequence[Verdict], seen_until: datetime) -> int:
        """Start what was found and move on; nothing where the workflow was stopped or changed meanwhile."""
        if _ready(tx, one.workflow_id) != active:
            return 0
        now = self._clock.now()
        if not polls.move(tx, one, seen_until, now + timedelta(seconds=one.every_s)):
            return 0
        return sum(self._start(tx, active, verdict, now) for verdict in verdicts)

    def _start(self, tx: Tx, active: Startable, verdict: Verdict, now: datetime) -> bool:
        if verdict.outcome == "failed" and active.trigger["type"] == "poll":
            self._tell(tx, active, "failed", f"{active.name}: {verdict.reason}")
        if verdict.outcome != "started":
            return False
        event, record = verdict.event, verdict.record
        at = (record.get("updated_at") if isinstance(record, Mapping) else None) or event["at"]
        about = (event["resource_name"], event["resource_id"])
        key = change_key(*about, at)
        told = of_record(tx, active.id, *about, _moment(at))
        if told is not None or execution_of(tx, active.id, key) is not None:
            return False  # by a delivery that came while this was judged, or by the look before
        made = self._admission.start(tx, active, verdict, requested_by="poll", key=key, at=now)
        return not isinstance(made, str) and made.is_new

    async def _put_off(self, active: Startable, one: Poll, problem: ConstructionError) -> None:
        """Try again at its next turn, from the same watermark."""
        log.warning("workflow %s could not look for changes: %s", active.id, problem.message)
        due_at = self._clock.now() + timedelta(seconds=one.every_s)
        is_login = isinstance(problem, NeedsLogin)

        def write(tx: Tx) -> None:
            if polls.move(tx, one, one.watermark, due_at) and (is_login or not problem.retryable):
                kind: Kind = "reconnect" if is_login else "failed"
                text = f"{active.name}: {problem.message} It cannot look for changes until then; nothing is lost."
                self._tell(tx, active, kind, text)

        await self._database.write(write)

    def _tell(self, tx: Tx, active: Startable, kind: Kind, text: str) -> None:
        """The mail about it is grouped; the row is not written again while one waits or was told lately."""
        now = self._clock.now()
        since = now - timedelta(seconds=self._limits.alert_pause_s)
        raise_alert(tx, active.id, kind, text, now, unless_since=since)


def _ready(tx: Tx, workflow_id: str) -> Startable | None:
    """The active version where it may start now; None where it is paused, held or gone."""
    active = startable(tx, workflow_id)
    if active is None or active.status != "active" or is_held(tx, active.project_id, active.run_as):
        return None
    return active


def _change_of(resource: str, record: Mapping[str, Any]) -> _Change:
    created_at = record.get("created_at")
    return _Change(resource, record, _moment(record["updated_at"]), _moment(created_at) if created_at else None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _event(active: Startable, change: _Change, event_type: str) -> dict[str, Any]:
    """As Procore would have told of it, but for who did it."""
    record = change.record
    return {
        "id": change_key(change.resource, record["id"], record["updated_at"]),
        "resource_name": change.resource,
        "event_type": event_type,
        "resource_id": record["id"],
        "project_id": record.get("project_id") or active.project_id,
        "company_id": active.company_id,
        "user_id": None,
        "at": record["updated_at"],
    }
