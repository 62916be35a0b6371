"""Procore as one caller sees it: their account, their budget, their place in the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cachetools import TTLCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import Invalid, NeedsLogin, NextCall
from construction_mcp.core.types import Principal
from construction_mcp.procore.budget import current_account
from construction_mcp.procore.client import Method, ProcoreClient, Request
from construction_mcp.procore.connection import App, Connection
from construction_mcp.procore.environments import Environment
from construction_mcp.procore.paging import Listing, Pages
from construction_mcp.procore.responses import Answer
from construction_mcp.store.connections import Connections, Link


@dataclass(frozen=True, slots=True)
class Procore:
    """What tools are given: reads and writes through the caller's own connection."""

    connection: Connection
    client: ProcoreClient
    pages: Pages
    limits: Limits

    async def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        company: int | None = None,
        ttl_s: float = 0.0,
        fresh: bool = False,
    ) -> Any:
        """The body of one read: an object or a list. Identical reads under way share a request.

        fresh: ask Procore now, whatever is kept; for what a change is about to be based on.

        Raises: as `ProcoreClient.get`.
        """
        answer = await self.client.get(self.connection, path, query, company=company, ttl_s=ttl_s, fresh=fresh)
        return answer.data

    async def page(
        self, path: str, query: Mapping[str, Any], *, company: int | None = None, ttl_s: float = 0.0
    ) -> Answer:
        """One page of a list as Procore cuts it, with its total where Procore tells it.

        Raises: as `ProcoreClient.get`.
        """
        return await self.client.get(self.connection, path, query, company=company, ttl_s=ttl_s)

    async def list(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        company: int | None = None,
        items_max: int | None = None,
        ttl_s: float = 0.0,
    ) -> Listing:
        """A list over its pages, within `items_max` and the call's budget; `truncated` says when there is more.

        Raises: as `ProcoreClient.get`.
        """
        return await self.pages.read(self.connection, path, query, company=company, items_max=items_max, ttl_s=ttl_s)

    async def write(
        self,
        method: Method,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        company: int | None = None,
    ) -> Any:
        """One change; call it inside an `Effect`, never from a tool directly. The body of the answer.

        Raises: as `ProcoreClient.write`.
        """
        request = Request(self.connection, method, path, dict(query or {}), body, company)
        return (await self.client.write(request)).data

    def web_url(self, *parts: object) -> str:
        """Where a person opens a record: Procore's web address and the parts of its path."""
        return "/".join([self.connection.environment.web, *map(str, parts)])


class Accounts:
    """Finds the connection of a principal.

    A service account (client credentials) is the workspace's own: the operator configured it, and everybody with a role
    here reads through it. An authorised account belongs to the person who connected it, and to nobody else.
    """

    def __init__(
        self,
        environment: Environment,
        app: App | None,
        settings: Settings,
        connections: Connections,
        client: ProcoreClient,
        clock: Clock,
    ) -> None:
        self.environment = environment
        self._app = app
        self._settings = settings
        self._connections = connections
        self._client = client
        self._pages = Pages(client, settings.limits)
        limits = settings.limits
        self._links: TTLCache[str, Link] = TTLCache(
            limits.cache_entries_max, limits.record_cache_s, timer=clock.monotonic
        )

    @property
    def is_service(self) -> bool:
        """Whether one service account serves the whole workspace."""
        return self._settings.procore_grant == "client_credentials"

    def app(self) -> App:
        """The registered app's credentials.

        Raises:
            Invalid: PROCORE_APP_MISSING; the settings do not name one.
        """
        if self._app is None:
            raise Invalid(
                "No Procore app is configured.",
                code="PROCORE_APP_MISSING",
                hint="Set PROCORE_CLIENT_ID and PROCORE_CLIENT_SECRET; `construction-mcp connect` explains how.",
            )
        return self._app

    async def of(self, principal: Principal) -> Procore:
        """Procore through the principal's connection, with a fresh budget for this call.

        Raises:
            NeedsLogin: PROCORE_NOT_CONNECTED. Invalid: PROCORE_APP_MISSING.
        """
        account = current_account.get()
        if account is None or account.execution is None:  # one left here by an earlier call is not this call's
            current_account.set(self._client.usage.new_account(session=principal.id))
        return self.through(self.service() if self.is_service else self.connection_of(await self._link(principal)))

    def service(self) -> Connection:
        """The workspace's service account."""
        name = f"service:{self.environment.name}"
        return Connection(name, self.environment, self.app(), "client_credentials", self._settings.company_id)

    def connection_of(self, link: Link) -> Connection:
        """A stored link as the client uses it."""
        company = link.company_id or self._settings.company_id
        made = Connection(link.id, self.environment, self.app(), link.grant_type, company)
        return replace(made, user_id=link.user_id)

    async def link_of(self, principal: Principal) -> Link | None:
        """The principal's link in this environment; a known one costs no statement."""
        link = self._links.get(principal.id)
        if link is None:
            link = await self._connections.of_principal(principal.id, self.environment.name)
            if link is not None:
                self._links[principal.id] = link
        return link

    def forget(self, principal_id: str) -> None:
        """The principal's link has changed."""
        self._links.pop(principal_id, None)

    def through(self, connection: Connection) -> Procore:
        """Procore through a connection that is known already, on the account of whoever calls."""
        return Procore(connection, self._client, self._pages, self._settings.limits)

    async def _link(self, principal: Principal) -> Link:
        link = await self.link_of(principal)
        if link is None:
            raise NeedsLogin(
                "You have not connected a Procore account.",
                code="PROCORE_NOT_CONNECTED",
                next_call=NextCall("connect_procore", {}, "links your Procore account"),
            )
        if link.client_id != self.app().client_id:
            # Its tokens belong to the other app: a refresh with this one's secret would only burn them.
            raise NeedsLogin(
                "Your Procore account was connected through another app than the one configured now.",
                code="AUTH_RECONNECT",
                next_call=NextCall("connect_procore", {}, "links it again through this app"),
            )
        return link
