"""The engine of this process: executions on its own SQLite database, one driver each, strictly durable.

A driver asks `advance`, writes what came of the last bodies together with what begins next in one transaction, and runs
the bodies. So an intent is durable before its body runs, an outcome before any successor begins, and a chain of N steps
takes N + 1 commits, which are shared with whoever else writes at that moment.

An execution that only waits has no driver and takes no place: its timer or a nudge gives it one again.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core import meters, spans
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Conflict, ConstructionError, NotFound, Unavailable
from construction_mcp.core.ids import new_id
from construction_mcp.core.ports import Changes
from construction_mcp.engine.advance import Signals
from construction_mcp.engine.driver import Driver
from construction_mcp.engine.loading import Loader
from construction_mcp.engine.mending import Mending
from construction_mcp.engine.runner import NodeRunner
from construction_mcp.engine.work import Work
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.store.executions import INTERACTIVE, Enqueued, NewExecution
from construction_mcp.store.groups import Tx

log = logging.getLogger(__name__)

_TROUBLE_PAUSE_S = 1.0  # after the store refused: a full disk is not asked a thousand times a second


class EmbeddedEngine:
    """Implements `port.EnginePort`. `run` carries out; without it executions are accepted and wait.

    parked: called when an execution begins to wait, perhaps for a person who has to be told.
    loader: makes a `Work` of a stored execution; runner: performs single steps.
    """

    def __init__(
        self,
        database: Database,
        loader: Loader,
        runner: NodeRunner,
        changes: Changes,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self.lease = new_id("eng")
        self.parked: Callable[[], None] = lambda: None
        self._database = database
        self._loader = loader
        self._runner = runner
        self._changes = changes
        self._settings = settings
        self._limits = settings.limits
        self._clock = clock
        self._mending = Mending(database, clock)
        self._drivers: dict[str, Driver] = {}
        self._nudged: dict[str, None] = {}
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._wake = asyncio.Event()
        self._is_cut_off = False  # the end of the process met something under way

    # what others ask of it

    async def start(self, new: NewExecution) -> Enqueued:
        """Accept an execution durably; the same key of the same workflow is the same execution again.

        Raises:
            Unavailable: SYSTEM_BUSY for callers that wait, while the queue is too old; it could not be stored.
        """
        now = self._clock.now()

        def write(tx: Tx) -> Enqueued:
            if new.priority >= INTERACTIVE:
                self._require_room(store.queue(tx), now)
            return store.enqueue(tx, new, now)

        enqueued = await self._database.write(write, durable=True)
        self.wake()
        return enqueued

    def _require_room(self, waiting: store.Queue, now: datetime) -> None:
        """Raises: Unavailable: SYSTEM_BUSY; the first of the queue waits too long already."""
        age_s = 0.0 if waiting.oldest_at is None else (now - waiting.oldest_at).total_seconds()
        if age_s > self._settings.queue_age_s:
            raise Unavailable(
                f"{waiting.length} executions wait, the first for {age_s:.0f} s.",
                code="SYSTEM_BUSY",
                retry_after_s=self._settings.queue_age_s,
            )

    def wake(self) -> None:
        """Something was enqueued in a transaction of the caller's own."""
        self._wake.set()

    def nudge(self, execution_id: str) -> None:
        """Something that this execution waits for has been decided or ended."""
        driver = self._drivers.get(execution_id)
        if driver is not None:
            driver.look()
        self._nudged[execution_id] = None  # it may park before it has seen the nudge
        self._wake.set()

    async def ended(self, execution_id: str, wait_s: float) -> bool:
        """Whether it has ended, after waiting for that up to `wait_s` seconds."""
        waiter = asyncio.Event()
        self._waiters.setdefault(execution_id, set()).add(waiter)
        try:
            status = await self._database.read(lambda tx: store.status_of(tx, execution_id))
            if status is None or status in store.ENDED:
                return status is not None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await waiter.wait()
            return waiter.is_set()
        finally:
            self._waiters[execution_id].discard(waiter)
            if not self._waiters[execution_id]:
                del self._waiters[execution_id]

    async def cancel(self, execution_id: str, by: str) -> bool:
        """Ask it and whatever it called to end. False where it had ended already.

        Raises:
            NotFound: EXECUTION_NOT_FOUND.
        """
        now = self._clock.now()

        def write(tx: Tx) -> tuple[str | None, list[str]]:
            status = store.ask_to_end(tx, execution_id)
            if status not in (None, *store.ENDED):
                store.note(tx, execution_id, "cancel", None, f"{by} asked it to end.", now, by=by)
            return status, store.children_of(tx, execution_id)

        status, children = await self._database.write(write, durable=True)
        if status is None:
            raise not_found(execution_id)
        if status in store.ENDED:
            return False
        driver = self._drivers.get(execution_id)
        if driver is not None:
            driver.cancel()
        self.nudge(execution_id)
        for child in children:
            await self.cancel(child, by)
        return True

    async def retry(
        self, execution_id: str, by: str, *, from_step: str | None = None, plan: Literal["same", "active"] = "same"
    ) -> str:
        """As `port.EnginePort.retry`."""
        made = await self._mending.retry(execution_id, by, from_step, plan)
        self.wake()
        return made

    async def resolve(
        self, execution_id: str, step: str, outcome: Literal["done", "not_done", "skip"], by: str, evidence: str | None
    ) -> list[str]:
        """As `port.EnginePort.resolve`."""
        left = await self._mending.resolve(execution_id, step, outcome, by, evidence)
        self.nudge(execution_id)
        return left

    # carrying out

    async def run(self) -> None:
        """Take over what was left, then carry out whatever comes, until cancelled."""
        self.lease = new_id("eng")  # a run before this one, that failed, left executions under its own
        await self._recover()
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._wake.clear()
                    try:
                        due_at = await self._take(tasks)
                    except Unavailable as problem:
                        if problem.code == "SYSTEM_SHUTTING_DOWN":
                            raise
                        log.warning("the engine waits for its store: %s", problem.message)
                        await self._clock.sleep(_TROUBLE_PAUSE_S)
                        continue
                    await self._pause(due_at)
        except asyncio.CancelledError:  # asked to end; what ends the process by itself comes out as something else
            if self._is_cut_off:
                with contextlib.suppress(Unavailable):
                    await self._database.write(lambda tx: store.leave(tx, self.lease, self._clock.now()))
            raise
        finally:
            self._drivers.clear()

    async def _recover(self) -> None:
        error = Unavailable("It ended its process too often.", code="EXECUTION_QUARANTINED", retryable=False)
        public, limits = error.public()["error"], self._limits
        alone_max, company_max = limits.process_ends_max, limits.process_ends_in_company_max
        now = self._clock.now()
        taken, given_up = await self._database.write(
            lambda tx: store.recover(tx, self.lease, alone_max, company_max, public, now), durable=True
        )
        if taken or given_up:
            log.info("took over %d executions of a process that ended; gave up %d", taken, len(given_up))
        for execution_id in given_up:
            self._tell(execution_id, None)

    async def _take(self, tasks: asyncio.TaskGroup) -> datetime | None:
        """Give a driver to as many executions as there are places for: what was nudged or is due, then the queue.

        Returns when the next timer fires; None where there is none, or no place before somebody leaves.
        """
        free = self._settings.executions_max - len(self._drivers)
        if free <= 0:
            return None
        now, most, environment = self._clock.now(), self._limits.executions_claimed_max, self._settings.environment
        nudged, full = [one for one in self._nudged if one not in self._drivers], self._full()
        ends_max = self._limits.process_ends_max
        seen = await self._database.read(lambda tx: store.look(tx, environment, now, most, ends_max, nudged, full))
        for execution_id in set(nudged) - seen.held:  # what is held is looked at once it is released
            self._nudged.pop(execution_id, None)
        woken = [one for one in dict.fromkeys([*seen.nudged, *seen.due]) if one not in self._drivers]
        queued = self._fair([one for one in seen.queued if one.id not in self._drivers])
        chosen = [*woken, *(one.id for one in queued)][:free]
        for execution_id in [one for one in seen.nudged if one not in chosen]:
            self._nudged[execution_id] = None  # no place for it yet
        for at, work in enumerate(await self._load(chosen), 1):
            if at % self._limits.begun_in_a_row_max == 0:
                await asyncio.sleep(0)
            work.signals = Signals(cancel=work.execution.ending == "cancel", look=True)
            driver = Driver(work, self._database, self._runner, self._clock, self._limits)
            self._drivers[work.execution.id] = driver
            if work.execution.id not in woken:
                meters.EXECUTIONS_STARTED.add(work.execution.mode)
            tasks.create_task(self._carry_out(driver), name=f"execution {work.execution.id}")
        if chosen and (len(seen.queued) == most or len(seen.due) == most):
            self._wake.set()  # there may be more
        return seen.next_due

    def _full(self) -> list[str]:
        """The workflows that have all the places they may: their queue must not hide that of others."""
        running = Counter(driver.work.execution.workflow_id for driver in self._drivers.values())
        return [one for one, count in running.items() if count >= self._settings.executions_per_workflow_max]

    def _fair(self, queued: "list[store.Queued]") -> "list[store.Queued]":
        """Those for which their workflow and their project have a place left."""
        running = [driver.work.execution for driver in self._drivers.values()]
        workflows = Counter(one.workflow_id for one in running)
        projects = Counter(one.project_id for one in running if one.project_id is not None)
        chosen = []
        for one in queued:
            if workflows[one.workflow_id] >= self._settings.executions_per_workflow_max:
                continue
            if one.project_id is not None and projects[one.project_id] >= self._limits.executions_per_project_max:
                continue
            workflows[one.workflow_id] += 1
            if one.project_id is not None:
                projects[one.project_id] += 1
            chosen.append(one)
        return chosen

    async def _load(self, chosen: Sequence[str]) -> list[Work]:
        """The executions as they can be carried out; one that cannot is ended."""
        loaded = await self._loader.load(chosen, self.lease) if chosen else []
        works = []
        for one in loaded:
            if isinstance(one, Work):
                works.append(one)
            else:
                log.warning("execution %s cannot be carried out: %s", one.execution_id, one.problem.message)
                await self._give_up(one.execution_id, None, one.problem)
        return works

    async def _carry_out(self, driver: Driver) -> None:
        execution = driver.work.execution
        try:
            await self._loader.place(driver.work)
            with spans.span("execution", construction_mcp__execution__id=execution.id):
                ended = await driver.run()
        except asyncio.CancelledError:
            self._is_cut_off = True
            raise
        except store.LeaseLost:
            log.info("execution %s is another engine's now", execution.id)
            return
        except Conflict as problem:
            await self._give_up_or_let_go(execution, problem)
            return
        except Unavailable as problem:
            # What its bodies did and could not be recorded is found out again when it is taken over.
            log.warning("execution %s stands still: %s", execution.id, problem.message)
            await self._let_go(execution.id)
            return
        except Exception:
            # The engine goes on with the others; this one's mistake is ours, and ends it where a person can see it.
            log.exception("execution %s cannot go on", execution.id)
            broken = Unavailable("The engine made a mistake; its log has it.", code="SYSTEM_INTERNAL", retryable=False)
            await self._give_up_or_let_go(execution, broken)
            return
        finally:
            self._drivers.pop(execution.id, None)
            self._wake.set()
        if ended is None:
            self.parked()
        else:
            took_s = (self._clock.now() - execution.started_at).total_seconds()
            meters.EXECUTIONS_ENDED.add(execution.mode, ended.status)
            meters.EXECUTION_TIMES.observe(max(0.0, took_s), ended.status)
            self._tell(execution.id, execution.parent_id)
        await self._told(execution.id, execution.workflow_id)

    def _tell(self, execution_id: str, parent_id: str | None) -> None:
        for waiter in self._waiters.get(execution_id, ()):
            waiter.set()
        if parent_id is not None:
            self.nudge(parent_id)

    async def _told(self, execution_id: str, workflow_id: str) -> None:
        await self._changes.resource_updated(f"execution://{execution_id}/trace")
        await self._changes.resource_updated(f"workflow://{workflow_id}/status")

    async def _give_up(self, execution_id: str, parent_id: str | None, problem: ConstructionError) -> None:
        now, error = self._clock.now(), problem.public()["error"]
        await self._database.write(lambda tx: store.give_up(tx, execution_id, error, now), durable=True)
        meters.EXECUTIONS_ENDED.add(meters.OTHER, "failed")
        self._tell(execution_id, parent_id)

    async def _give_up_or_let_go(self, execution: store.Execution, problem: ConstructionError) -> None:
        """Where even its end cannot be stored it is taken up again later, and ends then; the others go on meanwhile."""
        try:
            await self._give_up(execution.id, execution.parent_id, problem)
        except Unavailable as refused:
            log.warning("execution %s cannot be ended yet: %s", execution.id, refused.message)
            await self._let_go(execution.id)

    async def _let_go(self, execution_id: str) -> None:
        """Wait for the store, then make the execution due again."""
        while True:
            await self._clock.sleep(_TROUBLE_PAUSE_S)
            try:
                await self._database.write(lambda tx: store.let_go(tx, execution_id, self.lease, self._clock.now()))
            except Unavailable as problem:
                if problem.code == "SYSTEM_SHUTTING_DOWN":
                    return
            else:
                return

    async def _pause(self, due_at: datetime | None) -> None:
        """Until something comes, or the next timer."""
        if self._drivers and len(self._drivers) >= self._settings.executions_max:
            due_at = None  # no place before one of them ends, and that wakes
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._wake.wait())}
        if due_at is not None:
            waits.add(asyncio.ensure_future(self._sleep_until(due_at)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _sleep_until(self, due_at: datetime) -> None:
        """Counted when it begins to sleep: by then the clock may have moved on. Not longer than `timer_slack_s`."""
        left_s = (due_at - self._clock.now()).total_seconds()
        await self._clock.sleep(min(left_s, self._limits.timer_slack_s))

    def state(self) -> Mapping[str, Any]:
        """For health: what is carried out now."""
        return {"lease": self.lease, "running": len(self._drivers), "places": self._settings.executions_max}


def not_found(execution_id: str) -> NotFound:
    """EXECUTION_NOT_FOUND."""
    return NotFound(f"There is no execution {execution_id[:64]!r}.", code="EXECUTION_NOT_FOUND")
