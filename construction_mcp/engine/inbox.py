"""Turns deliveries into executions, beside the 202.

What Procore posts is a hint, and deciding about it asks Procore: so it is accepted first and decided here, the record
read with the workflow's own account. The outcome and the execution are one transaction, and the execution's key is the
event's id, so that duplicates, late copies and a crash in between start it once. What a signed sender posts was started
at the door; only what has a filter comes here.
"""

import asyncio
import logging
from datetime import timedelta

from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, NeedsLogin
from construction_mcp.core.waking import Arrivals
from construction_mcp.engine.admission import Admission, Verdict
from construction_mcp.engine.port import EnginePort
from construction_mcp.engine.starter import change_key, event_key, new_execution, trigger_value
from construction_mcp.store.alerts import raise_alert
from construction_mcp.store.database import Database
from construction_mcp.store.deliveries import PAUSED, Deliveries, Waiting, execution_of, settle
from construction_mcp.store.executions import enqueue
from construction_mcp.store.groups import Tx
from construction_mcp.store.meta import standby_since
from construction_mcp.store.starts import Startable, startable

log = logging.getLogger(__name__)


class Inbox:
    """One per process. What cannot be decided now is tried again after `inbox_retry_s`."""

    def __init__(
        self,
        database: Database,
        deliveries: Deliveries,
        admission: Admission,
        engine: EnginePort,
        arrivals: Arrivals,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._deliveries = deliveries
        self._admission = admission
        self._engine = engine
        self._arrivals = arrivals
        self._environment = settings.environment
        self._limits = settings.limits
        self._clock = clock
        self._later: dict[str, float] = {}

    async def run(self) -> None:
        """Decide what arrives, for ever; what a process left undecided is decided by the next."""
        while True:
            try:
                pause_s = await self.look()
            except ConstructionError as problem:  # the disk is full or busy; nothing is lost
                log.warning("deliveries could not be decided: %s", problem.message)
                pause_s = self._limits.inbox_retry_s
            await self._arrivals.wait(pause_s)

    async def look(self) -> float:
        """Decide about what waits now; the seconds until the next look."""
        self._engine.wake()  # the door may have started something
        if await standby_since(self._database) is not None:
            return self._limits.inbox_retry_s
        now = self._clock.monotonic()
        self._later = {one: until for one, until in self._later.items() if until > now}
        most = self._limits.inbox_batch_max
        batch = await self._deliveries.waiting(self._environment, most, list(self._later))
        if batch:
            async with asyncio.TaskGroup() as tasks:
                for one in batch:
                    tasks.create_task(self._decide(one))
            self._engine.wake()
        return 0.0 if len(batch) == most else self._limits.inbox_retry_s

    async def _decide(self, one: Waiting) -> None:
        """Never raises what passes: one that the store refuses, as a full disk does, waits and ends no other."""
        try:
            await self._decide_now(one)
        except ConstructionError as problem:
            self._put_off(one, problem)

    def _put_off(self, one: Waiting, problem: ConstructionError) -> None:
        self._later[one.id] = self._clock.monotonic() + self._limits.inbox_retry_s
        log.warning("delivery %s waits: %s", one.id, problem.message)

    async def _decide_now(self, one: Waiting) -> None:
        active = await self._database.read(lambda tx: startable(tx, one.workflow_id or ""))
        if active is None or active.status != "active":
            await self._database.write(lambda tx: settle(tx, one.id, "ignored", reason=PAUSED), durable=True)
            meters.DECISIONS.add("ignored")
            return
        try:
            verdict = await self._judge(active, one)
        except NeedsLogin as problem:
            self._put_off(one, problem)
            await self._tell_reconnect(active, problem)
            return
        outcome = await self._database.write(lambda tx: self._settle(tx, active, one, verdict), durable=True)
        meters.DECISIONS.add(outcome)

    async def _judge(self, active: Startable, one: Waiting) -> Verdict:
        if one.source == "procore":
            return await self._admission.judge(active, one.event)
        body = one.event["body"]
        return await self._admission.filtered(active, body) or Verdict("started", body)

    def _settle(self, tx: Tx, active: Startable, one: Waiting, verdict: Verdict) -> str:
        """What became of it."""
        if verdict.outcome != "started":
            if verdict.outcome == "failed":
                raise_alert(tx, active.id, "failed", f"{active.name}: {verdict.reason}", self._clock.now())
            settle(tx, one.id, verdict.outcome, reason=verdict.reason)
            return verdict.outcome
        if one.source != "procore":
            value = trigger_value(active.trigger, "webhook", one.received_at, body=verdict.event)
            new = new_execution(active, value, requested_by="webhook", key=event_key(one.event_id))
            settle(tx, one.id, "started", execution_id=enqueue(tx, new, self._clock.now()).id)
            return "started"
        known = _polled(tx, active, verdict)
        if known is not None:
            settle(tx, one.id, "started", execution_id=known, reason="a poll saw the change first")
            return "started"
        key = event_key(one.event_id)
        made = self._admission.start(tx, active, verdict, requested_by="webhook", key=key, at=one.received_at)
        if isinstance(made, str):
            settle(tx, one.id, "quarantined", reason=made)
            return "quarantined"
        settle(tx, one.id, "started", execution_id=made.id)
        return "started"

    async def _tell_reconnect(self, active: Startable, problem: NeedsLogin) -> None:
        """The mail about it is grouped; the row is not written again while one waits or was told lately."""
        since = self._clock.now() - timedelta(seconds=self._limits.alert_pause_s)
        text = f"{active.name}: {problem.message} What arrives waits until the account is connected again."
        await self._database.write(
            lambda tx: raise_alert(tx, active.id, "reconnect", text, self._clock.now(), unless_since=since)
        )


def _polled(tx: Tx, active: Startable, verdict: Verdict) -> str | None:
    """The execution that a poll started for this state of the record."""
    record, event = verdict.record, verdict.event
    updated_at = record.get("updated_at") if isinstance(record, dict) else None
    if not updated_at or event["resource_id"] is None:
        return None
    return execution_of(tx, active.id, change_key(event["resource_name"], event["resource_id"], updated_at))
