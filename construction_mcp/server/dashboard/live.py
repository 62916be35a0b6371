"""Tells open pages that something changed; what changed they read for themselves, as whoever looks."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.ports import Listing
from construction_mcp.server.dashboard.layout import HEADERS
from construction_mcp.server.dashboard.login import Entrance

_HEAD = {
    **HEADERS,
    "content-type": "text/event-stream; charset=utf-8",
    "x-accel-buffering": "no",  # nginx would hold events back
}
_HELLO = b"retry: 5000\n\n"
_NEWS = b"event: news\ndata:\n\n"


class News:
    """Hears of changes from the house and wakes every open stream."""

    def __init__(self) -> None:
        self._bells: set[asyncio.Event] = set()

    async def resource_updated(self, _uri: str) -> None:
        self.ring()

    async def listing_changed(self, _listing: Listing) -> None:
        """Pages list no tools."""

    def ring(self) -> None:
        """Something is not as it was."""
        for bell in self._bells:
            bell.set()

    @property
    def listeners(self) -> int:
        return len(self._bells)

    def listen(self) -> asyncio.Event:
        """Set with each change until `leave`."""
        bell = asyncio.Event()
        self._bells.add(bell)
        return bell

    def leave(self, bell: asyncio.Event) -> None:
        self._bells.discard(bell)


class LiveStream:
    """The ASGI application of one stream: an event for each burst of changes, and one now and then for the ages.

    It ends with its session: before each event the bearer behind it is judged again.
    """

    def __init__(self, news: News, entrance: Entrance, clock: Clock, limits: Limits) -> None:
        self._news = news
        self._entrance = entrance
        self._clock = clock
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request({**scope, "headers": [*scope["headers"], (b"x-asked-by", b"script")]})
        refusal = await self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        bell, gone = self._news.listen(), asyncio.ensure_future(_until_gone(receive))
        try:
            headers = [(name.encode(), value.encode()) for name, value in _HEAD.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": _HELLO, "more_body": True})
            while await self._has_news(bell, gone) and await self._entrance.visit(request) is not None:
                await send({"type": "http.response.body", "body": _NEWS, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._news.leave(bell)
            gone.cancel()

    async def _refusal(self, request: Request) -> Response | None:
        if request.method != "GET":
            return Response(status_code=405, headers={"allow": "GET"})
        if await self._entrance.visit(request) is None:
            return Response(status_code=401, headers=HEADERS)
        if self._news.listeners >= self._limits.dashboard_streams_max:
            return Response(status_code=503, headers={**HEADERS, "retry-after": "60"})
        return None

    async def _has_news(self, bell: asyncio.Event, gone: "asyncio.Future[None]") -> bool:
        """Wait for a change and let its burst settle, or for the next beat; False when the reader left."""
        rung = asyncio.ensure_future(_rung(bell))
        beat = asyncio.ensure_future(self._clock.sleep(self._limits.dashboard_beat_s))
        try:
            await asyncio.wait({rung, beat, gone}, return_when=asyncio.FIRST_COMPLETED)
            if rung.done() and not gone.done():
                settled = asyncio.ensure_future(self._clock.sleep(self._limits.dashboard_settle_s))
                await asyncio.wait({settled, gone}, return_when=asyncio.FIRST_COMPLETED)
                settled.cancel()
        finally:
            rung.cancel()
            beat.cancel()
        bell.clear()
        return not gone.done()


async def _rung(bell: asyncio.Event) -> None:
    await bell.wait()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
