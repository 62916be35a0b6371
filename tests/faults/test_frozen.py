"""A process that stood still while another took over: what it did is refused, and what it was about to do is not done.

Two engines on one database stand for the two processes. Source: engine.md, failure tests 6, 8 and 9.
"""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from construction_mcp.actions.performing import Act, Context, Match
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.store.database import Database
from construction_mcp.store.executions import ENDED
from construction_mcp.store.versions import Candidate
from construction_mcp.workflow.plan import Plan
from tests.engine.plant import ME, Free, Plant, World, build, node, opened, plan, running
from tests.faults.standing import stuck

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def two_plants(folder: Path) -> AsyncIterator[tuple[Plant, Plant]]:
    """One engine at work and another that has not begun, each with its own way outside but for what was made."""
    settings, clock = Settings(folder), ManualClock()
    database = await Database.open(settings.database_file)
    try:
        first, second = (build(database, clock, settings, World()) for _ in range(2))
        second.world.made = first.world.made
        async with running(first):
            yield first, second
    finally:
        await database.close()


def slowly(plant: Plant) -> None:
    """Its writes are prepared only once `let_go` is set."""
    prompt = plant.types._own["test.write"]

    async def perform(config: Free, context: Context) -> Act:
        plant.world.waiting.set()
        await plant.world.let_go.wait()
        return await plant.types._write(config, context)

    plant.types._own["test.write"] = replace(prompt, perform=perform)


def look_slowly(plant: Plant) -> None:
    """What an earlier try made is found only once `let_go` is set."""
    prompt = plant.types._own["test.write"]

    async def perform(config: Free, context: Context) -> Act:
        act = await plant.types._write(config, context)

        async def look(since: datetime) -> Sequence[Match]:
            plant.world.waiting.set()
            await plant.world.let_go.wait()
            assert act.look is not None
            return await act.look(since)

        return replace(act, look=look)

    plant.types._own["test.write"] = replace(prompt, perform=perform)


async def test_an_outcome_that_comes_after_another_took_over_is_refused(tmp_path: Path):
    async with two_plants(tmp_path) as (frozen, other):
        execution_id = await frozen.start(plan(node("a", "test.hold"), node("b", "test.write", after=["a"])))
        await frozen.world.waiting.wait()
        async with running(other):
            await other.world.waiting.wait()  # it carries the same step out anew, and is not done
            frozen.world.let_go.set()
            await frozen.until(lambda: _idle(frozen))
            during = (await other.status(execution_id), list(frozen.world.made))
            left = stuck(other.settings.database_file, other.engine.lease, other.clock.now())
            other.world.let_go.set()
            ended = await other.ends(execution_id)
        steps = await other.steps(execution_id)

    assert during == ("running", [])
    assert left == []
    assert ended == "completed"
    assert steps["a", -1].attempts == 2
    assert len(frozen.world.made) == 1


async def test_a_write_looks_at_its_lease_right_before_it_is_sent(tmp_path: Path):
    async with two_plants(tmp_path) as (frozen, other):
        slowly(frozen)
        slowly(other)
        execution_id = await frozen.start(plan(node("a", "test.write")))
        await frozen.world.waiting.wait()
        async with running(other):
            await other.world.waiting.wait()
            frozen.world.let_go.set()
            await frozen.until(lambda: _idle(frozen))
            sent_by_the_frozen = list(frozen.world.made)
            other.world.let_go.set()
            ended = await other.ends(execution_id)

    assert sent_by_the_frozen == []
    assert (ended, len(frozen.world.made)) == ("completed", 1)


async def test_a_write_that_was_looked_for_in_vain_is_sent_again_only_under_the_lease(tmp_path: Path):
    """Looking takes a while, and the lease may have gone meanwhile."""
    async with two_plants(tmp_path) as (frozen, other):
        frozen.world.faults = ["lost"]
        execution_id = await frozen.start(plan(node("a", "test.write")))
        await frozen.waits(execution_id)
        frozen.world.made.clear()  # it never arrived
        frozen.clock.advance(60)  # type: ignore[attr-defined]  # a ManualClock
        await frozen.until(lambda: _has_looked(frozen, execution_id))
        look_slowly(frozen)
        frozen.clock.advance(60)  # type: ignore[attr-defined]  # a ManualClock
        await frozen.world.waiting.wait()
        async with running(other):
            await other.until(lambda: _has_looked(other, execution_id))
            frozen.world.let_go.set()
            await frozen.until(lambda: _idle(frozen))
            sent_by_the_frozen = list(frozen.world.made)
            other.clock.advance(60)  # type: ignore[attr-defined]  # a ManualClock
            await other.until(lambda: _is_over(other, execution_id))  # by whichever of the two, now that it was parked
            ended = await other.status(execution_id)

    assert sent_by_the_frozen == []
    assert (ended, len(frozen.world.made)) == ("completed", 1)


async def _has_looked(plant: Plant, execution_id: str) -> bool:
    """Once, in vain, and waits to look again."""
    step = (await plant.steps(execution_id))["a", -1]
    return step.status == "waiting" and (step.waits_for or {}).get("looks") == 1


async def _is_over(plant: Plant, execution_id: str) -> bool:
    return await plant.status(execution_id) in ENDED


async def _idle(plant: Plant) -> bool:
    return plant.engine.state()["running"] == 0


async def test_an_execution_keeps_its_plan_while_newer_versions_come_and_the_process_ends(tmp_path: Path):
    old, new = (plan(node("hold", "test.hold"), node("say", after=["hold"], config={"value": one})) for one in "12")
    async with opened(tmp_path) as plant:
        workflow_id = await plant.deploy(old)
        before = (await plant.engine.start(plant.new(workflow_id, old))).id
        await plant.world.waiting.wait()
        await _activate(plant, workflow_id, new)
        after = (await plant.engine.start(plant.new(workflow_id, new, version=2))).id
    async with opened(tmp_path) as plant:
        plant.world.let_go.set()
        ended = [await plant.ends(one) for one in (before, after)]
        said = [(await plant.steps(one))["say", -1].output for one in (before, after)]

    assert ended == ["completed", "completed"]
    assert said == [{"value": "1"}, {"value": "2"}]


async def _activate(plant: Plant, workflow_id: str, made: Plan) -> None:
    shape, (draft,) = made.as_json(), await plant.workflows.get([workflow_id])
    candidate = Candidate(made.hash, shape, made.consent_digest, shape["consent"], {}, 0, "simulator", None)
    await plant.versions.activate(workflow_id, candidate, None, draft_version=draft.draft_version, principal=ME)


STANDSTILLS: Mapping[str, tuple[str, str]] = {
    "a lease of nobody": (
        "UPDATE executions SET status = 'running', lease = 'eng_dead', due_at = NULL",
        "nobody alive carries it out",
    ),
    "no timer and no signal": ("UPDATE executions SET due_at = NULL", "no timer"),
    "a timer that nobody looks at": ("UPDATE executions SET due_at = '2026-03-02T14:00:00+00:00'", "its timer came"),
    "a wait without a name": ("UPDATE steps SET waits_for = NULL", "wait for nothing that has a name"),
    "a call that has ended": (
        'UPDATE steps SET waits_for = \'{"what": "execution"}\'; UPDATE executions SET due_at = NULL',
        "what it called has ended",
    ),
}


@pytest.mark.parametrize("name", STANDSTILLS)
async def test_the_watchdog_finds_what_stands_still(tmp_path: Path, name: str):
    change, why = STANDSTILLS[name]
    async with opened(tmp_path) as plant:
        execution_id = await plant.start(plan(node("a", "wait.for", config={"duration": 3600})))
        await plant.waits(execution_id)
        healthy = _stuck(plant)
        with closing(sqlite3.connect(plant.settings.database_file)) as connection:
            connection.executescript(change)
        found = _stuck(plant)

    assert healthy == []
    assert [one.partition(" is ")[0] for one in found] == [execution_id]
    assert why in found[0]


def _stuck(plant: Plant) -> list[str]:
    return stuck(plant.settings.database_file, plant.engine.lease, plant.clock.now())


async def test_a_decision_that_nobody_heard_of_is_found(tmp_path: Path):
    ask = {"message": "Go on?", "approvers": [ME], "expires_in": 3600}
    async with opened(tmp_path) as plant:
        execution_id = await plant.start(plan(node("a", "approval.request", config=ask)))
        await plant.waits(execution_id)
        with closing(sqlite3.connect(plant.settings.database_file)) as connection:
            connection.executescript("UPDATE approvals SET status = 'approved'")
        found = _stuck(plant)

    assert len(found) == 1
    assert "the decision" in found[0]
