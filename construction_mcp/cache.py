"""Answers kept for a while: bounded, with a life per entry, one load per key at a time, and tags to forget them by.

Every key names the connection and company it was read for, so nobody meets another's answer. Values are shared between
callers and must not be changed by them.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from cachetools import TLRUCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.meters import CacheCounts
from construction_mcp.core.trace import current_trace

T = TypeVar("T")


class Key(NamedTuple):
    """What was asked, and on whose behalf; `company` is None for what belongs to the connection as a whole."""

    connection: str
    company: int | None
    what: Hashable


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Any]
    waiters: int = 0


class SingleFlight:
    """One run per key at a time; whoever asks meanwhile gets the same result.

    A waiter's cancellation does not touch the others. When the last one leaves, the run is cancelled too, unless it
    was started with `finish`: then it ends by itself.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    def is_flying(self, key: Hashable) -> bool:
        """Whether a run for the key is under way."""
        return key in self._flights

    async def run(self, key: Hashable, start: Callable[[], Awaitable[T]], *, finish: bool = False) -> T:
        """The result of the run under way for `key`, or of a new one.

        Raises:
            Unavailable: the process is ending.
        """
        flight = self._flights.get(key) or self._take_off(key, start)
        flight.waiters += 1
        try:
            await asyncio.wait({flight.task})
        finally:
            flight.waiters -= 1
            if flight.waiters == 0 and not flight.task.done() and not finish:
                self._land(key, flight)
                flight.task.cancel()
        if flight.task.cancelled():
            raise Unavailable("The server is ending.", code="SYSTEM_SHUTTING_DOWN")
        result: T = flight.task.result()
        return result

    async def settled(self, key: Hashable) -> None:
        """Return when no run for the key is under way any more, however it ended."""
        while (flight := self._flights.get(key)) is not None:
            await asyncio.wait({flight.task})
            await asyncio.sleep(0)  # its done callback takes it out of the table

    async def aclose(self, patience_s: float = 0.0) -> None:
        """Give what is under way `patience_s` seconds of real time, cancel the rest and wait for it."""
        tasks = [flight.task for flight in self._flights.values()]
        if tasks and patience_s > 0:
            await asyncio.wait(tasks, timeout=patience_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_off(self, key: Hashable, start: Callable[[], Awaitable[T]]) -> _Flight:
        async def fly() -> T:
            return await start()

        # The table owns the task until it lands, and aclose ends it; it cannot belong to one waiter's scope.
        flight = self._flights[key] = _Flight(asyncio.get_running_loop().create_task(fly()))
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    def _landed(self, key: Hashable, flight: _Flight, task: asyncio.Task[Any]) -> None:
        self._land(key, flight)
        if not task.cancelled():
            task.exception()  # retrieved here, since every waiter may have left

    def _land(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    ttl_s: float
    stamp: tuple[int, ...] = field(repr=False)


_RANK = {"bypass": 0, "hit": 1, "coalesced": 2, "miss": 3}


class Cache:
    """A TTL cache on the injected clock.

    Forgetting by tag is a change of the tag's generation: an entry counts only while the generations it was *asked
    for* under still hold, so a load that was under way during a write is neither kept nor joined after it.
    """

    def __init__(self, clock: Clock, *, entries_max: int) -> None:
        self._entries: TLRUCache[Hashable, _Entry] = TLRUCache(
            entries_max, ttu=lambda _key, entry, now: now + entry.ttl_s, timer=clock.monotonic
        )
        self._tags_max = entries_max * 4
        self._generations: dict[str, int] = {}
        self._next = itertools.count(1)
        self._flights = SingleFlight()
        self.counts = CacheCounts()

    async def get(
        self,
        key: Key,
        load: Callable[[], Awaitable[T]],
        *,
        ttl_s: float,
        tags: Iterable[str] = (),
        lane: Hashable = None,
    ) -> T:
        """The kept answer, or the one being loaded, or a new one; `ttl_s` 0 shares a load and keeps nothing.

        Loads are shared within a `lane` only: a person must not wait for the same read queued as background work.
        """
        names = tuple(tags)
        stamp = self._stamp(key, names)
        entry = self._entries.get(key)
        if entry is not None and entry.stamp == stamp:
            self._count("hit")
            kept: T = entry.value
            return kept
        flight = (key, stamp, lane)
        self._count("coalesced" if self._flights.is_flying(flight) else "miss")

        async def load_and_keep() -> T:
            value = await load()
            if ttl_s > 0 and self._stamp(key, names) == stamp:
                self._entries[key] = _Entry(value, ttl_s, stamp)
            return value

        return await self._flights.run(flight, load_and_keep)

    def note_bypass(self) -> None:
        """Count a read that went past the cache on purpose."""
        self._count("bypass")

    def invalidate(self, *tags: str) -> None:
        """Forget everything read under any of these tags, loads under way included."""
        if len(self._generations) + len(tags) > self._tags_max:
            self.clear()  # so that the table of generations stays bounded and no invalidation is ever lost
        for tag in tags:
            self._generations[tag] = next(self._next)
        self.counts.invalidated += len(tags)

    def forget_connection(self, connection: str) -> None:
        """Nothing read through the connection stays."""
        self.invalidate(f"connection:{connection}")

    def forget_company(self, company: int) -> None:
        """Nothing read about the company stays."""
        self.invalidate(f"company:{company}")

    def clear(self) -> None:
        """Forget everything; loads under way end without being kept."""
        self._entries.clear()
        self._generations.clear()
        self._generations["*"] = next(self._next)

    def __len__(self) -> int:
        return len(self._entries)

    async def aclose(self) -> None:
        """End the loads under way."""
        await self._flights.aclose()

    def _stamp(self, key: Key, tags: Iterable[str]) -> tuple[int, ...]:
        names = ("*", f"connection:{key.connection}", f"company:{key.company}", *tags)
        return tuple(self._generations.get(name, 0) for name in names)

    def _count(self, how: str) -> None:
        setattr(self.counts, how, getattr(self.counts, how) + 1)
        trace = current_trace.get()
        if trace is not None and _RANK[how] > _RANK[trace.cache]:
            trace.cache = how  # a call with several reads tells its costliest
