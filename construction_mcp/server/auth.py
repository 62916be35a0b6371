"""Who is calling over HTTP: bearers, verified OAuth tokens, and the gate in front of the MCP routes.

We verify tokens and never issue any: this is a resource server (security.md finding 7). The inbound token goes nowhere
further; what travels on with the request is the principal.
"""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cachetools import TTLCache
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from construction_mcp.core import spans
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NeedsLogin
from construction_mcp.core.types import Principal, local_principal
from construction_mcp.server.exchange import Exchange
from construction_mcp.server.timing import following
from construction_mcp.store.users import Users


@dataclass(frozen=True, slots=True)
class Verified:
    """A principal and, for OAuth, who vouches for it."""

    principal: Principal
    issuer: str | None = None


Verifier = Callable[[str], Awaitable[Verified | None]]
"""Judges one bearer: who it is, or None. Must not raise for anything a caller can send."""

Identify = Callable[[Scope], Awaitable["Caller | None"]]


class Caller(AuthenticatedUser):
    """What the SDK binds a session to. It keeps the principal, not the token."""

    def __init__(self, verified: Verified) -> None:
        principal = verified.principal
        claims = {"iss": verified.issuer} if verified.issuer else None
        super().__init__(AccessToken(token="", client_id=principal.id, scopes=[], subject=principal.id, claims=claims))
        self.principal = principal


def principal_of(ctx: ServerRequestContext[Any, Any]) -> Principal:
    """The verified principal of the HTTP request that carried this message."""
    caller = ctx.request.scope["user"] if ctx.request is not None else None
    assert isinstance(caller, Caller), "every MCP route is behind the gate"
    return caller.principal


def operator(token: str) -> Verifier:
    """The verifier of the generated token."""
    digest = _digest(token)
    verified = Verified(local_principal())

    async def verify(bearer: str) -> Verified | None:
        return verified if hmac.compare_digest(_digest(bearer), digest) else None

    return verify


def people(users: Users) -> Verifier:
    """The verifier of the bearers that `users add` gave out."""

    async def verify(bearer: str) -> Verified | None:
        try:
            return Verified((await users.authenticate(bearer)).principal)
        except NeedsLogin:
            return None

    return verify


def everybody() -> Identify:
    """`--no-auth`: whoever reaches the loopback address is the local person."""
    caller = Caller(Verified(local_principal()))

    async def identify(_: Scope) -> Caller:
        return caller

    return identify


class Bearers:
    """Asks the verifiers in turn, and remembers the answer for `bearer_cache_s`.

    So a warm call costs a hash and a dict lookup, and a revoked or expired bearer is refused that many seconds later at
    the latest. Keyed by digest: the token itself is not kept.
    """

    def __init__(self, verifiers: Sequence[Verifier], clock: Clock, limits: Limits) -> None:
        self._verifiers = verifiers
        self._bytes_max = limits.bearer_bytes_max
        self._known: TTLCache[bytes, Caller | None] = TTLCache(
            limits.bearers_cached_max, limits.bearer_cache_s, timer=clock.monotonic
        )

    async def identify(self, scope: Scope) -> Caller | None:
        """Who sent this request; None without exactly one usable bearer."""
        bearer = _bearer(scope)
        if bearer is None or len(bearer) > self._bytes_max:
            return None
        digest = _digest(bearer)
        try:
            return self._known[digest]
        except KeyError:
            caller = self._known[digest] = await self._ask(bearer)
            return caller

    async def _ask(self, bearer: str) -> Caller | None:
        for verify in self._verifiers:
            if verified := await verify(bearer):
                return Caller(verified)
        return None


class Gate:
    """Lets verified callers through and answers 401 to the others, as RFC 6750 and RFC 9728 say.

    A stream that is open when its bearer ends gets nothing more: before each event the bearer is judged again.
    """

    def __init__(self, app: ASGIApp, identify: Identify, metadata_url: AnyHttpUrl | None = None) -> None:
        self._identify = identify
        self._app = app
        self._refuse = RequireAuthMiddleware(app, [], metadata_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = await self._identify(scope)
        if caller is None:
            await self._refuse(scope, receive, send)
            return
        scope["user"] = caller
        exchange: Exchange = scope["exchange"]
        exchange.is_known = True

        async def send_while_valid(message: Message) -> None:
            if exchange.is_stream and message["type"] == "http.response.body" and await self._has_ended(scope):
                exchange.close()
                return
            await send(message)

        if spans.listener() is None:
            await self._app(scope, receive, send_while_valid)
            return
        with following(scope):
            await self._app(scope, receive, send_while_valid)

    async def _has_ended(self, scope: Scope) -> bool:
        caller = await self._identify(scope)
        return caller is None or caller.principal.id != scope["user"].principal.id


def _bearer(scope: Scope) -> str | None:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1 or values[0][:7].lower() != b"bearer ":
        return None
    token: str = values[0][7:].strip().decode("latin-1")
    return token or None


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
