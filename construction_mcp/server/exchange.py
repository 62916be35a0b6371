"""One HTTP exchange as the house sees it: what is under way, what is a stream, how a stream ends in good order."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from construction_mcp import __version__
from construction_mcp.core.meters import HTTP_REQUESTS, OTHER
from construction_mcp.core.trace import Trace

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Exchange:
    """A request and its answer. `close` makes the application believe the client left; `finish` ends the answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, places: Collection[str]) -> None:
        self.is_stream = False
        self.is_long_lived = scope["method"] == "GET"  # a GET stream carries no call of its own
        self.is_known = False  # by whom it was sent: a stranger learns nothing of what runs here
        self.trace: Trace | None = None  # of the tool call that it carries, once that has its result
        self.status = 0
        self._scope = scope
        self._places = places
        self._started = time.perf_counter()
        self._receive, self._send = receive, send
        self._waiting: CancelScope | None = None
        self._work: CancelScope | None = None
        self._is_closed = False
        self._has_started = False
        self._has_finished = False

    async def receive(self) -> Message:
        if self._is_closed:
            return {"type": "http.disconnect"}
        with CancelScope() as self._waiting:
            return await self._receive()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_started = True
            self.status = message["status"]
            self.is_stream = any(
                name.lower() == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message["headers"]
            )
            if self.is_known:
                message = {**message, "headers": [*message["headers"], *self._told()]}
            if self.is_stream:
                self._count()
        elif not message.get("more_body", False):
            if not (self._has_finished or self.is_stream):
                self._count()
            self._has_finished = True
        await self._send(message)

    @property
    def route(self) -> str:
        """What was asked for, without what differs from one record to the next."""
        path: str = self._scope["path"]
        first = "/" + path.lstrip("/").partition("/")[0]
        if first not in self._places:
            return OTHER
        return first if path in (first, first + "/") else first + "/{rest}"

    def _told(self) -> list[tuple[bytes, bytes]]:
        """What the head says of the answer. The head of an event stream is gone before the call it carries has ended:
        there the version is all that can be said, and the call's `_meta` has the rest.

        Source: W3C Server Timing, section 3; milliseconds.
        """
        told = [(b"x-construction-mcp-version", __version__.encode())]
        if self.trace is None or self.is_stream:
            return told
        trace, total_ms = self.trace, (time.perf_counter() - self._started) * 1000
        parts = f"db;dur={trace.db_ms:.2f}, upstream;dur={trace.upstream_ms:.2f}, total;dur={total_ms:.2f}"
        return [*told, (b"server-timing", parts.encode()), (b"x-cache-status", trace.cache.upper().encode())]

    def _count(self) -> None:
        method = self._scope["method"] if self._scope["method"] in METHODS else OTHER
        HTTP_REQUESTS.observe(time.perf_counter() - self._started, method, self.route, str(self.status))

    def close(self) -> None:
        """End the exchange; an application that waits for the client wakes up as if the client had left."""
        self._is_closed = True
        if self._waiting is not None:
            self._waiting.cancel()

    def ends_with_client(self) -> CancelScope:
        """A block that is cancelled when the client's connection ends: cancellation, on 2026-07-28."""
        self._work = CancelScope()
        return self._work

    def client_left(self) -> None:
        """The connection is gone."""
        if self._work is not None:
            self._work.cancel()

    async def finish(self) -> None:
        """Write the end that the application left out because we told it that nobody listens."""
        if self._is_closed and self._has_started and not self._has_finished:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})


class Exchanges:
    """Outermost middleware: every exchange under way, and none accepted any more once the server drains."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Scope], ASGIApp | None], paths: Iterable[str]) -> None:
        self._app = app
        self._places = frozenset("/" + path.lstrip("/").partition("/")[0] for path in paths)
        self._refuse = refuse
        self._open: set[Exchange] = set()
        self._calls_done = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refuse(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        exchange = scope["exchange"] = Exchange(scope, receive, send, self._places)
        self._open.add(exchange)
        try:
            await self._app(scope, exchange.receive, exchange.send)
            await exchange.finish()
        finally:
            self._open.discard(exchange)
            if not self.answering:
                self._calls_done.set()

    @property
    def answering(self) -> bool:
        """Whether an exchange that owes somebody an answer is under way."""
        return any(not exchange.is_long_lived for exchange in self._open)

    async def answered(self) -> None:
        """Wait until nobody is owed an answer."""
        while self.answering:
            self._calls_done.clear()
            await self._calls_done.wait()

    def close_streams(self) -> None:
        """End what would stay open for ever."""
        for exchange in self._open:
            exchange.close()
