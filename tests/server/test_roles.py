"""security.md S10: below its role a principal gets the same refusal from every tool, whatever it sends."""

from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View, load_catalog
from construction_mcp.server.app import build_server

pytestmark = pytest.mark.anyio

TOOLS = load_catalog().tools
BELOW = [(name, role) for name, tool in TOOLS.items() for role in Role if not role.includes(tool.role)]


def argument_sets(name: str, existing: str) -> list[dict[str, Any]]:
    """Nothing, an id that exists, one that does not, and nonsense."""
    ids = [key for key in TOOLS[name].input_schema["properties"] if key.endswith("id")]
    return [{}, *(dict.fromkeys(ids, value) for value in (existing, "wf_nothing")), {"nonsense": "\x00"}]


@pytest.mark.parametrize(("name", "role"), BELOW, ids=str)
async def test_below_its_role_every_tool_refuses_alike(house: House, name: str, role: Role) -> None:
    async with as_role(house, Role.ADMIN) as admin:
        made = await admin.call_tool("create_workflow", {"name": "A"})
    existing = made.structured_content["workflow"]["id"]

    async with as_role(house, role) as client:
        refusals = [await client.call_tool(name, arguments) for arguments in argument_sets(name, existing)]
        through = await client.call_tool("use_tool", {"name": name, "arguments": {"workflow_id": existing}})

    shapes = [answer.structured_content for answer in (*refusals, through)]
    assert all(shape == shapes[0] for shape in shapes)
    assert shapes[0]["error"]["code"] == "AUTH_ROLE_REQUIRED"
    assert shapes[0]["error"]["details"]["needed"] == TOOLS[name].role


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_a_search_shows_nobody_a_tool_they_may_not_use(house: House, role: Role) -> None:
    async with as_role(house, role) as client:
        found = await client.call_tool("find_tools", {"query": "create delete update workflow action", "limit": 25})

    names = [item["name"] for item in found.structured_content["items"]]
    assert [name for name in names if not role.includes(TOOLS[name].role)] == []


def as_role(house: House, role: Role) -> Client:
    return Client(build_server(house, View(("all",)), lambda _: Principal(f"user:{role}", role)))
