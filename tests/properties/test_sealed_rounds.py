"""Questions to a person in both protocol eras, and the state that a client carries between two rounds of one call.

The tools that ask are the conformance fixtures; PRODUCT.md section 4 and security.md finding 8 set what is promised.
"""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.build import build
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.server.app import build_server

pytestmark = pytest.mark.anyio

FIXTURES = Path(__file__).parent.parent / "conformance" / "fixture_toolset"
MODERN = "2026-07-28"
ASKS = "test_input_required_result_request_state"
OWNER = Principal("user:1", Role.ADMIN)


async def agree(*_: object) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"ok": True, "name": "Ana"})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    sys.path.insert(0, str(FIXTURES))
    try:
        return Catalog([build("conformance_fixtures"), build("construction_mcp.toolsets.discovery")])
    finally:
        sys.path.remove(str(FIXTURES))


@pytest.fixture
async def house(tmp_path: Path, catalog: Catalog) -> AsyncIterator[House]:
    async with House(Settings(data_dir=tmp_path / "data"), catalog=catalog) as made:
        yield made


def connect(house: House, who: Principal = OWNER, mode: str = MODERN) -> Client:
    return Client(build_server(house, View(("all",)), lambda _: who), mode=mode, elicitation_callback=agree)


async def first_round(client: Client, tool: str = ASKS) -> str:
    """Ask, and keep the state that came with the question."""
    asked = await client.session.call_tool(tool, {}, allow_input_required=True)
    assert isinstance(asked, types.InputRequiredResult)
    assert asked.request_state
    return asked.request_state


async def second_round(client: Client, state: str, tool: str = ASKS) -> Any:
    answers = {"confirm": types.ElicitResult(action="accept", content={"ok": True})}
    return await client.session.call_tool(tool, {}, input_responses=answers, request_state=state)


@pytest.mark.parametrize("mode", [MODERN, "legacy"])
async def test_a_tool_asks_a_person_in_both_eras(house: House, mode: str) -> None:
    async with connect(house, mode=mode) as client:
        result = await client.call_tool("test_input_required_result_elicitation", {})

    assert result.content[0].text == "Hello, Ana!"


async def test_the_state_comes_back_to_the_tool_and_is_unreadable_in_between(house: House) -> None:
    async with connect(house) as client:
        state = await first_round(client)
        result = await second_round(client, state)

    assert "awaiting" not in state
    assert result.content[0].text == "state-ok"


@pytest.mark.parametrize("place", [0, 20, -1])
async def test_a_tampered_state_is_refused(house: House, place: int) -> None:
    async with connect(house) as client:
        state = await first_round(client)
        letters = list(state)
        letters[place] = "A" if letters[place] != "A" else "B"

        with pytest.raises(MCPError):
            await second_round(client, "".join(letters))


async def test_the_state_of_another_call_is_refused(house: House) -> None:
    async with connect(house) as client:
        state = await first_round(client)

        with pytest.raises(MCPError):
            await second_round(client, state, "test_input_required_result_tampered_state")


async def test_the_state_of_another_principal_is_refused(house: House) -> None:
    async with connect(house) as client:
        state = await first_round(client)
    async with connect(house, Principal("user:2", Role.ADMIN)) as client:
        with pytest.raises(MCPError):
            await second_round(client, state)


async def test_the_state_of_another_workspace_is_refused(house: House, tmp_path: Path, catalog: Catalog) -> None:
    async with House(Settings(data_dir=tmp_path / "other"), catalog=catalog) as other, connect(other) as client:
        state = await first_round(client)
    async with connect(house) as client:
        with pytest.raises(MCPError):
            await second_round(client, state)


async def test_an_expired_state_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK seals for ten minutes and asks `time.time` (mcp/server/request_state.py)."""
    import time

    async with connect(house) as client:
        state = await first_round(client)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 601)

        with pytest.raises(MCPError):
            await second_round(client, state)
