"""How much one connection may watch, and that what is gone is not held."""

import gc
from pathlib import Path

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from construction_mcp.bootstrap import House
from construction_mcp.core.changes import ChangeHub
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.ports import Listing
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server

pytestmark = pytest.mark.anyio

ADMIN = Principal("local:0", Role.ADMIN)


def status_of(name: str) -> str:
    return f"workflow://{name}/status"


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
async def test_a_connection_watches_as_much_as_it_may_and_no_more(tmp_path: Path) -> None:
    """Each has its own share; what it stops watching makes room, however often."""
    async with House(Settings(tmp_path, limits=Limits(subscriptions_max=2))) as house:
        server = build_server(house, View(), lambda _: ADMIN)
        for _ in range(2):
            async with Client(server, mode="legacy") as client:
                for _ in range(5):
                    await client.subscribe_resource(status_of("a"))
                    await client.subscribe_resource(status_of("b"))
                    await client.subscribe_resource(status_of("b"))
                    await client.unsubscribe_resource(status_of("a"))
                await client.subscribe_resource(status_of("c"))
                with pytest.raises(MCPError, match="watches 2 resources already"):
                    await client.subscribe_resource(status_of("d"))


class Listener:
    """Somebody who hears of changes."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    async def resource_updated(self, uri: str) -> None:
        self._heard.append(uri)

    async def listing_changed(self, listing: Listing) -> None:
        self._heard.append(listing)


async def test_a_view_that_is_gone_hears_nothing_more() -> None:
    """The hub holds nobody alive, so that nobody has to say goodbye."""
    hub, heard = ChangeHub(), list[str]()
    listener = Listener(heard)
    hub.attach(listener)
    await hub.resource_updated("first")
    del listener
    gc.collect()

    await hub.resource_updated("second")

    assert heard == ["first"]
