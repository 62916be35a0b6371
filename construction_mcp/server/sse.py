"""The transport of 2024-11-05 clients: one event stream per client, messages posted beside it."""

import logging
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from construction_mcp.core.config import Limits

log = logging.getLogger(__name__)

MESSAGES_PATH = "/messages/"


class LegacySse:
    """`/sse` and `/messages/` for one server."""

    def __init__(self, server: Server[Any], security: TransportSecuritySettings, limits: Limits) -> None:
        self._server = server
        self._transport = SseServerTransport(MESSAGES_PATH, security, limits.frame_bytes_max)
        self._sessions_max = limits.sessions_max
        self._sessions = 0
        self.messages = _Messages(self._transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client for as long as it reads."""
        if scope["method"] != "GET":
            await PlainTextResponse("Method Not Allowed", 405, {"allow": "GET"})(scope, receive, send)
            return
        if self._sessions >= self._sessions_max:
            await PlainTextResponse("Too many open sessions", 503, {"retry-after": "5"})(scope, receive, send)
            return
        self._sessions += 1
        try:
            async with self._transport.connect_sse(scope, receive, send) as (incoming, outgoing):
                await self._server.run(incoming, outgoing, self._server.create_initialization_options())
        finally:
            self._sessions -= 1


class _Messages:
    """An ASGI application, not a bound method: Starlette would take that for a request handler."""

    def __init__(self, transport: SseServerTransport) -> None:
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._transport.handle_post_message(scope, receive, send)
