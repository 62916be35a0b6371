"""Every tool under every view and role: generated from the catalog, so that a new tool is covered by existing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View, load_catalog
from construction_mcp.server.app import build_server
from tests.properties.shapes import minimal

pytestmark = pytest.mark.anyio

CATALOG = load_catalog()
SELECTIONS = [(), ("all",), *((name,) for name in CATALOG.toolsets)]
EFFECTS = sorted(name for name, tool in CATALOG.tools.items() if tool.effect not in ("read", "dispatch"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(Settings(data_dir=tmp_path / "data")) as made:
        yield made


def connect(house: House, view: View, role: Role = Role.ADMIN) -> Client:
    return Client(build_server(house, view, lambda _: Principal("user:1", role)), mode="legacy")


@pytest.mark.parametrize("toolsets", SELECTIONS)
async def test_read_only_lists_no_effect_in_any_selection(house: House, toolsets: tuple[str, ...]) -> None:
    async with connect(house, View(toolsets, read_only=True)) as client:
        tools = (await client.list_tools()).tools

    assert {tool.name for tool in tools}.isdisjoint(EFFECTS)
    assert all(tool.annotations is not None and tool.annotations.read_only_hint for tool in tools)


async def test_read_only_hides_an_effect_as_if_it_did_not_exist(house: House) -> None:
    """Called by name or through use_tool, in find_tools and in the schemas."""
    async with connect(house, View(("all",), read_only=True)) as client:
        for name in EFFECTS:
            arguments = minimal(CATALOG.tools[name].input_schema)
            direct = await client.call_tool(name, arguments)
            through = await client.call_tool("use_tool", {"name": name, "arguments": arguments})
            found = await client.call_tool("find_tools", {"query": name.replace("_", " "), "limit": 25})

            assert direct.structured_content["error"]["code"] == "VALIDATION_UNKNOWN_TOOL"
            assert through.structured_content == direct.structured_content
            assert name not in [item["name"] for item in found.structured_content["items"]]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BUILDER, Role.APPROVER])
async def test_below_its_role_a_caller_learns_nothing(house: House, role: Role) -> None:
    """The same refusal whatever the id, before anything is looked up (security.md S10)."""
    async with connect(house, View(("all",)), role) as client:
        for name, tool in CATALOG.tools.items():
            if role.includes(tool.role):
                continue
            usual = minimal(tool.input_schema)
            guesses = (
                [{**usual, "workflow_id": guess} for guess in ("wf_1", "wf_2")] if "workflow_id" in usual else [usual]
            )
            refusals = [(await client.call_tool(name, guess)).structured_content for guess in guesses]

            assert refusals[0]["error"]["code"] == "AUTH_ROLE_REQUIRED"
            assert all(refusal == refusals[0] for refusal in refusals)
