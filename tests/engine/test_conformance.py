"""The conformance suite on the engine of this process. Another engine passes the same cases, unchanged."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from tests.engine.histories import History, differing
from tests.engine.plans import CASES, Case
from tests.engine.plant import Plant, opened, plan
from tests.faults.standing import stuck

pytestmark = pytest.mark.anyio

_PAUSE_MAX_S = 600.0


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Plant]:
    """A plant whose clock moves to the next timer by itself; nothing may stand still for good when it does."""
    clock = ManualClock()
    async with opened(tmp_path, clock, replace(Limits(), step_settle_s=5.0)) as plant:
        moving = asyncio.create_task(_move(plant, clock))
        try:
            yield plant
        finally:
            moving.cancel()
        assert _stuck(plant) == []
        if moving.done() and not moving.cancelled():
            moving.result()


async def _move(plant: Plant, clock: ManualClock) -> None:
    while True:
        await asyncio.sleep(0.001)
        wait = clock.next_wake_s
        if wait is not None and wait <= _PAUSE_MAX_S:
            assert _stuck(plant) == []
            clock.advance(wait)


def _stuck(plant: Plant) -> list[str]:
    return stuck(plant.settings.database_file, plant.engine.lease, plant.clock.now())


def test_the_suite_has_at_least_forty_plans():
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_plan_ends_as_it_should_and_its_history_replays(history: History, hasty: Plant, case: Case):
    hasty.world.faults = list(case.faults)

    execution_id = await hasty.start(plan(*case.nodes), mode=case.mode)

    assert await hasty.ends(execution_id) == case.status
    steps = await hasty.steps(execution_id)
    assert {key: row.status for (key, item), row in steps.items() if item == -1} == case.steps
    assert [what for _, what in hasty.world.made] == list(case.made)
    for key, value in case.outputs.items():
        output = steps[key, -1].output
        got = output["value"] if "value" in output else [one and one["value"] for one in output["results"]]
        assert got == value
    assert history.asked
    assert differing(history) == []
