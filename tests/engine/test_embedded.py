"""Executions from their start to their end, on a real database."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict
from construction_mcp.core.waking import Bell
from construction_mcp.engine.holds import Holds
from tests.engine.plant import Plant, World, build, chain, fan, node, opened, plan, running

pytestmark = pytest.mark.anyio


async def test_a_chain_runs_in_its_order(plant: Plant):
    assert await plant.run(plan(*chain(5))) == "completed"
    assert [key for key, _ in plant.world.bodies] == ["s0", "s1", "s2", "s3", "s4"]


async def test_what_a_step_gave_is_read_by_the_next(plant: Plant):
    made = plan(
        node("a", config={"value": 20}),
        node("b", after=["a"], needs=["a"], config={"value": "{{ steps.a.output.value + 1 }}"}),
    )

    execution_id = await plant.start(made)
    await plant.ends(execution_id)

    assert (await plant.steps(execution_id))["b", -1].output == {"value": 21}


async def test_a_condition_that_is_false_skips_and_says_why(plant: Plant):
    made = plan(node("a", config={"value": 1}), node("b", after=["a"], condition="steps.a.output.value > 1"))

    execution_id = await plant.start(made)

    assert await plant.ends(execution_id) == "completed"
    step = (await plant.steps(execution_id))["b", -1]
    assert step.status == "skipped"
    assert step.because == {"expression": "steps.a.output.value > 1", "values": {"steps.a.output.value": 1}}


async def test_what_reads_a_skipped_step_is_skipped(plant: Plant):
    made = plan(node("a", condition="1 > 2"), node("b", after=["a"], needs=["a"]), node("c", after=["a"]))

    execution_id = await plant.start(made)
    await plant.ends(execution_id)

    steps = await plant.steps(execution_id)
    assert steps["b", -1].status == "skipped"
    assert steps["c", -1].status == "completed"


async def test_a_failure_ends_the_execution_and_starts_nothing_further(plant: Plant):
    execution_id = await plant.start(plan(node("a", "test.fail"), node("b", after=["a"])))

    assert await plant.ends(execution_id) == "failed"
    assert ("b", -1) not in await plant.steps(execution_id)


async def test_a_failure_that_may_happen_lets_the_others_go_on(plant: Plant):
    made = plan(node("a", "test.fail", on_error="continue"), node("b", after=["a"]))

    assert await plant.run(made) == "completed"


async def test_what_can_pass_is_tried_again_after_its_pause(plant: Plant):
    execution_id = await plant.start(plan(node("a", "test.fail", config={"times": 2})))
    assert isinstance(plant.clock, ManualClock)

    for _ in range(2):
        await plant.waits(execution_id)
        plant.clock.advance(301)
        if plant.world.bodies[-1] != ("a", 3):
            await plant.until(lambda: _moved(plant))

    assert await plant.ends(execution_id) == "completed"
    assert plant.world.bodies == [("a", 1), ("a", 2), ("a", 3)]


async def _moved(plant: Plant) -> bool:
    return plant.world.bodies[-1][1] >= 2


async def test_a_mistake_of_an_action_ends_its_step_and_not_the_engine(plant: Plant):
    made = plan(node("a", "test.bug", retry=node("x").retry.__class__(1, 1.0, 1.0)))

    assert await plant.run(made) == "failed"
    assert await plant.run(plan(*chain(2))) == "completed"


@pytest.mark.parametrize("odd", ["big", "set", "nan"])
async def test_what_cannot_be_kept_fails_its_step(plant: Plant, odd: str):
    execution_id = await plant.start(plan(node("a", "test.odd", config={"value": odd})))

    assert await plant.ends(execution_id) == "failed"
    error = (await plant.steps(execution_id))["a", -1].error
    assert error is not None
    assert error["code"] == "EXECUTION_OUTPUT_INVALID"


async def test_a_for_each_gives_its_results_in_the_order_of_the_items(plant: Plant):
    made = plan(node("a", for_each=fan("[3, 1, 2]", 2), config={"value": "{{ item * 10 }}"}))

    execution_id = await plant.start(made)

    assert await plant.ends(execution_id) == "completed"
    results = (await plant.steps(execution_id))["a", -1].output["results"]
    assert results == [{"value": 30}, {"value": 10}, {"value": 20}]


async def test_a_wait_holds_nothing_and_ends_at_its_time(plant: Plant):
    execution_id = await plant.start(plan(node("a", "wait.for", config={"duration": "2 days"}), node("b", after=["a"])))
    await plant.waits(execution_id)
    assert plant.engine.state()["running"] == 0
    assert isinstance(plant.clock, ManualClock)

    plant.clock.advance(timedelta(days=2).total_seconds() - 1)
    assert await plant.status(execution_id) == "waiting"
    plant.clock.advance(2)

    assert await plant.ends(execution_id) == "completed"


async def test_the_same_start_twice_is_one_execution(plant: Plant):
    made = plan(*chain(1))
    workflow_id = await plant.deploy(made)

    first = await plant.engine.start(plant.new(workflow_id, made, key="k"))
    second = await plant.engine.start(plant.new(workflow_id, made, key="k"))

    assert (second.id, second.is_new) == (first.id, False)


async def test_a_write_in_a_simulation_is_shown_and_not_made(plant: Plant):
    execution_id = await plant.start(plan(node("a", "test.write", config={"value": 1})), mode="simulate")

    assert await plant.ends(execution_id) == "completed"
    step = (await plant.steps(execution_id))["a", -1]
    assert step.status == "simulated"
    assert step.because == {"would": {"summary": "Write 1", "shown": {"value": 1}}}
    assert plant.world.made == []


async def test_a_chain_of_n_takes_n_plus_one_commits(plant: Plant):
    made = plan(*chain(50))
    new = plant.new(await plant.deploy(made), made)
    accepted = await plant.engine.start(new)
    before = plant.database.stats()["commits"]

    await plant.ends(accepted.id)

    assert plant.database.stats()["commits"] - before <= 51


async def test_cancelling_lets_what_is_under_way_finish_and_starts_nothing_further(plant: Plant):
    execution_id = await plant.start(plan(node("a", "test.hold"), node("b", after=["a"])))
    await plant.world.waiting.wait()

    assert await plant.engine.cancel(execution_id, "me")
    plant.world.let_go.set()

    assert await plant.ends(execution_id) == "cancelled"
    assert set(await plant.steps(execution_id)) == {("a", -1)}
    assert not await plant.engine.cancel(execution_id, "me")


async def test_a_workflow_that_fails_five_times_in_a_row_stops_by_itself(plant: Plant):
    made = plan(node("a", "test.fail"))
    workflow_id = await plant.deploy(made)

    for _ in range(5):
        await plant.ends((await plant.engine.start(plant.new(workflow_id, made))).id)

    standing = await plant.versions.standing(workflow_id)
    assert (standing.status, standing.status_reason) == ("error", "FAILED_IN_A_ROW")


async def test_what_nobody_knows_is_not_sent_again_by_a_retry(plant: Plant):
    """A new execution has keys of its own, so it would not find what the first may have made."""
    plant.world.faults = ["lost"]
    execution_id = await plant.start(plan(node("a", "test.blind", config={"value": 1})))
    assert await plant.ends(execution_id) == "needs_review"

    with pytest.raises(Conflict) as refused:
        await plant.engine.retry(execution_id, "me")

    assert refused.value.code == "EXECUTION_NEEDS_REVIEW"
    assert len(plant.world.made) == 1


@pytest.mark.parametrize(("outcome", "status", "made"), [("done", "completed", 1), ("not_done", "completed", 2)])
async def test_a_person_settles_what_nobody_knows(plant: Plant, outcome, status: str, made: int):
    plant.world.faults = ["lost"]
    execution_id = await plant.start(plan(node("a", "test.blind", config={"value": 1}), node("b", after=["a"])))
    await plant.ends(execution_id)

    await plant.engine.resolve(execution_id, "a", outcome, "me", "looked there")
    await plant.until(lambda: _is(plant, execution_id, status))

    assert len(plant.world.made) == made


async def test_what_was_agreed_to_once_in_a_run_is_counted_over_its_waits(plant: Plant):
    """Whoever carries it on after the wait knows whom it has reached."""
    made = plan(
        node("a", "test.far", config={"value": "ana@builder.com"}),
        node("wait", "wait.for", ["a"], config={"duration": "2 days"}),
        node("b", "test.far", ["wait"], config={"value": "ana@builder.com"}),
        consent=[{"kind": "mail", "target": "ana@builder.com", "max_per_run": 1}],
    )
    execution_id = await plant.start(made)
    await plant.waits(execution_id)
    assert isinstance(plant.clock, ManualClock)
    plant.clock.advance(timedelta(days=2).total_seconds())

    await plant.until(lambda: _asks(plant, execution_id, "b"))

    assert [value for _, value in plant.world.made] == ["ana@builder.com"]


async def _asks(plant: Plant, execution_id: str, key: str) -> bool:
    step = (await plant.steps(execution_id)).get((key, -1))
    return step is not None and (step.waits_for or {}).get("what") == "approval"


async def test_a_person_settles_the_items_of_a_for_each_one_by_one(plant: Plant):
    """Found by killing a template while three mails were on their way: two had arrived."""
    plant.world.faults = ["lost", "lost", "lost"]
    made = plan(
        node("a", "test.blind", for_each=fan("[1, 2, 3]", 3), config={"value": "{{ item }}"}), node("b", after=["a"])
    )
    execution_id = await plant.start(made)
    assert await plant.ends(execution_id) == "needs_review"

    left = [await plant.engine.resolve(execution_id, f"a[{at}]", "done", "me", "there") for at in (2, 0)]
    is_waiting = await _is(plant, execution_id, "needs_review")
    with pytest.raises(Conflict):
        await plant.engine.resolve(execution_id, "a[2]", "done", "me", "again")
    last = await plant.engine.resolve(execution_id, "a[1]", "not_done", "me", "not there")
    await plant.until(lambda: _is(plant, execution_id, "completed"))

    assert (left, is_waiting, last) == ([["a[0]", "a[1]"], ["a[1]"]], True, [])
    assert [value for _, value in plant.world.made] == [1, 2, 3, 2]


async def test_a_write_that_is_held_is_made_once_it_is_released(plant: Plant):
    """pause_all reaches what runs already: nothing is sent while it holds."""
    made = plan(node("a", "test.hold"), node("b", "test.write", ["a"], config={"value": 1}))
    execution_id = await plant.start(made)
    await plant.world.waiting.wait()
    holds = _holds(plant)
    await holds.hold("all", "", "me")
    plant.world.let_go.set()
    await plant.waits(execution_id)
    assert plant.world.made == []

    await holds.release("all", "", "me")
    assert isinstance(plant.clock, ManualClock)
    plant.clock.advance(5)
    plant.engine.wake()

    assert await plant.ends(execution_id) == "completed"
    assert len(plant.world.made) == 1


async def test_a_nudge_does_not_get_past_a_hold(plant: Plant):
    execution_id = await plant.start(plan(node("a", "wait.for", config={"duration": 60})))
    await plant.waits(execution_id)
    await _holds(plant).hold("all", "", "me")
    before = plant.database.stats()["commits"]

    plant.engine.nudge(execution_id)
    for _ in range(50):
        await plant.status(execution_id)

    assert plant.database.stats()["commits"] == before


async def test_one_workflow_with_a_long_queue_hides_no_other(tmp_path: Path):
    limits = replace(Limits(), executions_claimed_max=8)
    async with opened(tmp_path, ManualClock(), limits) as crowded:
        busy = plan(node("a", "test.hold"), name="Busy")
        workflow_id = await crowded.deploy(busy)
        for _ in range(30):
            await crowded.engine.start(crowded.new(workflow_id, busy, priority=0))

        assert await crowded.run(plan(*chain(1), name="Other"), priority=0) == "completed"


async def test_a_queue_that_cannot_move_costs_nothing(tmp_path: Path):
    """While all places of a project are taken, the engine waits for one to be left and does not look again."""
    limits = replace(Limits(), executions_claimed_max=8)
    async with opened(tmp_path, ManualClock(), limits) as crowded:
        busy = plan(node("a", "test.hold"))
        for workflow_id in [await crowded.deploy(busy) for _ in range(3)]:
            for _ in range(10):
                await crowded.engine.start(crowded.new(workflow_id, busy, priority=0, project_id=7))
        await crowded.until(lambda: _runs(crowded, limits.executions_per_project_max))
        await crowded.until(lambda: _is_quiet(crowded))


def _holds(plant: Plant) -> Holds:
    return Holds(plant.database, Bell(plant.clock), Bell(plant.clock), plant.clock)


async def _is(plant: Plant, execution_id: str, status: str) -> bool:
    return await plant.status(execution_id) == status


async def _runs(plant: Plant, count: int) -> bool:
    return plant.engine.state()["running"] == count


async def _is_quiet(plant: Plant) -> bool:
    """Whether nobody asked the store anything while it answered ten questions of ours."""
    before = plant.database.stats()["reads"]
    for _ in range(10):
        await plant.database.read(lambda _tx: None)
    return bool(plant.database.stats()["reads"] - before == 10)


async def test_an_engine_that_lost_an_execution_records_nothing_of_it(plant: Plant):
    """A process that was frozen wakes up: another has its execution by then (engine.md, failure test 6)."""
    execution_id = await plant.start(plan(node("a", "test.hold"), node("b", "test.write", ["a"], config={"value": 1})))
    await plant.world.waiting.wait()
    other = build(plant.database, plant.clock, plant.settings, World())
    async with running(other):
        await other.world.waiting.wait()

        plant.world.let_go.set()
        await plant.until(lambda: _runs(plant, 0))
        assert plant.world.made == []
        other.world.let_go.set()
        await other.ends(execution_id)

    assert await plant.status(execution_id) == "completed"
    assert (len(other.world.made), len(plant.world.made)) == (1, 0)


async def test_what_a_person_says_was_done_gives_what_it_was_going_to_give(plant: Plant):
    """Found by killing a template between its mail and its record: what came after read the mail's recipients."""
    plant.world.faults = ["lost"]
    made = plan(
        node("a", "test.blind", config={"value": 1}),
        node("b", after=["a"], needs=["a"], config={"value": "{{ has(steps.a.output.item) }}"}),
    )

    execution_id = await plant.start(made)
    assert await plant.ends(execution_id) == "needs_review"
    await plant.engine.resolve(execution_id, "a", "done", "user:ana", "seen there")

    assert await plant.ends(execution_id) == "completed"
    steps = await plant.steps(execution_id)
    assert steps["a", -1].output["resolved"] == "done"
    assert steps["b", -1].output == {"value": True}
