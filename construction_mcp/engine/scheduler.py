"""Starts workflows by time: each due time once, never early, and what was missed by the workflow's own policy.

A due time is claimed in the transaction that enqueues its execution and writes the next one, and the execution's key is
that time. So neither a crash nor a clock that is set back can start it twice. What is decided when is in `due_now`,
which is pure.

A workflow that is held by pause_all, or a directory in standby, claims nothing: the times stay due and are missed like
those of a machine that was off.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.waking import Bell
from construction_mcp.engine.port import EnginePort
from construction_mcp.engine.starter import new_execution, trigger_value
from construction_mcp.store import alerts, schedules, starts
from construction_mcp.store.database import Database
from construction_mcp.store.executions import enqueue
from construction_mcp.store.groups import Tx
from construction_mcp.store.meta import standby_since
from construction_mcp.store.schedules import Due
from construction_mcp.store.starts import Startable
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.schedule import Missed, missed, next_run_at, runs, spread_s

log = logging.getLogger(__name__)

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DueNow:
    """What to do about one schedule at one moment.

    run: the due times to start, oldest first; empty while its spread has not passed. next_at: what it is due for
    next, None when it never runs again. missed: what `catch_up` leaves out.
    """

    run: Sequence[datetime]
    next_at: datetime | None
    missed: Missed = field(default_factory=Missed)


@dataclass(slots=True)
class _Pass:
    """What one look did: whom to nudge, whether anything starts, and when the next look is worth it."""

    nudged: list[str] = field(default_factory=list)
    started: int = 0
    missed: int = 0
    ready_at: datetime | None = None


def due_now(trigger: Trigger, workflow_id: str, due_at: datetime, now: datetime, limits: Limits) -> DueNow | None:
    """What a schedule that fell due at `due_at` starts at `now`; None while its spread has not passed yet.

    A time is missed when it is found later than `schedule_late_s` after its spread: the process was off, held or
    asleep. With `catch_up: once` a run that is on time stands for those that were missed before it.

    Raises:
        Invalid: as `next_run_at`.
    """
    begun = now - timedelta(seconds=spread_s(trigger, workflow_id, limits))
    if due_at > begun:
        return None
    late = begun - timedelta(seconds=limits.schedule_late_s)
    on_time = _between(trigger, max(due_at - _MOMENT, late), begun, limits)
    lost = missed(trigger, due_at - _MOMENT, late, limits) if due_at <= late else Missed()
    caught = list(lost.run)
    if on_time and (trigger.catch_up or "once") == "once":
        lost = Missed((), lost.left_out + len(caught), lost.earlier)
        caught = []
    return DueNow([*caught, *on_time], next_run_at(trigger, begun, limits), lost)


def _between(trigger: Trigger, after: datetime, until: datetime, limits: Limits) -> list[datetime]:
    found = []
    for moment in runs(trigger, after, limits):
        if moment > until:
            break
        found.append(moment)
    return found


class Scheduler:
    """One per process. `changed` is rung when a workflow gets a due time."""

    def __init__(self, database: Database, engine: EnginePort, changed: Bell, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._changed = changed
        self._environment = settings.environment
        self._limits = settings.limits
        self._clock = clock
        self._seen: tuple[datetime, float] | None = None

    async def run(self) -> None:
        """Start what is due, for ever."""
        while True:
            try:
                pause_s = await self.look()
            except ConstructionError as problem:  # the disk is full or busy; what is due stays due
                log.warning("schedules could not be looked at: %s", problem.message)
                pause_s = self._limits.schedule_look_s
            await self._changed.wait(pause_s)

    async def look(self) -> float:
        """Start what is due now; the seconds until the next look, at most `schedule_look_s`.

        The bound is for the wall clock, which may be moved while this sleeps by another.
        """
        if await standby_since(self._database) is not None:
            return self._limits.schedule_look_s
        now = self._clock.now()
        if self._was_set_back(now):
            await self._database.write(lambda tx: self._rewind(tx, now))
        is_due, ready_at = await self._database.read(lambda tx: self._anything_due(tx, now))
        if is_due:
            ready_at = await self._claim(now)
        if ready_at is None:
            return self._limits.schedule_look_s
        return min(max(0.0, (ready_at - self._clock.now()).total_seconds()), self._limits.schedule_look_s)

    def _anything_due(self, tx: Tx, now: datetime) -> tuple[bool, datetime | None]:
        """Asked before writing: a write that claims nothing would cost a flush of the disk each time."""
        return bool(schedules.due(tx, self._environment, now, 1)), schedules.next_due(tx, now)

    async def _claim(self, now: datetime) -> datetime | None:
        done = await self._database.write(lambda tx: self._start_due(tx, now), durable=True)
        meters.RUNS_MISSED.add(by=done.missed)
        if done.started:
            self._engine.wake()
        for execution_id in done.nudged:
            self._engine.nudge(execution_id)
        return done.ready_at

    def _was_set_back(self, now: datetime) -> bool:
        """Whether the wall clock shows less than has passed; true at the first look: nobody knows what was before."""
        before, self._seen = self._seen, (now, self._clock.monotonic())
        if before is None:
            return True
        passed_s = self._seen[1] - before[1]
        return (now - before[0]).total_seconds() < passed_s - self._limits.schedule_early_s

    def _rewind(self, tx: Tx, now: datetime) -> None:
        """Due times beyond the next one belong to a clock that was ahead. What ran by it keeps its key: not again."""
        for one in schedules.active(tx, self._environment):
            found = starts.startable(tx, one.workflow_id)
            next_at = _next_of(found, now, self._limits) if found is not None else None
            if next_at is not None and next_at < one.due_at:
                schedules.move(tx, one, next_at)

    def _start_due(self, tx: Tx, now: datetime) -> _Pass:
        done = _Pass(ready_at=schedules.next_due(tx, now))
        for one in schedules.due(tx, self._environment, now, self._limits.schedule_due_max):
            active = starts.startable(tx, one.workflow_id)
            if active is None or starts.is_held(tx, active.project_id, active.run_as):
                continue
            self._start(tx, one, active, now, done)
        return done

    def _start(self, tx: Tx, one: Due, active: Startable, now: datetime, done: _Pass) -> None:
        trigger = Trigger.model_validate(active.trigger)
        try:
            found = due_now(trigger, active.id, one.due_at, now, self._limits)
        except Invalid as problem:  # a zone that this machine's tables no longer have
            log.warning("workflow %s cannot be scheduled: %s", active.id, problem.message)
            return
        if found is None:
            ready_at = one.due_at + timedelta(seconds=spread_s(trigger, active.id, self._limits))
            done.ready_at = min(filter(None, (done.ready_at, ready_at)))
            return
        if found.next_at is None:
            schedules.remove(tx, one.workflow_id)
        elif not schedules.move(tx, one, found.next_at):
            return
        for moment in found.run:
            self._enqueue(tx, active, trigger, moment, now, done)
        if found.missed.left_out or found.missed.earlier:
            done.missed += max(1, found.missed.left_out)
            alerts.raise_alert(tx, active.id, "missed", _told(active.name, found.missed, len(found.run)), now)
        next_start = found.next_at and found.next_at + timedelta(seconds=spread_s(trigger, active.id, self._limits))
        done.ready_at = min(filter(None, (done.ready_at, next_start)), default=None)

    def _enqueue(
        self, tx: Tx, active: Startable, trigger: Trigger, moment: datetime, now: datetime, done: _Pass
    ) -> None:
        """`overlap`: skip, the default, starts nothing beside a run that has not ended."""
        running = starts.unfinished(tx, active.id)
        if running and (trigger.overlap or "skip") == "skip":
            log.info("workflow %s is still running; its run of %s is skipped", active.id, moment.isoformat())
            schedules.note_skipped(tx, active.id, moment)
            return
        if running and trigger.overlap == "cancel_previous":
            starts.ask_to_end(tx, active.id)
            done.nudged += running
        value = trigger_value(active.trigger, "schedule", moment)
        new = new_execution(active, value, requested_by="schedule", key=f"due:{moment.isoformat()}")
        done.started += enqueue(tx, new, now).is_new


def _next_of(active: Startable, now: datetime, limits: Limits) -> datetime | None:
    try:
        return next_run_at(Trigger.model_validate(active.trigger), now, limits)
    except Invalid:
        return None  # as in `_start`; nothing to go back to


def _told(name: str, lost: Missed, ran: int) -> str:
    count = f"{lost.left_out} runs" if lost.left_out != 1 else "1 run"
    more = " and more before that" if lost.earlier else ""
    caught = f" {ran} of what was due runs now." if ran else ""
    return f"{name}: {count}{more} did not take place while this was off or held.{caught}"
