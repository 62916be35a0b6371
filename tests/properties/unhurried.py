"""`construction-mcp` on a clock that leaps over its waits: Procore's rate windows hold, and nobody sits them out."""

import asyncio
import sys
from datetime import datetime, timedelta

from construction_mcp import __main__, bootstrap
from construction_mcp.core.clock import SystemClock


class LeapingClock(SystemClock):
    """The machine's time and on top of it every wait that was asked for."""

    def __init__(self) -> None:
        self._leapt_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._leapt_s)

    def monotonic(self) -> float:
        return super().monotonic() + self._leapt_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._leapt_s += max(0.0, seconds)


if __name__ == "__main__":
    bootstrap.SystemClock = LeapingClock  # a process of its own: nothing else sees it
    sys.exit(__main__.main())
