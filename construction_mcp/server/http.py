"""The one HTTP application: MCP in both eras and over legacy SSE, health, and the routes other rooms pass in."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable
from construction_mcp.server.auth import Gate, Identify
from construction_mcp.server.calls import CallsUnderWay
from construction_mcp.server.compression import Compression
from construction_mcp.server.counter import Counter
from construction_mcp.server.exchange import Exchanges
from construction_mcp.server.health import Readiness, health_routes
from construction_mcp.server.sse import MESSAGES_PATH, LegacySse
from construction_mcp.server.streamable import Streamable

MCP_PATH = "/mcp"
SSE_PATH = "/sse"
DRAINING = "draining"
_NAMES_REMEMBERED_MAX = 64  # pairs of Host and Origin that passed; a port wildcard allows 65,536
_ALWAYS = frozenset({"/healthz", "/readyz"})

Routes: TypeAlias = Sequence[BaseRoute]


class HttpFace:
    """The application of one server, and how to end it in good order."""

    def __init__(
        self,
        server: Server[Any],
        *,
        identify: Identify,
        security: TransportSecuritySettings,
        limits: Limits,
        readiness: Readiness,
        metadata_url: AnyHttpUrl | None = None,
        routes: Routes = (),
        counter: Counter | None = None,
    ) -> None:
        self._server = server
        self._readiness = readiness
        self._calls = CallsUnderWay()
        server.middleware.insert(0, self._calls)
        self._streamable = Streamable(server, security, limits, counter)
        sse = LegacySse(server, security, limits)

        def behind_gate(app: ASGIApp) -> Gate:
            return Gate(app, identify, metadata_url)

        mcp = behind_gate(self._streamable)
        starlette = Starlette(
            routes=[
                Route(MCP_PATH, mcp),
                Route(SSE_PATH, behind_gate(sse)),
                Route(MESSAGES_PATH, behind_gate(sse.messages)),
                *health_routes(readiness),
                *routes,
            ],
            lifespan=self._lifespan,
        )
        checked = HostCheck(
            Compression(Doors({MCP_PATH: mcp}, starlette), limits.gzip_bytes_min, limits.gzip_level), security
        )
        paths = [route.path for route in starlette.routes if isinstance(route, Route)]
        self._exchanges = Exchanges(checked, self._refusal, paths)
        self.app: ASGIApp = self._exchanges

    def drain(self) -> None:
        """Accept no new work. `/readyz` says so; subscriptions get their final message."""
        self._readiness.hold(DRAINING)
        listen = self._server.get_request_handler("subscriptions/listen")
        close: Callable[[], None] | None = getattr(listen.handler, "close", None) if listen else None
        if close is not None:
            close()

    async def answered(self) -> None:
        """Wait until every call that was accepted has its answer."""
        await self._calls.idle()
        await self._exchanges.answered()

    def close_streams(self) -> None:
        """End the streams that clients hold open to hear from us."""
        self._exchanges.close_streams()

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """While draining, only what belongs to a conversation under way goes on: it may be the answer to a question."""
        if DRAINING not in self._readiness.reasons or scope["path"] in _ALWAYS:
            return None
        has_session = scope["path"] == MESSAGES_PATH or any(name == b"mcp-session-id" for name, _ in scope["headers"])
        if scope["method"] == "POST" and has_session:
            return None
        error = Unavailable("The server is ending.", code="SYSTEM_SHUTTING_DOWN", retry_after_s=5)
        return JSONResponse(error.public(), 503, {"retry-after": "5", "connection": "close"})

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._streamable.run():
            yield


class Doors:
    """Sends the busiest path straight to its application, past Starlette's router and error pages."""

    def __init__(self, doors: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._doors = doors
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        await self._doors.get(path, self._others)(scope, receive, send)


class HostCheck:
    """Refuses requests addressed to a name that is not ours, and pages of other origins (DNS rebinding).

    The SDK's transports check again; this covers every other route, and comes before the bearer is looked at. Health is
    exempt: a load balancer calls it by address.
    """

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._check = TransportSecurityMiddleware(security)
        self._passed: set[tuple[bytes, ...]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _ALWAYS:
            said = tuple(value for name, value in scope["headers"] if name in {b"host", b"origin"})
            if said not in self._passed:
                refusal = await self._check.validate_request(Request(scope))
                if refusal is not None:
                    await refusal(scope, receive, send)
                    return
                if len(self._passed) < _NAMES_REMEMBERED_MAX:
                    self._passed.add(said)
        await self._app(scope, receive, send)
