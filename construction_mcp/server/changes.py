"""Telling subscribers that a resource changed, in both protocol eras, and only those who may read it."""

from collections.abc import Callable
from typing import Any

import mcp_types as types
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from construction_mcp.core.errors import Invalid
from construction_mcp.core.ports import Listing

Context = ServerRequestContext[Any, Any]
MayRead = Callable[[Context, str], bool]

_LISTING_EVENTS: dict[Listing, ServerEvent] = {
    "tools": ToolsListChanged(),
    "prompts": PromptsListChanged(),
    "resources": ResourcesListChanged(),
}


class ResourceChanges:
    """Hears of changes from the house and tells one view's subscribers.

    Older clients subscribe to one URI at a time (`resources/subscribe`), 2026-07-28 clients open `subscriptions/listen`
    streams; a change is told to both. `may_read` judges each URI for the principal that asks.
    """

    def __init__(self, subscriptions_max: int) -> None:
        self._subscriptions_max = subscriptions_max
        self._bus = InMemorySubscriptionBus()
        self._legacy: dict[str, dict[Connection, ServerSession]] = {}
        self._watched: dict[Connection, set[str]] = {}

    async def resource_updated(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri=uri))
        for session in list(self._legacy.get(uri, {}).values()):
            await session.send_resource_updated(uri)

    async def listing_changed(self, listing: Listing) -> None:
        """Only to `subscriptions/listen`: older clients learn at `initialize` that their lists stay as they are."""
        await self._bus.publish(_LISTING_EVENTS[listing])

    def subscribe(self, ctx: Context, uri: str) -> None:
        """Remember a pre-2026 subscription for as long as its connection lives.

        Raises:
            Invalid: VALIDATION_TOO_LARGE, the connection watches as much as it may.
        """
        connection = connection_of(ctx)
        if connection not in self._watched:
            self._watched[connection] = set()
            connection.exit_stack.callback(self._leave, connection)  # once: a client may come and go by URI for ever
        watched = self._watched[connection]
        if uri not in watched and len(watched) >= self._subscriptions_max:
            raise Invalid(
                f"This connection watches {self._subscriptions_max} resources already.",
                code="VALIDATION_TOO_LARGE",
                hint="Unsubscribe from some first.",
            )
        watched.add(uri)
        self._legacy.setdefault(uri, {})[connection] = ctx.session

    def unsubscribe(self, ctx: Context, uri: str) -> None:
        self._forget(connection_of(ctx), uri)

    def _leave(self, connection: Connection) -> None:
        for uri in list(self._watched[connection]):
            self._forget(connection, uri)
        del self._watched[connection]

    def _forget(self, connection: Connection, uri: str) -> None:
        self._watched.get(connection, set()).discard(uri)
        sessions = self._legacy.get(uri, {})
        sessions.pop(connection, None)
        if not sessions:
            self._legacy.pop(uri, None)

    def listener(self, may_read: MayRead) -> "AuthorisedListen":
        """The `subscriptions/listen` handler of one view."""
        return AuthorisedListen(ListenHandler(self._bus), may_read)


class AuthorisedListen:
    """The SDK's handler honours every URI asked for; this one drops those the principal may not read."""

    def __init__(self, inner: ListenHandler, may_read: MayRead) -> None:
        self._inner = inner
        self._may_read = may_read

    async def __call__(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        wanted = params.notifications.resource_subscriptions or []
        allowed = [uri for uri in wanted if self._may_read(ctx, str(uri))]
        notifications = params.notifications.model_copy(update={"resource_subscriptions": allowed})
        return await self._inner(ctx, params.model_copy(update={"notifications": notifications}))

    def close(self) -> None:
        """End every open stream in good order."""
        self._inner.close()


def connection_of(ctx: Context) -> Connection:
    """The connection behind a request. mcp 2.3 gives handlers no public way to it, though its `exit_stack` is meant for
    them ("Push cleanup from handlers or middleware", mcp/server/connection.py); a contract test watches this line.
    """
    connection: Connection = ctx.session._connection
    return connection
