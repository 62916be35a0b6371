"""Streamable HTTP at one path: sessions with event streams for older clients, plain JSON for 2026-07-28."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import RequestBodyLimitMiddleware, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Message, Receive, Scope, Send

from construction_mcp.core.config import Limits
from construction_mcp.server.counter import Counter
from construction_mcp.server.exchange import Exchange

_VERSION_HEADER = MCP_PROTOCOL_VERSION_HEADER.encode()
_HANDSHAKE_VERSIONS = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)
# A modern request that may get notifications before its answer: it asked for progress or log messages, or listens.
_WANTS_STREAM = (b"progressToken", b"logLevel", b"subscriptions/listen")


class Streamable:
    """An ASGI application over two of the SDK's session managers, which differ in how they frame an answer.

    Older sessions are framed as events, or a tool could not ask mid-call and progress would be lost. A modern request
    needs that only when it wants to hear something before its answer; without one it is spared the stream, and where
    it is a plain read that the counter answers, the SDK.
    """

    def __init__(
        self, server: Server[Any], security: TransportSecuritySettings, limits: Limits, counter: Counter | None = None
    ) -> None:
        self._counter = counter

        def manager(*, json_response: bool) -> StreamableHTTPSessionManager:
            return StreamableHTTPSessionManager(
                server,
                json_response=json_response,
                security_settings=security,
                session_idle_timeout=limits.session_idle_s,
                max_request_body_size=limits.frame_bytes_max,
                max_sessions=limits.sessions_max,
            )

        self._streams = manager(json_response=False)
        self._plain = manager(json_response=True)
        self._bounded_plain = RequestBodyLimitMiddleware(self._modern, limits.frame_bytes_max)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve; sessions end with the block."""
        async with self._streams.run(), self._plain.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        version = next((value for name, value in scope["headers"] if name == _VERSION_HEADER), None)
        if version is None or version in _HANDSHAKE_VERSIONS or scope["method"] != "POST":
            await self._streams.handle_request(scope, receive, send)
        else:
            await self._bounded_plain(scope, receive, send)

    async def _modern(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()
        unread = [first]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        if any(word in first.get("body", b"") for word in _WANTS_STREAM):
            await self._streams.handle_request(scope, replay, send)
            return
        exchange: Exchange = scope["exchange"]
        with exchange.ends_with_client():
            if self._counter is not None and not first.get("more_body"):
                answer = await self._counter.answer(scope, first.get("body", b""))
                if answer is not None:
                    await _send_json(answer, send)
                    return
            await self._plain.handle_request(scope, replay, send)


async def _send_json(body: bytes, send: Send) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
