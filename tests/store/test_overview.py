"""The workspace at a glance, read as pages show it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.store import executions
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution
from construction_mcp.store.overview import BEATS, overview, pulses
from construction_mcp.store.workflows import Draft, Workflows

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    async with House(Settings(tmp_path), clock=clock) as made:
        yield made


async def made(house: House, clock: ManualClock, name: str) -> str:
    clock.advance(1)
    workflows = await house.services.get(Workflows)
    return (await workflows.create(Draft(name, "simulator", "local:0"))).id


async def started(house: House, clock: ManualClock, workflow_id: str, mode: str = "live") -> str:
    clock.advance(1)
    database = await house.services.get(Database)
    new = NewExecution(workflow_id, 1, "hash", {"type": "manual"}, "simulator", None, None, "local:0", "local:0", mode)
    return (await database.write(lambda tx: executions.enqueue(tx, new, clock.now()))).id


async def test_a_workflow_beats_with_its_latest_live_runs_oldest_first(house, clock):
    workflow_id = await made(house, clock, "Overdue")
    for _ in range(BEATS + 3):
        await started(house, clock, workflow_id)
    await started(house, clock, workflow_id, "simulate")
    database = await house.services.get(Database)
    found = (await database.read(lambda tx: pulses(tx, 10))).items[0]
    times = [beat.started_at for beat in found.beats]

    assert len(times) == BEATS
    assert times == sorted(times)
    assert times[-1] == clock.now() - timedelta(seconds=1)


async def test_pages_of_workflows_show_each_once_and_a_search_is_literal(house, clock):
    names = [f"Workflow {number}" for number in range(5)] + ["100 % [done]"]
    for name in names:
        await made(house, clock, name)
    database = await house.services.get(Database)
    seen, after = [], None
    for _ in range(3):
        page = await database.read(lambda tx, after=after: pulses(tx, 2, after=after))
        seen += [one.name for one in page.items]
        after = page.next_position
    literal = await database.read(lambda tx: pulses(tx, 10, text="[DONE]"))

    assert seen == names[::-1]
    assert after is None
    assert [one.name for one in literal.items] == ["100 % [done]"]


async def test_the_overview_counts_and_names_what_has_not_ended(house, clock):
    workflow_id = await made(house, clock, "Overdue")
    execution_id = await started(house, clock, workflow_id)
    database = await house.services.get(Database)
    found = await database.read(lambda tx: overview(tx, clock.now(), workflows=5, rows=5, broken=5, pending=5))

    assert (found.counts, found.standings) == ({"queued": 1}, {"draft": 1})
    assert found.queue.length == 1
    assert [run.id for run in found.open.runs] == [execution_id]
    assert found.names == {workflow_id: "Overdue"}
    assert (found.broken, found.pending, found.origins) == ([], [], {})
