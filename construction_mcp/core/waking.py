"""Waiting for whichever comes first: being rung for, or a moment."""

import asyncio

from construction_mcp.core.clock import Clock


class Bell:
    """Rung by whoever changed something; one service waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There may be something to do now; rings before a wait end it at once."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when rung, or after `seconds` of the clock."""
        waits = {asyncio.ensure_future(self._rung.wait()), asyncio.ensure_future(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self._rung.clear()


class Arrivals(Bell):
    """Rung when a delivery was stored: it waits to be decided, or has started something."""
