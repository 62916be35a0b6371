"""The tools over executions, through a client; an engine is not needed to see what was accepted."""

import json
from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.store import transitions
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution, StepRow, enqueue, uncertain_parts
from construction_mcp.store.groups import Tx
from tests.toolsets.conftest import CallTool

pytestmark = pytest.mark.anyio

MANY = 600  # more than one answer tells


@pytest.fixture
async def accepted(call: CallTool, house: House, clock: ManualClock) -> list[str]:
    """Three executions of one workflow, the latest first."""
    workflow = (await call("create_workflow", name="W"))["workflow"]
    database = await house.services.get(Database)
    made = []
    for _ in range(3):
        clock.advance(1)
        new = NewExecution(
            workflow_id=workflow["id"],
            version=1,
            plan_hash="0" * 64,
            trigger={"type": "manual"},
            environment="simulator",
            company_id=None,
            project_id=None,
            run_as="local:0",
            requested_by="local:0",
        )
        made.insert(0, (await database.write(lambda tx, new=new: enqueue(tx, new, clock.now()))).id)
    return made


async def test_a_cursor_goes_on_where_the_page_ended(call: CallTool, accepted: list[str]) -> None:
    first = await call("list_executions", limit=2)
    second = await call("list_executions", limit=2, cursor=first["next_cursor"])

    assert [one["id"] for one in first["items"] + second["items"]] == accepted
    assert "next_cursor" not in second


async def test_what_is_queued_says_what_it_waits_for(call: CallTool, accepted: list[str]) -> None:
    seen = await call("observe_workflow_execution", execution_id=accepted[0])

    assert seen["execution"]["status"] == "queued"
    assert seen["execution"]["waiting_for"]["who"] == "the engine"
    assert [one["kind"] for one in seen["timeline"]] == ["accepted"]


@pytest.mark.parametrize("arguments", [{"execution_id": "exe_none"}, {"delivery_id": "dlv_none"}])
async def test_an_unknown_one_is_named_as_such(call: CallTool, arguments: dict[str, Any]) -> None:
    refused = await call("observe_workflow_execution", **arguments)

    assert refused["error"]["code"] == "EXECUTION_NOT_FOUND"


@pytest.mark.parametrize("step", ["tell", "tell[0]", "tell[1]", f"tell[{MANY - 1}]"])
async def test_no_item_is_settled_without_a_person(
    call: CallTool, house: House, clock: ManualClock, accepted: list[str], step: str
) -> None:
    """Not one that nothing shows either, for there are more of them than are told at once."""
    database, now = await house.services.get(Database), clock.now()
    items = [StepRow("tell", item, "notify.email", "uncertain", 1, now) for item in range(-1, MANY)]

    def stop(tx: Tx) -> None:
        transitions.claim(tx, [accepted[0]], "eng_1")
        transitions.keep_steps(tx, [(accepted[0], one) for one in items])
        transitions.finish(tx, [transitions.Finished(accepted[0], "needs_review", now, 1.0)], "eng_1")

    await database.write(stop)
    refused = await call("resolve_step", execution_id=accepted[0], step=step, outcome="done")

    left = await database.read(lambda tx: uncertain_parts(tx, accepted[0], "tell"))
    assert refused["error"]["code"] == "AUTH_PERSON_REQUIRED"
    assert len(left) == MANY


async def test_statistics_fill_every_bucket(call: CallTool, accepted: list[str]) -> None:
    stats = await call("get_workflow_stats", window="24h", bucket="hour")

    assert stats["counts"]["queued"] == len(accepted)
    assert len(stats["series"]) == 24
    assert sum(one["started"] for one in stats["series"]) == len(accepted)
    assert "success_rate" not in stats


async def test_too_fine_a_series_is_refused_with_what_to_do(call: CallTool) -> None:
    refused = await call("get_workflow_stats", window="90d", bucket="hour")

    assert refused["error"]["code"] == "VALIDATION_INVALID"
    assert refused["error"]["details"]["field"] == "bucket"


@pytest.mark.parametrize(
    ("tool", "arguments", "statements"),
    [
        ("list_executions", {}, 1),
        ("observe_workflow_execution", {"execution_id": ""}, 4),
        ("get_workflow_stats", {}, 4),
    ],
)
async def test_a_tool_costs_these_statements(
    client: Client, call: CallTool, accepted: list[str], tool: str, arguments: dict[str, Any], statements: int
) -> None:
    await call("list_executions")  # opens what a first call opens

    result = await client.call_tool(tool, dict.fromkeys(arguments, accepted[0]))

    assert (result.meta or {})["construction-mcp/trace"]["db_queries"] == statements


async def test_the_trace_and_the_logs_can_be_read(client: Client, call: CallTool, accepted: list[str]) -> None:
    trace = await client.read_resource(f"execution://{accepted[0]}/trace")
    workflow_id = json.loads(trace.contents[0].text)["execution"]["workflow_id"]  # type: ignore[union-attr]  # ours is text
    logs = await client.read_resource(f"workflow://{workflow_id}/logs")

    assert [one["id"] for one in json.loads(logs.contents[0].text)["items"]] == accepted  # type: ignore[union-attr]  # ours is text
