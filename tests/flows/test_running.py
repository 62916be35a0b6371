"""A workflow from its words to its work, through an MCP client: tried, deployed, run, watched and run again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.simulator.app import Simulator

pytestmark = pytest.mark.anyio

_PAUSE_MAX_S = 60.0
COUNT = [
    {"key": "open_rfis", "type": "procore.rfi.list", "config": {"projects": "all_active", "overdue": True}},
    {
        "key": "told",
        "type": "notify.log",
        "condition": "size(steps.open_rfis.output.items) > 0",
        "config": {"text": "{{ size(steps.open_rfis.output.items) }} are overdue"},
    },
]


class Office:
    def __init__(self, house: House, client: Client) -> None:
        self.house, self.client = house, client

    async def call(self, tool: str, **arguments: Any) -> Any:
        return (await self.client.call_tool(tool, arguments)).structured_content

    async def project(self) -> int:
        world = (await self.house.services.get(Simulator)).world
        return int(next(iter(world.table("project", next(iter(world.table("company", 0))).id))).id)

    async def made(self, actions: list[dict[str, Any]], **more: Any) -> str:
        answer = await self.call("create_workflow", name="Count", trigger={"type": "manual"}, actions=actions, **more)
        assert not answer["problems"], answer["problems"]
        return str(answer["workflow"]["id"])


async def _let_time_pass(clock: ManualClock) -> None:
    """The simulator's rate windows are real: a call that waits for its turn gets it at once."""
    while True:
        await asyncio.sleep(0.001)
        wait = clock.next_wake_s
        if wait is not None and wait <= _PAUSE_MAX_S:
            clock.advance(wait)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = ManualClock()
    settings = Settings(data_dir=tmp_path / "data", procore_grant="client_credentials")
    async with House(settings, clock=clock) as house:
        server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
        working = [asyncio.create_task(house.run_services()), asyncio.create_task(_let_time_pass(clock))]
        async with Client(server) as client:
            yield Office(house, client)
        for task in working:
            task.cancel()
        await asyncio.wait(working)


async def test_a_draft_is_tried_without_effects(office: Office):
    workflow_id = await office.made(COUNT)

    tried = (await office.call("test_workflow", workflow_id=workflow_id, wait_s=20))["execution"]

    assert (tried["status"], tried["mode"], tried.get("version")) == ("completed", "simulate", None)
    assert {step["key"]: step["status"] for step in tried["steps"]} == {"open_rfis": "completed", "told": "completed"}


async def test_a_deployed_workflow_runs_and_can_be_watched(office: Office):
    workflow_id = await office.made(COUNT)
    deployed = await office.call("deploy_workflow", workflow_id=workflow_id)
    assert deployed["status"] == "deployed", deployed

    ran = (await office.call("run_workflow", workflow_id=workflow_id, idempotency_key="k", wait_s=20))["execution"]
    again = (await office.call("run_workflow", workflow_id=workflow_id, idempotency_key="k"))["execution"]
    seen = await office.call("observe_workflow_execution", execution_id=ran["id"])
    listed = await office.call("list_executions", workflow_id=workflow_id)

    assert ran["status"] == "completed"
    assert again["id"] == ran["id"]
    assert any("are overdue" in moment["text"] for moment in seen["timeline"])
    assert [item["id"] for item in listed["items"]] == [ran["id"]]


async def test_a_live_test_of_effects_that_nobody_agreed_to_is_refused(office: Office):
    write = {
        "key": "reply",
        "type": "procore.rfi.reply",
        "config": {"rfi_id": 1, "body": "Nobody agreed to this."},
    }
    workflow_id = await office.made([write], project_id=await office.project())

    answer = await office.call("test_workflow", workflow_id=workflow_id, mode="live")

    assert answer["error"]["code"] == "APPROVAL_PERSON_REQUIRED"


async def test_an_execution_that_failed_is_run_again_from_where_it_failed(office: Office):
    gone = {"key": "gone", "type": "procore.rfi.get", "config": {"rfi_id": 999_999_999}}
    workflow_id = await office.made([COUNT[0], gone], project_id=await office.project())
    await office.call("deploy_workflow", workflow_id=workflow_id)
    ran = (await office.call("run_workflow", workflow_id=workflow_id, wait_s=20))["execution"]

    again = await office.call("retry_execution", execution_id=ran["id"], from_step="gone")

    assert (ran["status"], ran["error"]["code"]) == ("failed", "PROCORE_NOT_FOUND")
    assert "error" not in again, again
