"""`diagnose_workflow` and `explain_stuck_executions` through a client, on what a house has kept."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.keys import KeyRing
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.store.approvals import NewApproval, request
from construction_mcp.store.database import Database
from construction_mcp.store.deliveries import Deliveries, settle
from construction_mcp.store.executions import NewExecution, StepRow, enqueue
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.transitions import Finished, claim, finish, keep_steps
from tests.toolsets.conftest import CallTool

pytestmark = pytest.mark.anyio

NOTE = {"key": "note", "type": "notify.log", "config": {"text": "Hello"}}
Ran = Callable[..., Awaitable[str]]


@pytest.fixture
async def house(tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    """Here everything can be deployed; nothing is carried out, for no engine runs."""
    settings = Settings(data_dir=tmp_path / "data", procore_grant="client_credentials")
    async with House(settings, clock=clock, performs=None) as made:
        yield made


@pytest.fixture
async def workflow_id(call: CallTool) -> str:
    made = await call("create_workflow", name="Note", trigger={"type": "manual"}, actions=[NOTE])
    deployed = await call("deploy_workflow", workflow_id=made["workflow"]["id"])
    assert deployed["version"] == 1
    return str(made["workflow"]["id"])


@pytest.fixture
def ran(house: House, clock: ManualClock, workflow_id: str) -> Ran:
    """Keep an execution with its one step, ended where it is given an end."""

    async def keep(ended: str | None = None, step: str = "completed", **columns: Any) -> str:
        clock.advance(60)
        now = clock.now()
        new = NewExecution(
            workflow_id=workflow_id,
            version=1,
            plan_hash="0" * 64,
            trigger={"type": "manual"},
            environment=house.settings.environment,
            company_id=None,
            project_id=None,
            run_as="local:0",
            requested_by="local:0",
        )

        def write(tx: Any) -> str:
            made = enqueue(tx, new, now).id
            if ended is not None:
                claim(tx, [made], "engine")
                keep_steps(tx, [(made, StepRow("note", -1, "notify.log", step, 1, now, now, **columns))])
                finish(tx, [Finished(made, ended, now, 5.0, columns.get("error"))], "engine")
            return made

        return await (await house.services.get(Database)).write(write)

    return keep


async def found(call: CallTool, workflow_id: str, **more: Any) -> Sequence[Any]:
    answer = await call("diagnose_workflow", workflow_id=workflow_id, **more)
    assert "error" not in answer, answer
    return answer["findings"]  # type: ignore[no-any-return]  # JSON


async def test_a_workflow_that_is_well_has_no_findings(call: CallTool, workflow_id: str, ran: Ran) -> None:
    await ran("completed")

    assert await found(call, workflow_id) == []


async def test_a_draft_was_never_deployed_and_the_next_call_can_be_sent(call: CallTool) -> None:
    made = await call("create_workflow", name="Note", trigger={"type": "manual"}, actions=[NOTE])
    (draft,) = await found(call, made["workflow"]["id"])

    looked = await call(draft["next"]["tool"], **draft["next"]["arguments"])

    assert draft["code"] == "WORKFLOW_NOT_DEPLOYED"
    assert "error" not in looked


async def test_a_paused_one_is_resumed_by_the_next_call(call: CallTool, workflow_id: str) -> None:
    await call("rollback_workflow", workflow_id=workflow_id, action="pause")
    (paused,) = await found(call, workflow_id)

    await call(paused["next"]["tool"], **paused["next"]["arguments"])

    assert paused["code"] == "WORKFLOW_PAUSED"
    assert await found(call, workflow_id) == []


async def test_a_hold_is_released_by_the_next_call(call: CallTool, workflow_id: str) -> None:
    await call("pause_all")
    (held,) = await found(call, workflow_id)

    await call(held["next"]["tool"], **held["next"]["arguments"])

    assert held["code"] == "WORKFLOW_HELD"
    assert await found(call, workflow_id) == []


async def test_errors_are_read_from_the_steps(call: CallTool, workflow_id: str, ran: Ran) -> None:
    await ran("completed")
    failed = await ran("failed", "failed", error={"code": "NOTIFY_REFUSED", "message": "no such mailbox"})

    (refused,) = await found(call, workflow_id, symptom="mail does not come")

    assert (refused["code"], refused["severity"], refused["confidence"]) == ("NOTIFY_REFUSED", "error", 0.67)
    assert f"{failed}, step note: no such mailbox" in refused["evidence"]


async def test_one_run_is_judged_alone_and_only_of_its_workflow(call: CallTool, workflow_id: str, ran: Ran) -> None:
    well = await ran("completed")
    await ran("failed", "failed", error={"code": "NOTIFY_REFUSED", "message": "no"})
    other = await call("create_workflow", name="Other")

    refused = await call("diagnose_workflow", workflow_id=other["workflow"]["id"], execution_id=well)

    assert await found(call, workflow_id, execution_id=well) == []
    assert refused["error"]["code"] == "EXECUTION_NOT_FOUND"


async def test_a_condition_that_was_never_true_is_read_from_the_steps(
    call: CallTool, workflow_id: str, ran: Ran
) -> None:
    for _ in range(3):
        await ran("completed", "skipped", because={"expression": "vars.x > 3", "values": {"vars.x": 1}})

    (never,) = await found(call, workflow_id)

    assert never["code"] == "CONDITION_NEVER_TRUE"
    assert 'Last seen: {"vars.x":1}' in never["evidence"]


async def test_what_was_filtered_is_counted_at_its_hook(
    call: CallTool, house: House, clock: ManualClock, workflow_id: str
) -> None:
    hooks, deliveries = await house.services.get(Hooks), await house.services.get(Deliveries)
    made = await call("create_workflow", name="Other", trigger={"type": "manual"}, actions=[NOTE])
    other = made["workflow"]["id"]
    await call("deploy_workflow", workflow_id=other)
    keys, database = await house.services.get(KeyRing), await house.services.get(Database)
    for target in (other, workflow_id):
        assert await found(call, workflow_id) == []  # what comes to another says nothing of this one
        hook_id, _ = await hooks.add_custom(target, house.settings.environment, "local:0", keys)
        kept = await deliveries.accept(hook_id, target, "e1", {"id": "e1"})
        await database.write(lambda tx, one=kept.delivery_id: settle(tx, one, "filtered", reason="the filter says no"))
    (filtered,) = await found(call, workflow_id)
    clock.advance(timedelta(days=31).total_seconds())

    assert (filtered["code"], filtered["confidence"]) == ("DELIVERIES_FILTERED", 0.5)
    assert await found(call, workflow_id) == []  # too long ago


async def test_an_unknown_workflow_is_named_as_such(call: CallTool) -> None:
    assert (await call("diagnose_workflow", workflow_id="wf_none"))["error"]["code"] == "WORKFLOW_NOT_FOUND"


async def test_the_tools_cost_few_statements(client: Client, call: CallTool, workflow_id: str, ran: Ran) -> None:
    await ran()
    for tool, arguments, most in (
        ("diagnose_workflow", {"workflow_id": workflow_id}, 9),
        ("explain_stuck_executions", {}, 4),
    ):
        await client.call_tool(tool, arguments)  # opens what a first call opens
        result = await client.call_tool(tool, arguments)

        assert (result.meta or {})["construction-mcp/trace"]["db_queries"] == most


async def test_a_client_that_does_not_see_a_tool_is_told_to_go_through_use_tool(
    call: CallTool, house: House, workflow_id: str
) -> None:
    await call("pause_all")
    server = build_server(house, View(), lambda _: Principal("local:0", Role.ADMIN))
    async with Client(server) as client:
        answer = (await client.call_tool("diagnose_workflow", {"workflow_id": workflow_id})).structured_content
        stuck = await client.call_tool("use_tool", {"name": "explain_stuck_executions", "arguments": {}})

    assert answer is not None
    assert (answer["findings"][0]["next"]["tool"], stuck.is_error) == ("use_tool", False)
    assert answer["findings"][0]["next"]["arguments"]["name"] == "resume_all"


async def test_what_is_stuck_says_what_moves_it(
    call: CallTool, house: House, clock: ManualClock, ran: Ran, workflow_id: str
) -> None:
    queued, asking = await ran(), await ran()
    await ran("completed")
    new = NewApproval(
        execution_id=asking,
        step="note",
        summary="Send it?",
        shown={},
        digest="0" * 64,
        requested_by="local:0",
        approvers=("a@x.com",),
        expires_at=clock.now() + timedelta(days=1),
    )
    database = await house.services.get(Database)
    await database.write(lambda tx: request(tx, new, clock.now()))
    await database.write(lambda tx: claim(tx, [asking], "engine"))
    young = await call("explain_stuck_executions")
    clock.advance(600)

    first = await call("explain_stuck_executions", limit=1)
    both = await call("explain_stuck_executions", workflow_id=workflow_id)
    none = await call("explain_stuck_executions", workflow_id="wf_none")

    assert young == none == {"items": [], "truncated": False}
    assert ([one["execution_id"] for one in first["items"]], first["truncated"]) == ([queued], True)
    assert [(one["execution_id"], one["reason"]) for one in both["items"]] == [(queued, "overdue"), (asking, "person")]
    assert both["items"][1]["next"]["tool"] == "decide_approval"
