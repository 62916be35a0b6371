"""Time, injected everywhere so that a test can move it."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the house may ask about time."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC. May jump when a person or NTP moves it."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for durations and deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; zero or less yields once."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until `advance`; sleepers wake in the order of their time."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Move both times forward and wake whoever is due; a sleeper sees the moment it asked for or later."""
        assert seconds >= 0, "use set_now to move the wall clock back"
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)

    def set_now(self, moment: datetime) -> None:
        """Move only the wall clock, as a person or NTP does."""
        assert moment.tzinfo is not None
        self._now = moment

    @property
    def next_wake_s(self) -> float | None:
        """Seconds until the first sleeper is due; None when nobody sleeps."""
        live = [due for due, _, wake in self._sleepers if not wake.done()]
        return max(0.0, min(live) - self._elapsed) if live else None
