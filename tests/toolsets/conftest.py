from collections.abc import AsyncIterator, Awaitable, Callable
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
from tests.toolsets.desk import Desk, desk_at

CallTool = Callable[..., Awaitable[Any]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    async with House(Settings(data_dir=tmp_path / "data", procore_grant="client_credentials"), clock=clock) as made:
        yield made


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
    async with Client(server) as connected:
        yield connected


@pytest.fixture
def call(client: Client) -> CallTool:
    """Call a tool; its structured content, whether it succeeded or not."""

    async def call_tool(tool: str, /, **arguments: Any) -> Any:
        return (await client.call_tool(tool, arguments)).structured_content

    return call_tool


@pytest.fixture
async def desk(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Desk]:
    async with desk_at(tmp_path, clock) as made:
        yield made
