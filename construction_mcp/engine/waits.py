"""Steps that the engine performs itself: they wait for a moment, a person or another workflow, and hold nothing.

Each is asked again when its timer fires or something was decided, and looks at what there is: so what came early, late
or twice is seen once.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from construction_mcp.actions.approval import ApprovalConfig
from construction_mcp.actions.wait import ForConfig, UntilConfig
from construction_mcp.actions.workflow import CallConfig
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.engine.results import Result
from construction_mcp.engine.standing import Outcome, StepId
from construction_mcp.engine.starter import new_execution, trigger_value
from construction_mcp.engine.work import Work
from construction_mcp.store import approvals
from construction_mcp.store.approvals import Approval, NewApproval, digest_of
from construction_mcp.store.database import Database
from construction_mcp.store.executions import ENDED, INTERACTIVE, child_of, enqueue
from construction_mcp.store.groups import Tx
from construction_mcp.store.starts import startable
from construction_mcp.workflow.plan import Node
from construction_mcp.workflow.schedule import moment_of

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5


class Waits:
    """One per engine."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    async def carry_out(self, work: Work, node: Node, step: StepId, attempt: int, config: Any) -> Result:
        """Wait, or go on if what is waited for has come.

        Raises:
            Invalid: nothing here waits for that kind of thing, or what is waited for can never come.
        """
        match config:
            case ForConfig():
                began = work.began.get(step) or self._clock.now()
                return self._until(work, attempt, began + timedelta(seconds=config.duration))
            case UntilConfig():
                began = work.began.get(step) or self._clock.now()
                return self._until(work, attempt, moment_named(config, began, work))
            case ApprovalConfig():
                return await self._approval(work, step, attempt, config)
            case CallConfig():
                return await self._call(work, step, attempt, config)
        raise Invalid(f"{node.type} cannot be carried out by this installation.")

    def _until(self, work: Work, attempt: int, due_at: datetime) -> Result:
        now = self._clock.now()
        if work.is_simulated:
            return Result(Outcome("simulated", {"ended_at": due_at.isoformat()}, attempts=attempt))
        if due_at <= now:
            return Result(Outcome("completed", {"ended_at": now.isoformat()}, attempts=attempt))
        return Result(Outcome("waiting", attempts=attempt, waits_for=_for("time", now, None, due_at), due_at=due_at))

    async def _approval(self, work: Work, step: StepId, attempt: int, config: ApprovalConfig) -> Result:
        shown, names = dict(config.show or {}), tuple(config.editable or ())
        if work.is_simulated:
            edits = {name: shown.get(name) for name in names}
            output = {"decision": "approve", "edits": edits, "by": None, "comment": None}
            would = {"would": {"summary": config.message, "shown": shown, "approvers": list(config.approvers)}}
            return Result(Outcome("simulated", output, because=would, attempts=attempt))
        asked = await self._database.read(lambda tx: approvals.of_step(tx, work.execution.id, *step))
        now = self._clock.now()
        if asked is None:
            return self._ask(work, step, attempt, config, now)
        if asked.status == "pending":
            return _waiting(asked, attempt, now, self._limits.approval_grace_s)
        return _decided(asked, attempt)

    def _ask(self, work: Work, step: StepId, attempt: int, config: ApprovalConfig, now: datetime) -> Result:
        shown = dict(config.show or {})
        expires_at = now + timedelta(seconds=config.expires_in)
        new = NewApproval(
            execution_id=work.execution.id,
            step=step.key,
            item=step.item,
            summary=config.message,
            shown=shown,
            editable=tuple(config.editable or ()),
            digest=digest_of(config.message, shown),
            requested_by=work.execution.run_as,
            approvers=tuple(config.approvers),
            expires_at=expires_at,
            on_expiry=config.on_expiry,
            escalate_to=None if config.escalate_to is None else tuple(config.escalate_to),
            remind_at=None if config.remind_after is None else now + timedelta(seconds=config.remind_after),
        )

        def ask(tx: Tx) -> None:
            approvals.request(tx, new, now)

        waits_for = _for("approval", now, list(config.approvers), expires_at)
        due_at = expires_at + timedelta(seconds=self._limits.approval_grace_s)
        outcome = Outcome("waiting", attempts=attempt, waits_for=waits_for, due_at=due_at)
        return Result(outcome, records=(ask,), is_durable=True)

    async def _call(self, work: Work, step: StepId, attempt: int, config: CallConfig) -> Result:
        if work.is_simulated:
            output = {"execution_id": "", "status": "completed", "error": None}
            return Result(
                Outcome("simulated", output, because={"would": config.model_dump(mode="json")}, attempts=attempt)
            )
        key = f"call:{work.key_of(step)}"
        child = await self._database.read(lambda tx: child_of(tx, config.workflow_id, key))
        if child is None:
            return await self._start(work, step, attempt, config, key)
        if config.wait and child.status not in ENDED:
            waits_for = _for("execution", self._clock.now(), [child.id], None)
            return Result(Outcome("waiting", attempts=attempt, waits_for=waits_for))
        error = (child.error or {}).get("message")
        status = child.status if config.wait else "queued"
        output = {"execution_id": child.id, "status": status, "error": error}
        return Result(Outcome("completed", output, attempts=attempt))

    async def _start(self, work: Work, step: StepId, attempt: int, config: CallConfig, key: str) -> Result:
        active = await self._database.read(lambda tx: startable(tx, config.workflow_id))
        if active is None or active.status != "active":
            raise Invalid(f"The workflow {config.workflow_id[:64]!r} is not active.", details={"field": "workflow_id"})
        if work.execution.depth >= self._limits.call_depth_max:
            raise Invalid(f"Workflows call each other more than {self._limits.call_depth_max} deep.")
        now = self._clock.now()
        trigger = trigger_value(active.trigger, "manual", now, given=dict(config.input or {}))
        called = new_execution(active, trigger, requested_by="workflow", key=key, depth=work.execution.depth + 1)
        new = replace(called, priority=INTERACTIVE, parent_id=work.execution.id, parent_step=step.key)

        def start(tx: Tx) -> None:
            enqueue(tx, new, now)

        if config.wait:
            waits_for = _for("execution", now, [config.workflow_id], None)
            return Result(Outcome("waiting", attempts=attempt, waits_for=waits_for), records=(start,), is_durable=True)
        # The id is known once it is stored: due at once, to read it there.
        waits_for = _for("turn", now, None, now)
        outcome = Outcome("waiting", attempts=attempt, waits_for=waits_for, due_at=now)
        return Result(outcome, records=(start,), is_durable=True)


def moment_named(config: UntilConfig, began: datetime, work: Work) -> datetime:
    """The moment a `wait.until` names, counted from when the step began, in the workflow's zone."""
    zone = ZoneInfo(work.timezone or "UTC")
    hour, minute = (int(part) for part in config.time.split(":"))
    if config.at is not None and len(config.at) > len("2026-12-01"):
        moment = datetime.fromisoformat(config.at)
        return moment.astimezone(UTC) if moment.tzinfo else moment_of(moment, zone)
    if config.at is not None:
        day = date.fromisoformat(config.at)
    else:
        holidays = {str(one) for one in work.plan.trigger.get("holidays") or ()}
        day = _next_day(config.next or "day", began.astimezone(zone).date(), holidays)
    return moment_of(datetime.combine(day, time(hour, minute)), zone)


def _next_day(kind: str, today: date, holidays: set[str]) -> date:
    day = today + timedelta(days=1)
    while not (
        kind == "day"
        or (kind == "working_day" and day.weekday() < _SATURDAY and day.isoformat() not in holidays)
        or (kind in _WEEKDAYS and day.weekday() == _WEEKDAYS.index(kind))
    ):
        day += timedelta(days=1)
    return day


def _waiting(asked: Approval, attempt: int, now: datetime, grace_s: float) -> Result:
    due_at = max(asked.expires_at, now) + timedelta(seconds=grace_s)
    waits_for = _for("approval", asked.created_at, list(asked.approvers), asked.expires_at)
    return Result(Outcome("waiting", attempts=attempt, waits_for=waits_for, due_at=due_at))


def _decided(asked: Approval, attempt: int) -> Result:
    """What the person said. Nobody's answer is a no, or the end of the step, as the approval says."""
    if asked.status == "expired" and asked.on_expiry == "fail":
        late = Invalid("Nobody decided in time.", code="APPROVAL_EXPIRED", details={"approval_id": asked.id})
        return Result(Outcome("failed", error=late.public()["error"], attempts=attempt))
    decision = "approve" if asked.status == "approved" else "reject"
    values = {name: asked.shown.get(name) for name in asked.editable}
    output: Mapping[str, Any] = {
        "decision": decision,
        "edits": {**values, **(asked.edits or {})},
        "by": asked.decided_by,
        "comment": asked.comment,
    }
    said = "nobody decided in time" if asked.status == "expired" else f"{asked.decided_by} said {decision}"
    return Result(Outcome("completed", output, attempts=attempt), notes=(("decision", said),))


def _for(what: str, since: datetime, who: Any, next_timer_at: datetime | None) -> dict[str, Any]:
    timer = None if next_timer_at is None else next_timer_at.isoformat()
    return {"what": what, "since": since.isoformat(), "who": who, "next_timer_at": timer}
