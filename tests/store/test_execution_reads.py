"""Executions as they are read: pages without gaps, and one whole."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import NotFound
from construction_mcp.store.columns import time_text
from construction_mcp.store.database import Database
from construction_mcp.store.execution_reads import ExecutionReads, Filters
from construction_mcp.store.executions import NewExecution, enqueue
from construction_mcp.store.workflows import Draft, Workflows

pytestmark = pytest.mark.anyio

Ended = Callable[..., Any]


@pytest.fixture
def reads(database: Database) -> ExecutionReads:
    return ExecutionReads(database)


@pytest.fixture
async def workflow_id(workflows: Workflows) -> str:
    return (await workflows.create(Draft("W", "simulator", "local:0"))).id


@pytest.fixture
def ran(database: Database, clock: ManualClock, workflow_id: str, path: Any) -> Ended:
    """Keep an execution as if it had run: its status and how long it took."""

    async def keep(status: str = "completed", duration_ms: float | None = 100.0, **columns: Any) -> str:
        new = NewExecution(
            workflow_id=columns.pop("workflow_id", workflow_id),
            version=1,
            plan_hash="0" * 64,
            trigger={"type": "manual"},
            environment="simulator",
            company_id=None,
            project_id=columns.pop("project_id", None),
            run_as="local:0",
            requested_by="local:0",
            mode=columns.pop("mode", "live"),
        )
        made = await database.write(lambda tx: enqueue(tx, new, clock.now()))
        with sqlite3.connect(path) as plain:
            plain.execute(
                "UPDATE executions SET status = ?, duration_ms = ? WHERE id = ?", (status, duration_ms, made.id)
            )
        plain.close()
        return str(made.id)

    return keep


async def test_pages_show_every_execution_once(reads: ExecutionReads, ran: Ended, clock: ManualClock) -> None:
    made = []
    for place in range(7):
        made.append(await ran())
        clock.advance(place % 2)  # some begin in the same moment

    seen: list[str] = []
    before = None
    while page := await reads.page(Filters(), most=2, before=before):
        seen += [one.id for one in page]
        before = (time_text(page[-1].started_at), page[-1].id)

    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "only",
    [
        Filters(status="failed"),
        Filters(project_id=7),
        Filters(mode="simulate"),
    ],
)
async def test_a_filter_leaves_only_what_fits_with_and_without_a_workflow(
    reads: ExecutionReads, ran: Ended, workflow_id: str, only: Filters
) -> None:
    await ran()
    wanted = await ran("failed", project_id=7, mode="simulate")
    of_workflow = Filters(workflow_id, only.status, only.project_id, only.mode)

    assert [one.id for one in await reads.page(only, most=9)] == [wanted]
    assert [one.id for one in await reads.page(of_workflow, most=9)] == [wanted]


async def test_since_leaves_out_what_began_before(reads: ExecutionReads, ran: Ended, clock: ManualClock) -> None:
    await ran()
    clock.advance(60)
    late = await ran()

    assert [one.id for one in await reads.page(Filters(since=clock.now()), most=9)] == [late]


async def test_an_execution_that_is_not_there_has_its_own_code(reads: ExecutionReads) -> None:
    with pytest.raises(NotFound) as refused:
        await reads.whole("exe_none")

    assert refused.value.code == "EXECUTION_NOT_FOUND"
