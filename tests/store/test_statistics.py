"""Statistics from roll-ups say what the rows say, whatever happened and in whatever order it was added."""

import math
import random
import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.engine.janitor import Janitor
from construction_mcp.store import executions as store
from construction_mcp.store import transitions
from construction_mcp.store.columns import time_from
from construction_mcp.store.database import Database
from construction_mcp.store.deliveries import Deliveries
from construction_mcp.store.executions import Execution, NewExecution, StepRow
from construction_mcp.store.groups import Tx
from construction_mcp.store.rollups import BATCH, add_batch
from construction_mcp.store.statistics import Statistics, Stats, Window
from construction_mcp.store.workflows import Draft, Workflows

pytestmark = pytest.mark.anyio

LEASE, HOUR, DAY = "engine", timedelta(hours=1), timedelta(days=1)
TYPES = {"read": "procore.rfi.list", "shape": "transform.map", "tell": "notify.email"}
PLACE = {"environment": "simulator", "company_id": None, "run_as": "local:0", "requested_by": "local:0"}


class Yard:
    """Runs executions through the functions that the engine uses, by chance."""

    def __init__(self, database: Database, clock: ManualClock, path: Path, chance: random.Random) -> None:
        self.database, self.clock, self.path, self.chance = database, clock, path, chance
        self.statistics = Statistics(database)
        self.unknown: list[str] = []
        self.ended: list[str] = []

    async def accept(self, workflow_id: str, **more: Any) -> str:
        new = NewExecution(
            **{"workflow_id": workflow_id, "version": 1, "plan_hash": "0" * 64, "trigger": {"type": "manual"},
               "project_id": None, **PLACE, **more}
        )  # fmt: skip
        return (await self.database.write(lambda tx: store.enqueue(tx, new, self.clock.now()))).id

    async def end(self, execution_id: str, status: str, duration_ms: float, steps: Iterable[StepRow] = ()) -> None:
        """Carry it out; `waiting` parks it."""
        now, rows, requests = self.clock.now(), list(steps), self.chance.randrange(5)

        def write(tx: Tx) -> None:
            transitions.claim(tx, [execution_id], LEASE)
            transitions.keep_steps(tx, [(execution_id, row) for row in rows])
            if status == "waiting":
                transitions.park(tx, execution_id, LEASE, None, requests)
                return
            end = transitions.Finished(execution_id, status, now, duration_ms, requests=requests)
            transitions.finish(tx, [end], LEASE)

        await self.database.write(write)

    def steps(self, status: str) -> list[StepRow]:
        """Some, at different ends; with a for_each's items, which count for nothing by themselves."""
        made, chance, now = [], self.chance, self.clock.now()
        for key in chance.sample(list(TYPES), chance.randint(1, 3)):
            how = chance.choice(["completed", "completed", "failed", "skipped", "cancelled"])
            took = None if how == "skipped" else chance.lognormvariate(3, 2)
            made.append(StepRow(key, -1, TYPES[key], how, chance.randint(1, 3), now, now, took))
        made.append(StepRow("fan", 0, "test.item", "completed", 1, now, now, 5.0))
        if status == "needs_review":
            made.append(StepRow("write", -1, "procore.rfi.create", "uncertain", 1, now, now, 7.0))
        return made

    async def live(self, workflows: list[str]) -> None:
        """One thing that may happen."""
        chance = self.chance
        what = chance.choice(["run"] * 8 + ["resolve", "retry", "give up", "add", "rest"])
        self.clock.advance(chance.choice([0.0, 1.5, 600.0, 5400.0, 40_000.0]))
        if what == "resolve" and self.unknown:
            await self.settle(self.unknown.pop())
        elif what == "retry" and self.ended:
            await self.repeat(chance.choice(self.ended))
        elif what == "add":
            await self.database.write(lambda tx: add_batch(tx, chance.randint(1, 5)))
        else:
            project, mode = chance.choice([None, 7, 8]), chance.choice(["live", "live", "live", "simulate"])
            made = await self.accept(chance.choice(workflows), project_id=project, mode=mode)
            if what == "give up":
                error = {"code": "SYSTEM_X", "message": "It cannot be carried out."}
                await self.database.write(lambda tx: store.give_up(tx, made, error, self.clock.now()))
            elif what == "run":
                self.clock.advance(chance.choice([0.0, 2.0, 4000.0]))
                await self.finish(made)

    async def finish(self, execution_id: str) -> None:
        status = self.chance.choice(["completed", "completed", "failed", "cancelled", "needs_review", "waiting"])
        await self.end(execution_id, status, self.chance.lognormvariate(6, 3), self.steps(status))
        if status == "needs_review":
            self.unknown.append(execution_id)
        elif status != "waiting":
            self.ended.append(execution_id)

    async def settle(self, execution_id: str) -> None:
        """A person says what became of it; it goes on, and ends once more."""
        now = self.clock.now()

        def write(tx: Tx) -> None:
            parts = store.uncertain_parts(tx, execution_id, "write")
            assert store.settle_parts(tx, execution_id, parts, "completed", None, now) == []
            store.reopen(tx, execution_id, now)

        await self.database.write(write)
        if self.chance.random() < 0.8:
            await self.end(execution_id, self.chance.choice(["completed", "failed"]), 50.0)
            self.ended.append(execution_id)

    async def repeat(self, execution_id: str) -> None:
        found = await self.database.read(lambda tx: store.by_id(tx, execution_id))
        assert isinstance(found, Execution)
        made = await self.accept(found.workflow_id, project_id=found.project_id, mode=found.mode)
        await self.database.write(
            lambda tx: store.copy_steps(tx, execution_id, made, list(TYPES), self.clock.now())
        )  # fmt: skip
        await self.end(made, "completed", 10.0)

    def rows(self, text: str, *values: Any) -> list[sqlite3.Row]:
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        found = connection.execute(text, values).fetchall()
        connection.close()
        return found

    def counted(self, window: Window, workflow_id: str | None, project_id: int | None) -> list[sqlite3.Row]:
        """The rows that a question is about."""
        return [
            row
            for row in self.rows("SELECT * FROM executions WHERE mode = 'live'")
            if time_from(row["started_at"]) >= window.since
            and workflow_id in (None, row["workflow_id"])
            and project_id in (None, row["project_id"])
        ]


@pytest.fixture
def yard(database: Database, clock: ManualClock, path: Path) -> Yard:
    return Yard(database, clock, path, random.Random(7))


def rank(values: list[float], percent: int) -> float:
    """The value at its rank, none made up between two."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def windows(now: datetime) -> list[Window]:
    hour, day = now.replace(minute=0, second=0), now.replace(hour=0, minute=0, second=0)
    return [
        Window(hour - 23 * HOUR, HOUR, 24),
        Window(hour - 167 * HOUR, DAY, 7),
        Window(day - 29 * DAY, DAY, 30),
        Window(day - 89 * DAY, 7 * DAY, 13),
    ]


def check_runs(stats: Stats, rows: list[sqlite3.Row], window: Window) -> None:
    statuses = Counter(row["status"] for row in rows)
    assert {name: many for name, many in stats.counts.items() if many} == dict(statuses)
    took = [row["duration_ms"] for row in rows if row["status"] in ("completed", "failed")]
    took = [one for one in took if one is not None]
    assert set(stats.duration_ms) == (set() if not took else {"mean", "p50", "p95", "p99", "max"})
    if took:
        assert stats.duration_ms["mean"] == pytest.approx(sum(took) / len(took), abs=0.001)
        assert stats.duration_ms["max"] == pytest.approx(max(took), abs=0.001)
        for percent in (50, 95, 99):
            exact = rank(took, percent)
            assert stats.duration_ms[f"p{percent}"] == pytest.approx(exact, rel=0.05, abs=0.011)
    over = [row for row in rows if row["status"] in ("completed", "failed", "cancelled")]
    if over:
        assert stats.per_run["requests"] == pytest.approx(sum(row["requests"] for row in over) / len(over), abs=0.001)
    places = Counter((time_from(row["started_at"]) - window.since) // window.bucket for row in rows)
    assert [one.started for one in stats.series] == [places[at] for at in range(window.buckets)]
    for how in ("completed", "failed"):
        assert sum(getattr(one, how) for one in stats.series) == statuses[how]


def check_steps(stats: Stats, yard: Yard, rows: list[sqlite3.Row], workflow_id: str | None) -> None:
    over = {row["id"] for row in rows if row["status"] in ("completed", "failed", "cancelled")}
    found: dict[tuple[str | None, str], list[sqlite3.Row]] = {}
    for step in yard.rows("SELECT * FROM steps WHERE item = -1 AND status NOT IN ('running', 'waiting')"):
        if step["execution_id"] in over:
            found.setdefault((step["key"] if workflow_id else None, step["type"]), []).append(step)
    assert {(one.key, one.type) for one in stats.steps} == set(found)
    for one in stats.steps:
        steps = found[one.key, one.type]
        expected = Counter(step["status"] for step in steps if step["status"] != "uncertain")
        assert dict(one.counts) == dict(expected)
        assert one.attempts == sum(step["attempts"] for step in steps)
        took = [step["duration_ms"] for step in steps if step["status"] in ("completed", "failed")]
        took = [value for value in took if value is not None]
        if took:
            exact = {"mean": sum(took) / len(took), "max": max(took)}
            exact |= {f"p{percent}": rank(took, percent) for percent in (50, 95, 99)}
            assert one.duration_ms == pytest.approx(exact, abs=0.001)


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(more, marks=pytest.mark.slow) for more in range(3, 40))])
async def test_roll_ups_say_what_the_rows_say(yard: Yard, workflows: Workflows, clock: ManualClock, seed: int) -> None:
    """Retries, cancelled runs, those given up, those that needed review and ended again: each counts once."""
    yard.chance = random.Random(seed)
    made = [(await workflows.create(Draft(f"W{at}", "simulator", "local:0"))).id for at in range(3)]
    for turn in range(90):
        await yard.live(made)
        if turn % 30 < 29:
            continue
        for window in windows(clock.now()):
            for workflow_id in (None, made[0]):
                for project_id in (None, 7):
                    rows = yard.counted(window, workflow_id, project_id)
                    stats = await yard.statistics.of(window, workflow_id=workflow_id, project_id=project_id)
                    check_runs(stats, rows, window)
                    if project_id is None:
                        check_steps(stats, yard, rows, workflow_id)
                    else:
                        assert stats.steps == []


async def test_a_run_that_needed_review_counts_as_what_it_became(
    yard: Yard, workflows: Workflows, clock: ManualClock
) -> None:
    made = await yard.accept((await workflows.create(Draft("W", "simulator", "local:0"))).id)
    await yard.end(made, "needs_review", 10.0, yard.steps("needs_review"))
    window = windows(clock.now())[2]
    before = (await yard.statistics.of(window)).counts
    yard.chance = random.Random(1)  # goes on to its end
    await yard.settle(made)
    await yard.database.write(add_batch)
    after = (await yard.statistics.of(window)).counts

    assert {name: many for name, many in before.items() if many} == {"needs_review": 1}
    assert sum(after.values()) == after["completed"] + after["failed"] == 1


async def test_roll_ups_outlive_the_rows_they_count(yard: Yard, workflows: Workflows, clock: ManualClock) -> None:
    """Retention drops executions, also those too few to have been added before; the numbers stay."""
    workflow_id = (await workflows.create(Draft("W", "simulator", "local:0"))).id
    for place in range(7):
        await yard.end(await yard.accept(workflow_id), "completed", 100.0 + place, yard.steps("completed"))
    window = Window(clock.now().replace(hour=0, minute=0, second=0), DAY, 90)
    before = await yard.statistics.of(window, workflow_id=workflow_id)
    clock.advance(40 * 86_400)
    settings = Settings(yard.path.parent, retention_days=30)
    dropped = await Janitor(yard.database, Deliveries(yard.database, clock, Limits()), settings, clock).tidy()
    after = await yard.statistics.of(window, workflow_id=workflow_id)

    assert dropped == 7
    assert yard.rows("SELECT * FROM executions") == []
    assert (after.counts, after.duration_ms, after.series) == (before.counts, before.duration_ms, before.series)
    assert [(one.key, one.counts) for one in after.steps] == [(one.key, one.counts) for one in before.steps]


async def test_old_roll_ups_are_dropped_hours_before_days(yard: Yard, workflows: Workflows, clock: ManualClock) -> None:
    workflow_id = (await workflows.create(Draft("W", "simulator", "local:0"))).id
    await yard.end(await yard.accept(workflow_id), "completed", 100.0)
    janitor = Janitor(yard.database, Deliveries(yard.database, clock, Limits()), Settings(yard.path.parent), clock)
    await janitor.tidy()
    widths = []
    for days in (13, 3, 386):
        clock.advance(days * 86_400)
        await janitor.tidy()
        widths.append({row["width_s"] for row in yard.rows("SELECT width_s FROM rollups")})

    assert widths == [{3600, 86400}, {86400}, set()]


async def test_a_deleted_workflow_counts_among_all_and_leaves_nothing_of_its_own(
    yard: Yard, workflows: Workflows, clock: ManualClock
) -> None:
    workflow_id = (await workflows.create(Draft("W", "simulator", "local:0"))).id
    await yard.end(await yard.accept(workflow_id), "failed", 100.0, yard.steps("failed"))
    await workflows.delete(workflow_id, principal="local:0")

    assert (await yard.statistics.of(windows(clock.now())[2])).counts["failed"] == 1
    assert yard.rows("SELECT * FROM rollup_series WHERE workflow_id = ?", workflow_id) == []
    assert yard.rows("SELECT * FROM rollups WHERE series_id NOT IN (SELECT id FROM rollup_series)") == []


async def test_no_more_than_a_batch_ever_waits(yard: Yard, workflows: Workflows, clock: ManualClock) -> None:
    """What is not added yet is read row by row, so it has to stay few."""
    workflow_id = (await workflows.create(Draft("W", "simulator", "local:0"))).id
    waiting = []
    for _ in range(BATCH + 2):
        await yard.end(await yard.accept(workflow_id), "completed", 1.0)
        waiting.append(yard.rows("SELECT count(*) FROM rollup_waiting")[0][0])

    assert max(waiting) < BATCH
    assert waiting[-3:] == [0, 1, 2]
    assert (await yard.statistics.of(windows(clock.now())[0])).counts["completed"] == BATCH + 2


async def test_the_queue_is_counted_whatever_the_window(yard: Yard, workflows: Workflows, clock: ManualClock) -> None:
    workflow_id = (await workflows.create(Draft("W", "simulator", "local:0"))).id
    first = clock.now()
    await yard.accept(workflow_id)
    clock.advance(3 * 86_400)
    await yard.accept(workflow_id)
    stats = await yard.statistics.of(windows(clock.now())[0], workflow_id=workflow_id)

    assert (stats.queue.length, stats.queue.oldest_at) == (2, first)
    assert stats.counts["queued"] == 1


async def test_waiting_is_what_no_body_accounts_for(yard: Yard, workflows: Workflows, clock: ManualClock) -> None:
    made = await yard.accept((await workflows.create(Draft("W", "simulator", "local:0"))).id)
    now = clock.now()
    await yard.end(made, "completed", 1000.0, [StepRow("a", -1, "test.noop", "completed", 1, now, now, 300.0)])

    assert (await yard.statistics.of(windows(now)[0])).per_run["waiting_ms"] == 700.0
