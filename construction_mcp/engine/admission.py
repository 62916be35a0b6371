"""Whether an event of Procore starts a workflow: what was told is a hint, what is read with our own token decides.

Used for what hooks bring and for what a poll finds, so that both ways decide alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid, NotFound, NotPermitted
from construction_mcp.engine.starter import moment_text, new_execution, trigger_value
from construction_mcp.expressions.port import ExpressionEngine
from construction_mcp.procore.event_names import named
from construction_mcp.store.alerts import raise_alert
from construction_mcp.store.connections import Connections
from construction_mcp.store.deliveries import Outcome, chain_depth
from construction_mcp.store.executions import Enqueued, enqueue
from construction_mcp.store.groups import Tx
from construction_mcp.store.starts import Startable
from construction_mcp.workflow.definition import Trigger

_SHOWN = ("id", "resource_name", "event_type", "resource_id", "project_id", "company_id", "user_id", "at")


class Records(Protocol):
    """Reads the record of an event as a workflow's own account sees it."""

    async def read(self, active: Startable, event: Mapping[str, Any]) -> Any:
        """The record in the shape of its get action's item; None for kinds that no action reads.

        Raises:
            NotFound, NotPermitted: it is gone, or not for this account. ConstructionError: Procore did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """`started`: it may start, with this event and record; anything else starts nothing, for `reason`.

    may_be_own: it was caused by the workflow's own account, so that our own writes have to be looked through.
    """

    outcome: Outcome
    event: Mapping[str, Any]
    reason: str | None = None
    record: Any = None
    may_be_own: bool = False


class Admission:
    """Judges events."""

    def __init__(
        self,
        records: Records,
        expressions: ExpressionEngine,
        connections: Connections,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._records = records
        self._expressions = expressions
        self._connections = connections
        self._clock = clock
        self._limits = limits

    async def judge(self, active: Startable, told: Mapping[str, Any]) -> Verdict:
        """What becomes of an event of Procore.

        Raises:
            ConstructionError: Procore could not be asked now; nothing is decided.
        """
        event = {name: told.get(name) for name in _SHOWN}
        trigger = Trigger.model_validate(active.trigger)
        if (why := _not_meant(trigger, active, event)) is not None:
            return Verdict("filtered", event, why)
        refused = await self.filtered(active, event)
        if refused is not None:
            return refused
        try:
            record = None if event["event_type"] == "delete" else await self._records.read(active, event)
        except (NotFound, NotPermitted):
            return Verdict("ignored", event, "the record is not there for this account")
        return Verdict("started", event, record=record, may_be_own=await self._may_be_own(active, event))

    async def filtered(self, active: Startable, event: Any) -> Verdict | None:
        """The verdict where the trigger's filter says no, or cannot say; None where it lets the event pass."""
        text = active.trigger.get("filter")
        if text is None:
            return None
        clock = {"now": moment_text(self._clock.now()), "timezone": "UTC"}
        try:
            passes = await self._expressions.condition(text, {"event": event, "clock": clock})
        except Invalid as problem:
            return Verdict("failed", event, f"the filter failed: {problem.message}")
        return None if passes else Verdict("filtered", event, "the filter says no")

    def start(
        self, tx: Tx, active: Startable, verdict: Verdict, *, requested_by: str, key: str, at: datetime
    ) -> Enqueued | str:
        """Enqueue what a verdict starts, in the transaction that records the event; or why it is kept aside.

        Writes of ours that set off workflows that write are a chain; beyond `chain_depth_max` it is a loop.
        """
        now, event, depth = self._clock.now(), verdict.event, 0
        if verdict.may_be_own and event["resource_id"] is not None:
            since = now - timedelta(seconds=self._limits.chain_window_s)
            depth = chain_depth(tx, event["resource_name"], event["resource_id"], since)
        if depth > self._limits.chain_depth_max:
            text = f"{active.name}: its own changes start it again and again; {depth} in a row, so this one was not run"
            raise_alert(tx, active.id, "quarantined", text, now)
            return "its own changes start it again and again"
        value = trigger_value(active.trigger, requested_by, at, event=event, record=verdict.record)
        return enqueue(tx, new_execution(active, value, requested_by=requested_by, key=key, depth=depth), now)

    async def _may_be_own(self, active: Startable, event: Mapping[str, Any]) -> bool:
        """False only where Procore names another user than the account's: a service account's is not known."""
        if event["user_id"] is None:
            return True
        link = await self._connections.of_principal(active.run_as, active.environment)
        return link is None or link.user_id is None or link.user_id == event["user_id"]


def _not_meant(trigger: Trigger, active: Startable, event: Mapping[str, Any]) -> str | None:
    meant = {named(one) or one for one in trigger.resources or ()}
    if (named(event["resource_name"]) or event["resource_name"]) not in meant:
        return "it is about something else"
    if trigger.events and event["event_type"] not in trigger.events:
        return "it is another kind of event"
    if active.project_id is not None and event["project_id"] not in (None, active.project_id):
        return "it is of another project"
    return None
