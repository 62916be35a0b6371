"""The only place that constructs the object graph.

It decides nothing: choices are in `Settings`, behaviour is in the rooms. Rooms are imported when first asked for, by
the name of the type that a tool's annotation wants, so that a call that needs no database never loads one.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from construction_mcp.core.changes import ChangeHub
from construction_mcp.core.clock import Clock, SystemClock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import NotPermitted
from construction_mcp.core.services import Services
from construction_mcp.registry.catalog import Catalog, load_catalog
from construction_mcp.registry.dispatch import Dispatcher

if TYPE_CHECKING:
    from construction_mcp.core.cursor import Cursors
    from construction_mcp.core.keys import KeyRing
    from construction_mcp.registry.gate import Gate
    from construction_mcp.store.connections import Connections
    from construction_mcp.store.database import Database
    from construction_mcp.store.intents import Intents
    from construction_mcp.store.users import Users
    from construction_mcp.store.workflows import Workflows


class House:
    """Everything one process shares: made once by whoever holds the data directory's lock."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, catalog: Catalog | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.catalog = catalog or load_catalog()
        self.changes = ChangeHub()
        self.services = Services(self._factories())
        self.dispatcher = Dispatcher(self.catalog, self.services, settings.limits, before_change=self.require_live)
        self._closing = AsyncExitStack()
        self._is_live = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def require_live(self) -> None:
        """Refuse to change anything in a restored copy that nobody has declared the original.

        Raises:
            NotPermitted: SYSTEM_STANDBY.
        """
        if self._is_live:
            return
        from construction_mcp.store.database import Database
        from construction_mcp.store.meta import standby_since

        since = await standby_since(await self.services.get(Database))
        if since is not None:
            raise NotPermitted(
                "This data directory is a restored copy in standby.",
                code="SYSTEM_STANDBY",
                hint="Run `construction-mcp take-over` once the original is off.",
                details={"standby_since": since},
            )
        self._is_live = True  # a live directory never goes back to standby

    async def aclose(self) -> None:
        """Close what was opened, newest first; what was never asked for was never opened."""
        await self._closing.aclose()

    def _factories(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        """`module:type` -> how to make it."""
        room = "construction_mcp"
        return {
            f"{room}.core.clock:Clock": self._just(self.clock),
            f"{room}.core.config:Settings": self._just(self.settings),
            f"{room}.core.config:Limits": self._just(self.settings.limits),
            f"{room}.registry.catalog:Catalog": self._just(self.catalog),
            f"{room}.core.ports:Changes": self._just(self.changes),
            f"{room}.core.keys:KeyRing": self._keys,
            f"{room}.core.cursor:Cursors": self._cursors,
            f"{room}.store.database:Database": self._database,
            f"{room}.store.workflows:Workflows": self._workflows,
            f"{room}.store.users:Users": self._users,
            f"{room}.store.intents:Intents": self._intents,
            f"{room}.store.connections:Connections": self._connections,
            f"{room}.registry.gate:Gate": self._gate,
        }

    @staticmethod
    def _just(value: Any) -> Callable[[], Awaitable[Any]]:
        async def give() -> Any:
            return value

        return give

    async def _keys(self) -> "KeyRing":
        from construction_mcp.store.database import Database
        from construction_mcp.store.meta import open_key_ring

        return await open_key_ring(await self.services.get(Database), self.settings)

    async def _cursors(self) -> "Cursors":
        from construction_mcp.core.cursor import Cursors
        from construction_mcp.core.keys import KeyRing

        return Cursors((await self.services.get(KeyRing)).derive("cursors"))

    async def _database(self) -> "Database":
        from construction_mcp.store.database import Database

        self.settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = await Database.open(
            self.settings.database_file, limits=self.settings.limits, log_all=self.settings.db_log_all
        )
        self._closing.push_async_callback(database.close)
        return database

    async def _workflows(self) -> "Workflows":
        from construction_mcp.store.database import Database
        from construction_mcp.store.workflows import Workflows

        return Workflows(await self.services.get(Database), self.clock)

    async def _users(self) -> "Users":
        from construction_mcp.store.database import Database
        from construction_mcp.store.users import Users

        return Users(await self.services.get(Database), self.clock)

    async def _intents(self) -> "Intents":
        from construction_mcp.store.database import Database
        from construction_mcp.store.intents import Intents

        return Intents(await self.services.get(Database), self.clock)

    async def _connections(self) -> "Connections":
        from construction_mcp.store.connections import Connections
        from construction_mcp.store.database import Database

        return Connections(await self.services.get(Database), self.clock)

    async def _gate(self) -> "Gate":
        from construction_mcp.core.cursor import Cursors
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.registry.gate import Gate
        from construction_mcp.store.intents import Intents

        signer = Cursors((await self.services.get(KeyRing)).derive("confirmations"))
        return Gate(await self.services.get(Intents), signer, self.settings, self.clock)
