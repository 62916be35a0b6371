"""What was deployed of a workflow, told through a real MCP client.

Nothing carries actions out yet, so a real deployment is refused; here the house is told that everything can be.
"""

import json
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

pytestmark = pytest.mark.anyio

NOTE = {"key": "note", "type": "notify.log", "config": {"text": "Hello"}}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    settings = Settings(data_dir=tmp_path / "data", procore_grant="client_credentials")
    async with House(settings, clock=ManualClock(), performs=None) as house:
        server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
        async with Client(server) as connected:
            yield connected


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.structured_content
    return answer.structured_content


async def versions_of(client: Client, workflow_id: str) -> Any:
    return json.loads((await client.read_resource(f"workflow://{workflow_id}/versions")).contents[0].text)


async def test_versions_are_told_newest_first_with_what_each_changed(client: Client) -> None:
    made = await call(client, "create_workflow", name="Note", trigger={"type": "manual"}, actions=[NOTE])
    workflow_id = made["workflow"]["id"]
    first = await call(client, "deploy_workflow", workflow_id=workflow_id)
    trigger = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}
    await call(client, "configure_workflow_trigger", workflow_id=workflow_id, trigger=trigger)
    second = await call(client, "deploy_workflow", workflow_id=workflow_id)

    told = await versions_of(client, workflow_id)

    assert (first["version"], second["version"]) == (1, 2)
    assert [one["number"] for one in told["items"]] == [2, 1]
    assert [one["changes"] for one in told["items"]] == [
        ["starts every weekday at 09:00 in America/Chicago instead of when somebody runs it"],
        [],
    ]
    assert told["truncated"] is False


async def test_a_workflow_that_was_never_deployed_has_no_versions(client: Client) -> None:
    made = await call(client, "create_workflow", name="Note", trigger={"type": "manual"}, actions=[NOTE])

    told = await versions_of(client, made["workflow"]["id"])

    assert told == {"items": [], "truncated": False}
