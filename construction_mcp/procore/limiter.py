"""Who may send to Procore next: a queue in front of the ledger, interactive before background.

Nobody waits without an end: a caller says how long it can, and is refused at once when the ledger already shows that
this will not be enough.
"""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from aiolimiter import AsyncLimiter
from cachetools import LRUCache

from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import RateLimited
from construction_mcp.procore.ledger import RateLedger, read_report


class Priority(IntEnum):
    """A person waits for interactive calls; workflows and polling are background."""

    INTERACTIVE = 0
    BACKGROUND = 1


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    order: int
    turn: asyncio.Future[None] = field(compare=False)
    sleep: asyncio.Future[None] | None = field(default=None, compare=False)


class Slot:
    """The right to send one request; tell it what came back."""

    def __init__(self, ledger: RateLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self.sent = True  # set to False when the request never left

    def observe(self, headers: Mapping[str, str]) -> None:
        """Correct the books by the answer's rate headers, if it has readable ones."""
        report = read_report(headers, self._clock.now())
        if report is not None:
            self._ledger.correct(report, self._clock.monotonic())

    def pause(self, seconds: float) -> None:
        """Procore asked everybody to wait."""
        self._ledger.pause(seconds, self._clock.monotonic())


class Standby:
    """Whether all that one caller has under way waits for its turn.

    mark: makes known that it does, or that it goes on; the latter is awaited before anything is sent.
    """

    def __init__(self, mark: Callable[[bool], Awaitable[None]]) -> None:
        self._mark = mark
        self._sent = 0
        self._is_marked = False

    async def wait(self) -> None:
        """One request waits for its turn, perhaps beside others that were sent."""
        if not self._sent and not self._is_marked:
            self._is_marked = True
            await self._mark(True)

    async def go_on(self) -> None:
        """One has its turn, or never will."""
        if self._is_marked:
            self._is_marked = False
            await self._mark(False)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """While one has its turn."""
        self._sent += 1
        try:
            await self.go_on()
            yield
        finally:
            self._sent -= 1


class Smoothing:
    """Spreads background work inside the spike window, so that a person's call finds room in it.

    aiolimiter measures on the event loop's own time, which no injected clock moves. Hence it is only ever a second
    brake below the ledger, real-time only and optional: the guarantee never rests on it.

    An AsyncLimiter(b, t) lets b requests go at once and b/t per second on top, b + b/t * window in all; `retune` picks
    them so that this sum is the share of the spike window that background work may use, not twice that.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._spike_limit = 0
        self._bucket = self.retune(limits.spike_requests)

    def retune(self, spike_limit: int) -> AsyncLimiter:
        """Fit the bucket to the limit Procore reports."""
        if spike_limit != self._spike_limit:
            room = max(2.0, spike_limit * (1 - self._limits.interactive_share))
            burst = max(1.0, room * self._limits.smoothing_burst_share)
            rate_per_s = (room - burst) / self._limits.spike_window_s
            self._spike_limit, self._bucket = spike_limit, AsyncLimiter(burst, burst / rate_per_s)
        return self._bucket

    def has_room(self, spike_limit: int) -> bool:
        """Whether `wait` would return at once."""
        return self.retune(spike_limit).has_capacity()

    async def wait(self, spike_limit: int) -> None:
        """Return when the bucket has room."""
        await self.retune(spike_limit).acquire()


class Limiter:
    """The queue and the ledger of one application."""

    def __init__(self, clock: Clock, limits: Limits, smoothing: Smoothing | None = None) -> None:
        self._clock = clock
        self._limits = limits
        self._smoothing = smoothing
        self._queue: list[_Waiter] = []
        self._order = itertools.count()
        self.ledger = RateLedger(limits)

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return len(self._queue)

    @contextlib.asynccontextmanager
    async def slot(self, priority: Priority, wait_max_s: float, standby: Standby | None = None) -> AsyncIterator[Slot]:
        """Hold the right to send one request; wait for it at most `wait_max_s` seconds, and let `standby` know.

        Raises:
            RateLimited: it will not be free in time; `retry_after_s` says when it can be.
        """
        asked = self._clock.monotonic()
        if standby is not None and not self._is_free(priority):
            await standby.wait()
        try:
            await self._turn(priority, asked, wait_max_s)
        except RateLimited:
            if standby is not None:
                await standby.go_on()
            raise
        meters.UPSTREAM_WAITS.observe(self._clock.monotonic() - asked, priority.name.lower())
        slot = Slot(self.ledger, self._clock)
        try:
            async with contextlib.nullcontext() if standby is None else standby.sending():
                yield slot
        finally:
            self.ledger.finish(self._clock.monotonic(), sent=slot.sent)
            self._serve()

    def _is_free(self, priority: Priority) -> bool:
        """Whether a turn would come at once."""
        background = priority is Priority.BACKGROUND
        if background and self._smoothing is not None and not self._smoothing.has_room(self.ledger.spike.limit):
            return False
        return not self._queue and self.ledger.may_start(self._clock.monotonic(), background=background)

    async def _turn(self, priority: Priority, asked: float, wait_max_s: float) -> None:
        if self._smoothing is not None and priority is Priority.BACKGROUND:
            await self._smooth(self._smoothing, wait_max_s)
        await self._take(priority, asked + wait_max_s)

    async def _smooth(self, smoothing: Smoothing, wait_max_s: float) -> None:
        try:
            async with asyncio.timeout(wait_max_s):
                await smoothing.wait(self.ledger.spike.limit)
        except TimeoutError:
            raise self._refusal(self._limits.spike_window_s) from None

    async def _take(self, priority: Priority, deadline: float) -> None:
        if len(self._queue) >= self._limits.rate_queue_max:
            raise self._refusal(self._limits.spike_window_s)
        waiter = _Waiter(priority, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._queue, waiter)
        self._serve()
        try:
            if not waiter.turn.done():
                self._refuse_the_hopeless(waiter, deadline)
            while not waiter.turn.done():
                await self._turn_or_time(waiter, deadline)
                if self._clock.monotonic() >= deadline and not waiter.turn.done():
                    self._refuse_the_hopeless(waiter, deadline)
                if self._queue and self._queue[0] is waiter:
                    self._serve()
        except BaseException:
            self._leave(waiter)
            raise

    def _serve(self) -> None:
        """Give every slot that is free to whoever is first; then the first of the rest looks at the time again."""
        now = self._clock.monotonic()
        while self._queue and self.ledger.may_start(now, background=self._queue[0].priority is Priority.BACKGROUND):
            self.ledger.start()
            heapq.heappop(self._queue).turn.set_result(None)
        if self._queue and self._queue[0].sleep is not None:
            self._queue[0].sleep.cancel()

    def _refuse_the_hopeless(self, waiter: _Waiter, deadline: float) -> None:
        now = self._clock.monotonic()
        place = 1 + sum(1 for other in self._queue if other < waiter)
        eta = self.ledger.eta(place, now, background=waiter.priority is Priority.BACKGROUND)
        if eta > deadline or now >= deadline:
            raise self._refusal(eta - now)

    async def _turn_or_time(self, waiter: _Waiter, deadline: float) -> None:
        """Until the turn comes or time is up; the first in the queue also wakes when a slot may be free."""
        now = self._clock.monotonic()
        wake_at = deadline
        if self._queue[0] is waiter:
            next_free = self.ledger.eta(1, now, background=waiter.priority is Priority.BACKGROUND)
            wake_at = min(next_free, deadline) if next_free > now else deadline
        waiter.sleep = asyncio.ensure_future(self._clock.sleep(wake_at - now))
        try:
            await asyncio.wait({waiter.turn, waiter.sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.sleep.cancel()

    def _leave(self, waiter: _Waiter) -> None:
        """A waiter that was cancelled or refused takes nothing with it."""
        if waiter.turn.done():
            self.ledger.finish(self._clock.monotonic(), sent=False)
        else:
            self._queue.remove(waiter)
            heapq.heapify(self._queue)
        self._serve()

    def _refusal(self, seconds: float) -> RateLimited:
        return RateLimited(
            "Procore's rate window has no room for this request in time.",
            hint="Repeat after retry_after_s, or ask for less.",
            retry_after_s=round(max(seconds, 1.0), 1),
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """One rate window now: `limit` requests in `window_s` seconds, `left` of them, `waiting` callers in the queue."""

    window_s: float
    limit: int
    left: int
    waiting: int


class Limiters:
    """One limiter per application.

    Procore's pages speak of "your app" here and of per-app quotas there, and other people of quotas per company. One
    ledger for all companies of an app is the strictest reading: right in each case, and only slower in one.
    """

    def __init__(self, clock: Clock, limits: Limits, *, smoothed: bool = False) -> None:
        self._clock = clock
        self._limits = limits
        self._smoothed = smoothed
        self._by_app: LRUCache[str, Limiter] = LRUCache(limits.rate_keys_max)

    def windows(self) -> list[Allowance]:
        """What is left of both windows, per application that has sent something since start."""
        now = self._clock.monotonic()
        return [
            Allowance(window.length_s, window.limit, max(0, window.free(now, background=False)), limiter.waiting)
            for limiter in self._by_app.values()
            for window in (limiter.ledger.hourly, limiter.ledger.spike)
        ]

    def of(self, client_id: str) -> Limiter:
        """The limiter of the application, made on first use."""
        limiter = self._by_app.get(client_id)
        if limiter is None:
            smoothing = Smoothing(self._limits) if self._smoothed else None
            limiter = self._by_app[client_id] = Limiter(self._clock, self._limits, smoothing)
        return limiter
