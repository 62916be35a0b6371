"""One HTTP exchange as the house sees it: what is under way, what is a stream, how a stream ends in good order."""

import asyncio
from collections.abc import Callable

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Exchange:
    """A request and its answer. `close` makes the application believe the client left; `finish` ends the answer."""

    def __init__(self, method: str, receive: Receive, send: Send) -> None:
        self.is_stream = False
        self.is_long_lived = method == "GET"  # a GET stream carries no call of its own
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
            self.is_stream = any(
                name.lower() == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message["headers"]
            )
        elif not message.get("more_body", False):
            self._has_finished = True
        await self._send(message)

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

    def __init__(self, app: ASGIApp, refuse: Callable[[Scope], ASGIApp | None]) -> None:
        self._app = app
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
        exchange = scope["exchange"] = Exchange(scope["method"], receive, send)
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
