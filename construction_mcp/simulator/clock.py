"""The simulator's own time: a clock of the house plus an offset that `POST /_sim/advance` moves."""

import asyncio
from datetime import datetime, timedelta

from construction_mcp.core.clock import Clock


class OffsetClock:
    """`inner` seen from `offset_s` seconds later. Advancing wakes sleepers that became due."""

    def __init__(self, inner: Clock, offset_s: float = 0.0) -> None:
        self._inner = inner
        self.offset_s = offset_s
        self._moved = asyncio.Event()
        self._restarts = 0

    def now(self) -> datetime:
        return self._inner.now() + timedelta(seconds=self.offset_s)

    def monotonic(self) -> float:
        return self._inner.monotonic() + self.offset_s

    def advance(self, seconds: float) -> None:
        """Move this clock only; the inner one, and everybody else's time, stays."""
        assert seconds >= 0
        self.offset_s += seconds
        self._wake_sleepers()

    def restart(self) -> None:
        """Drop the offset; whoever sleeps wakes, because what they waited for is gone."""
        self.offset_s = 0.0
        self._restarts += 1
        self._wake_sleepers()

    async def sleep(self, seconds: float) -> None:
        due, restarts = self.monotonic() + seconds, self._restarts
        while (left := due - self.monotonic()) > 0 and restarts == self._restarts:
            moved = self._moved
            waits = {asyncio.ensure_future(self._inner.sleep(left)), asyncio.ensure_future(moved.wait())}
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _wake_sleepers(self) -> None:
        woken, self._moved = self._moved, asyncio.Event()
        woken.set()
