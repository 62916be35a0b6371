"""Linking a person's Procore account and ending it: from the link they open to a pair that is stored and known to work.

Where Procore sends the browser back depends on the process: `serve` has an address, a stdio process has none, and then
the person copies a code. What happens after is the same.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from construction_mcp.cache import Cache
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, Invalid, NotPermitted
from construction_mcp.core.types import Principal
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.authorize import Authorizations, Connected, Opened, Request
from construction_mcp.procore.connection import Connection
from construction_mcp.procore.records.companies import Company, companies_of, projects_of
from construction_mcp.procore.records.people import Me, me_of
from construction_mcp.procore.together import together
from construction_mcp.procore.tokens import Tokens
from construction_mcp.store.connections import Connections

START_PATH = "/oauth/start"
CALLBACK_PATH = "/oauth/callback"


@dataclass(frozen=True, slots=True)
class Account:
    """A connection that works: who it is, what it sees, and what stands in the way of using it."""

    me: Me
    companies: list[Company]
    company: Company | None
    projects: int | None
    problem: ConstructionError | None = None


class SignIn:
    """One per process."""

    def __init__(
        self,
        accounts: Accounts,
        authorizations: Authorizations,
        tokens: Tokens,
        connections: Connections,
        cache: Cache,
        settings: Settings,
    ) -> None:
        self._accounts = accounts
        self._authorizations = authorizations
        self._tokens = tokens
        self._connections = connections
        self._cache = cache
        self._settings = settings
        self._finished: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @property
    def address(self) -> str | None:
        """Where browsers reach this process; None when it has no HTTP address. From settings, never from a request."""
        base = self._settings.public_url or self._settings.serve_url
        return base.rstrip("/") if base and self._settings.serve_url else None

    def link(self, principal: Principal, company_id: int | None, *, by_code: bool = False) -> str:
        """The address the person opens: our own page while `serve` runs, else Procore's, which shows a code to copy.

        by_code: give Procore's own address in any case, for a terminal, where copying is the shorter way.

        Raises:
            Invalid: PROCORE_APP_MISSING.
        """
        self._finished.pop(principal.id, None)
        address = None if by_code else self.address
        asked = Request(
            principal.id,
            self._accounts.environment,
            self._accounts.app(),
            f"{address}{CALLBACK_PATH}",
            company_id,
            principal.name or principal.id,
        )
        if address is None:
            return self._authorizations.begin_out_of_band(asked)
        return f"{address}{START_PATH}?ticket={self._authorizations.begin(asked)}"

    def asked_by(self, ticket: str) -> str:
        """Whom the account will be linked to; what the page shows before anybody signs in.

        Raises:
            NotPermitted: AUTH_STATE_INVALID.
        """
        return self._authorizations.asked_by(ticket)

    def open(self, ticket: str) -> Opened:
        """Bind the browser that goes on to Procore.

        Raises:
            NotPermitted: AUTH_STATE_INVALID.
        """
        return self._authorizations.open(ticket)

    async def finish(self, state: str, cookie: str | None, code: str) -> Account:
        """The browser came back: store the pair and see that it works.

        Raises:
            NotPermitted: AUTH_STATE_INVALID; nothing was sent. Otherwise as `OAuth.exchange_code`.
        """
        return await self._adopt(await self._authorizations.finish(state, cookie, code))

    def awaits_code(self, principal: Principal) -> bool:
        """Whether a sign-in of this principal ends with a code to copy."""
        return self._authorizations.awaits_code(principal.id)

    async def finish_with_code(self, principal: Principal, code: str) -> Account:
        """The person copied the code.

        Raises:
            NotPermitted: AUTH_STATE_INVALID; this principal has nothing under way. Otherwise as `OAuth.exchange_code`.
        """
        return await self._adopt(await self._authorizations.finish_out_of_band(principal.id, code))

    async def redeem(self, principal: Principal, code: str, company_id: int | None) -> Account:
        """A code typed by the person at this machine, whichever process gave them the link.

        Raises:
            As `OAuth.exchange_code`.
        """
        self.link(principal, company_id, by_code=True)
        return await self.finish_with_code(principal, code)

    async def wait(self, principal: Principal) -> bool:
        """Whether the person finished in the browser within `sign_in_wait_s`."""
        try:
            async with asyncio.timeout(self._settings.limits.sign_in_wait_s):
                await self._finished[principal.id].wait()
        except TimeoutError:
            return False
        self._finished.pop(principal.id, None)
        return True

    async def choose_company(self, principal: Principal, company_id: int) -> None:
        """Make a company the one that calls mean which name none.

        Raises:
            NotPermitted: the account does not see that company.
        """
        procore = await self._accounts.of(principal)
        seen = await companies_of(procore)
        if all(company.id != company_id for company in seen):
            raise NotPermitted(
                "The connected account does not see that company.",
                code="PROCORE_FORBIDDEN",
                details={"companies": [{"id": company.id, "name": company.name} for company in seen]},
            )
        await self._connections.note_company(procore.connection.id, company_id)
        self._accounts.forget(principal.id)

    async def look(self, procore: Procore) -> Account:
        """Who the connection is and what it sees. The projects read here stay cached: the next calls find them warm.

        Raises:
            NeedsLogin, RateLimited, Unavailable: the connection does not work now.
        """
        me, companies = await together(me_of(procore), companies_of(procore))
        default = next((company for company in companies if company.is_default), None)
        if default is None:
            return Account(me, companies, None, None)
        try:
            projects = await projects_of(procore)
        except NotPermitted as refusal:
            return Account(me, companies, default, None, refusal)
        return Account(me, companies, default, len(projects.items))

    async def disconnect(self, principal: Principal) -> bool:
        """Revoke and forget; False when Procore did not confirm the revocation.

        Raises:
            Invalid: the service account belongs to the operator's settings. NeedsLogin: nothing is connected.
        """
        connection = await self.own_connection(principal)
        confirmed = await self._tokens.disconnect(connection)
        self._forget(principal.id, connection)
        return confirmed

    async def own_connection(self, principal: Principal) -> Connection:
        """The connection that is the principal's to end, also one whose app or tokens are of no use any more.

        Raises:
            Invalid: the service account belongs to the operator's settings, or nothing is connected.
        """
        if self._accounts.is_service:
            raise Invalid(
                "The service account is part of the server's settings and is not anybody's to disconnect.",
                hint="An admin removes PROCORE_CLIENT_ID and PROCORE_CLIENT_SECRET, or uninstalls the app in Procore.",
            )
        link = await self._accounts.link_of(principal)
        if link is None:
            raise Invalid("No Procore account of yours is connected.", code="PROCORE_NOT_CONNECTED")
        return self._accounts.connection_of(link)

    async def _adopt(self, signed_in: Connected) -> Account:
        request = signed_in.request
        company_id = request.company_id or self._settings.company_id
        link = await self._connections.link(
            request.principal_id,
            request.environment.name,
            "authorization_code",
            request.app.client_id,
            company_id=company_id,
        )
        connection = self._accounts.connection_of(link)
        await self._tokens.adopt(connection, signed_in.pair)
        self._forget(request.principal_id, connection)
        try:
            return await self._introduce(connection)
        except ConstructionError as problem:
            # The pair is kept, so the account is connected; that it cannot be used yet is for the person to read.
            return Account(Me(None, None, None), [], None, None, problem)
        finally:
            self._finished[request.principal_id].set()

    async def _introduce(self, connection: Connection) -> Account:
        """Note who signed in; with one company only, that is the default."""
        procore = self._accounts.through(connection)
        me, companies = await together(me_of(procore), companies_of(procore))
        company = connection.company_id or (companies[0].id if len(companies) == 1 else None)
        await self._connections.note_account(connection.id, user_id=me.id, login=me.login, company=company)
        link = await self._connections.get(connection.id)
        assert link is not None
        return await self.look(self._accounts.through(self._accounts.connection_of(link)))

    def _forget(self, principal_id: str, connection: Connection) -> None:
        self._accounts.forget(principal_id)
        self._cache.forget_connection(connection.id)
