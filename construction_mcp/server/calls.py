"""Which MCP requests are under way, whatever transport carries them."""

import asyncio
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

_LISTEN = "subscriptions/listen"  # a stream, not a call: it ends when the server says so


class CallsUnderWay:
    """Server middleware that counts requests, so that a drain knows when the last one is answered."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.request_id is None or ctx.method == _LISTEN:
            return await call_next(ctx)
        self._count += 1
        self._idle.clear()
        try:
            return await call_next(ctx)
        finally:
            self._count -= 1
            if self._count == 0:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await self._idle.wait()
