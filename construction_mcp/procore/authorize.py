"""Signing in: a ticket for the person, a state for Procore, a browser that has to be the same at both ends.

    begin(principal)        -> ticket        shown as a link to our own /oauth/start
    open(ticket)            -> where, cookie the browser goes to Procore carrying our cookie
    finish(state, cookie, code)              Procore sends it back: the state is spent before the code is

A pure stdio process has no address to come back to: `begin_out_of_band` gives Procore's address at once, and
`finish_out_of_band` takes the code that the person copied.

Source: RFC 6749 section 10.12; security.md finding 8.
"""

import hmac
import secrets
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple

from cachetools import TTLCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NotPermitted
from construction_mcp.procore.connection import App
from construction_mcp.procore.environments import Environment
from construction_mcp.procore.oauth import OUT_OF_BAND, OAuth, TokenPair, authorize_url


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked to connect what; `redirect_uri` comes from the settings, never from a caller."""

    principal_id: str
    environment: Environment
    app: App
    redirect_uri: str
    company_id: int | None = None
    name: str = ""  # of the principal, for the page that asks the person whether it is them


@dataclass(frozen=True, slots=True)
class _Pending:
    request: Request
    browser: bytes = field(default=b"", repr=False)


class Opened(NamedTuple):
    """Where to send the browser, and the value of the cookie it has to bring back."""

    url: str
    cookie: str


class Connected(NamedTuple):
    """Whose request was answered, and the pair to adopt."""

    request: Request
    pair: TokenPair


class Authorizations:
    """Sign-ins under way; each ends by use or after `oauth_state_s`. Tables hold digests of what they wait for."""

    def __init__(self, oauth: OAuth, clock: Clock, limits: Limits) -> None:
        self._oauth = oauth
        size, life_s = limits.oauth_states_max, limits.oauth_state_s
        self._tickets: TTLCache[bytes, Request] = TTLCache(size, life_s, timer=clock.monotonic)
        self._states: TTLCache[bytes, _Pending] = TTLCache(size, life_s, timer=clock.monotonic)
        self._copied: TTLCache[str, Request] = TTLCache(size, life_s, timer=clock.monotonic)

    def begin(self, request: Request) -> str:
        """A ticket for the link the person opens."""
        ticket = secrets.token_urlsafe(32)
        self._tickets[_digest(ticket)] = request
        return ticket

    def asked_by(self, ticket: str) -> str:
        """The name of the principal whose ticket it is; looking does not use it up.

        Raises:
            NotPermitted: AUTH_STATE_INVALID, the ticket is unknown or too old.
        """
        request = self._tickets.get(_digest(ticket))
        if request is None:
            raise _invalid()
        return request.name

    def open(self, ticket: str) -> Opened:
        """The person's browser opened the link: bind this browser to a fresh state.

        Raises:
            NotPermitted: AUTH_STATE_INVALID, the ticket is unknown or too old.
        """
        request = self._tickets.pop(_digest(ticket), None)
        if request is None:
            raise _invalid()
        state, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._states[_digest(state)] = _Pending(request, _digest(cookie))
        return Opened(authorize_url(request.environment, request.app, request.redirect_uri, state), cookie)

    async def finish(self, state: str, cookie: str | None, code: str) -> Connected:
        """Procore sent the browser back: spend the state, then the code.

        Raises:
            NotPermitted: AUTH_STATE_INVALID: missing, forged, used, too old, or another browser; nothing was sent.
            NeedsLogin, Invalid, Unavailable: as `OAuth.exchange_code`.
        """
        pending = self._states.pop(_digest(state), None)
        if pending is None or not hmac.compare_digest(pending.browser, _digest(cookie or "")) or not code:
            raise _invalid()
        return await self._exchange(pending.request, code)

    def begin_out_of_band(self, request: Request) -> str:
        """Procore's sign-in address, whose last page shows a code to copy; it replaces the principal's last one."""
        request = replace(request, redirect_uri=OUT_OF_BAND)
        self._copied[request.principal_id] = request
        return authorize_url(request.environment, request.app, OUT_OF_BAND, secrets.token_urlsafe(32))

    def awaits_code(self, principal_id: str) -> bool:
        """Whether this principal began a sign-in that ends with a code; looking does not use it up."""
        return principal_id in self._copied

    async def finish_out_of_band(self, principal_id: str, code: str) -> Connected:
        """The code the person copied; only for the principal that began.

        Raises:
            NotPermitted: AUTH_STATE_INVALID, this principal has nothing under way.
            NeedsLogin, Invalid, Unavailable: as `OAuth.exchange_code`.
        """
        request = self._copied.pop(principal_id, None)
        if request is None or not code:
            raise _invalid()
        return await self._exchange(request, code)

    async def _exchange(self, request: Request, code: str) -> Connected:
        pair = await self._oauth.exchange_code(request.environment, request.app, code, request.redirect_uri)
        return Connected(request, pair)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _invalid() -> NotPermitted:
    return NotPermitted(
        "This sign-in was not begun here, was already used, or is too old.",
        code="AUTH_STATE_INVALID",
        hint="Start again with connect_procore.",
    )
