"""Carries one execution out until it ends or only waits."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.engine.advance import Begin, End, Finish, Park, Signals, advance
from construction_mcp.engine.results import Result
from construction_mcp.engine.runner import NodeRunner
from construction_mcp.engine.standing import Outcome, StepId
from construction_mcp.engine.work import Work
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.store.executions import StepRow
from construction_mcp.store.groups import Tx
from construction_mcp.store.transitions import Begun, Finished, Transition, park, record


class Driver:
    """One per execution that is carried out now; gone once it parks or ends."""

    def __init__(self, work: Work, database: Database, runner: NodeRunner, clock: Clock, limits: Limits) -> None:
        self.work = work
        self._database = database
        self._runner = runner
        self._clock = clock
        self._limits = limits
        self._bodies: dict[asyncio.Task[Result], StepId] = {}
        self._began: dict[StepId, float] = {}
        self._results: list[tuple[StepId, Result]] = []
        self._signalled = asyncio.Event()
        self._claimed = False

    def look(self) -> None:
        """Something that a waiting step waits for has happened."""
        self.work.signals = self.work.signals._replace(look=True)
        self._signalled.set()

    def cancel(self) -> None:
        """End as soon as nothing is under way."""
        self.work.signals = self.work.signals._replace(cancel=True)
        self._signalled.set()

    async def run(self) -> Finish | None:
        """How it ended; None where it waits.

        Raises:
            LeaseLost: another engine has it. Unavailable: the store refused; what is under way was cut off.
        """
        try:
            while True:
                now = self._clock.now()
                ends, begins, last = self._decide(now)
                if ends or begins or last or self._results:
                    await self._commit(ends, begins, last, now)
                if last is not None:
                    return last if isinstance(last, Finish) else None
                await self._perform(begins)
        finally:
            await self._cut_off()

    def _decide(self, now: datetime) -> tuple[list[End], Sequence[Begin], Park | Finish | None]:
        """Take in what came of the last bodies, and ask what follows until only bodies and the end are left."""
        work = self.work
        for step, result in self._results:
            work.put(step, result.outcome)
        ends: list[End] = []
        begins: list[Begin] = []
        last: Park | Finish | None = None
        is_settled = False
        while not is_settled:
            is_settled = True
            for command in advance(work.standing, work.signals, now):
                match command:
                    case Begin():
                        begins.append(command)
                    case End(step, outcome):
                        work.put(step, outcome)
                        ends.append(command)
                        is_settled = False
                    case _:
                        last = command
        if work.signals.look:
            work.signals = Signals(cancel=work.signals.cancel)
        for begin in begins:
            self._begin(begin, now)
        return ends, begins, last

    def _begin(self, begin: Begin, now: datetime) -> None:
        work, step = self.work, begin.step
        if (before := work.standing.outcomes.get(step)) is not None:
            work.before[step] = before
        work.began.setdefault(step, now)
        work.put(step, Outcome("running", attempts=begin.attempt))

    async def _commit(
        self, ends: Sequence[End], begins: Sequence[Begin], last: Park | Finish | None, now: datetime
    ) -> None:
        """One transaction: outcomes, what else belongs to them, intents of what begins, and the end if it is one."""
        work = self.work
        results, self._results = self._results, []
        is_first, self._claimed = not self._claimed, True
        kept = [self._row(step, result.outcome, now, result.text) for step, result in results]
        kept += [self._row(end.step, end.outcome, now) for end in ends]
        begun = [Begun(*begin.step, work.nodes[begin.step.key].type, begin.attempt) for begin in begins]
        transition = Transition(work.execution.id, work.lease, now, is_first, kept, begun)
        transition.then = [function for step, result in results for function in self._besides(step, result, now)]
        if isinstance(last, Park):
            transition.then.append(partial(self._park, due_at=last.due_at))
        elif last is not None:
            transition.finished = self._finished(last, now)
            transition.after = self._brought_along(last, now)
        durable = isinstance(last, Finish) or any(result.is_durable for _, result in results)
        await self._database.write_shared(record, transition, durable=durable)
        _count(kept)

    def _besides(self, step: StepId, result: Result, now: datetime) -> Iterable[Callable[[Tx], None]]:
        """What is recorded together with an outcome."""
        yield from result.records
        for kind, text in result.notes:
            yield partial(store.note, execution_id=self.work.execution.id, kind=kind, step=step.key, text=text, now=now)

    def _park(self, tx: Tx, due_at: datetime | None) -> None:
        park(tx, self.work.execution.id, self.work.lease, due_at, self.work.requests)

    def _finished(self, last: Finish, now: datetime) -> Finished:
        execution = self.work.execution
        took_ms = max(0.0, (now - execution.started_at).total_seconds() * 1000)
        is_called = execution.parent_id is not None
        return Finished(execution.id, last.status, now, took_ms, last.error, self.work.requests, is_called)

    def _brought_along(self, last: Finish, now: datetime) -> Sequence[Callable[[Tx], None]]:
        """What the owner has to hear of an end."""
        is_trouble = self.work.execution.mode == "live" and last.status in ("failed", "needs_review")
        return [partial(self._alert, last=last, now=now)] if is_trouble else ()

    def _alert(self, tx: Tx, last: Finish, now: datetime) -> None:
        workflow_id, name = self.work.execution.workflow_id, self.work.workflow_name
        said = (last.error or {}).get("message", "")
        store.alert(tx, workflow_id, last.status, f"{name}: {said}"[:500], now)
        most = self._limits.failures_in_a_row_max
        if last.status != "failed" or store.failed_in_a_row(tx, workflow_id, most) < most:
            return
        if store.stop_workflow(tx, workflow_id, now):
            store.alert(tx, workflow_id, "stopped", f"{name} failed {most} times in a row and was stopped.", now)

    def _row(self, step: StepId, outcome: Outcome, now: datetime, text: str | None = None) -> StepRow:
        began = self._began.pop(step, None)
        return StepRow(
            step.key,
            step.item,
            self.work.nodes[step.key].type,
            outcome.status,
            outcome.attempts,
            self.work.began.get(step, now),
            now if outcome.is_over else None,
            None if began is None else round((self._clock.monotonic() - began) * 1000, 3),
            {"fan": list(outcome.items)} if outcome.items is not None else outcome.output,
            outcome.error,
            outcome.because,
            outcome.waits_for,
            outcome.due_at,
            text,
        )

    async def _perform(self, begins: Sequence[Begin]) -> None:
        """Begin these bodies and wait for the first that is done, or for a signal."""
        here, apart = self._split(begins)
        for begin in apart:
            self._began[begin.step] = self._clock.monotonic()
            body = asyncio.get_running_loop().create_task(self._runner.run(self.work, begin.step, begin.attempt))
            self._bodies[body] = begin.step
            body.add_done_callback(self._is_done)
        for at, begin in enumerate(here, 1):
            self._began[begin.step] = self._clock.monotonic()
            self._results.append((begin.step, await self._runner.run(self.work, begin.step, begin.attempt)))
            if at % self._limits.begun_in_a_row_max == 0:
                await asyncio.sleep(0)
        if not here:
            await self._signalled.wait()
        self._take_in()

    def _split(self, begins: Sequence[Begin]) -> tuple[Sequence[Begin], Sequence[Begin]]:
        """Those that need no task, and the others. What only computes takes turns in any case; and while nothing else
        is under way, nothing follows from a signal before the one body is done."""
        if len(begins) == 1 and not self._bodies and not self.work.standing.waiting:
            return begins, ()
        here: list[Begin] = []
        apart: list[Begin] = []
        for begin in begins:
            (here if self._runner.only_computes(self.work.nodes[begin.step.key]) else apart).append(begin)
        return here, apart

    def _is_done(self, _body: "asyncio.Task[Result]") -> None:
        self._signalled.set()

    def _take_in(self) -> None:
        """The results of all bodies that are done by now."""
        self._signalled.clear()
        for body in [one for one in self._bodies if one.done()]:
            step = self._bodies.pop(body)
            self._results.append((step, body.result()))

    async def _cut_off(self) -> None:
        """End what is under way; what it did is found out when the execution is taken over."""
        for body in self._bodies:
            body.cancel()
        if self._bodies:
            await asyncio.wait(self._bodies)


def _count(kept: Sequence[store.StepRow]) -> None:
    """Tell the meters of steps that are over."""
    for row in kept:
        if row.completed_at is not None:
            meters.STEPS_ENDED.add(row.type, row.status)
        if row.duration_ms is not None:
            meters.STEP_TIMES.observe(row.duration_ms / 1000, row.type)
