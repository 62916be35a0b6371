"""Where "this resource changed" is said once and heard by every transport."""

from typing import Protocol
from weakref import WeakSet

from construction_mcp.core.ports import Listing


class Hears(Protocol):
    """Somebody who passes changes on to subscribers."""

    async def resource_updated(self, uri: str) -> None: ...

    async def listing_changed(self, listing: Listing) -> None: ...


class ChangeHub:
    """`Changes` for the whole process. Listeners are held weakly: a closed view needs no farewell."""

    def __init__(self) -> None:
        self._listeners: WeakSet[Hears] = WeakSet()

    def attach(self, listener: Hears) -> None:
        self._listeners.add(listener)

    async def resource_updated(self, uri: str) -> None:
        for listener in list(self._listeners):
            await listener.resource_updated(uri)

    async def listing_changed(self, listing: Listing) -> None:
        for listener in list(self._listeners):
            await listener.listing_changed(listing)
