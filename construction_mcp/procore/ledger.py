"""Our own books of Procore's rate windows, corrected by what every answer reports. Pure: time is an argument.

Procore counts requests of an hour and of ten seconds and reports, on every answer, the one of the two that will be hit
first: allowed, left, and the Unix second of its reset. The books assume the strictest reading: both windows slide, and
a request counts from the moment it may leave until a full window after its answer came, since nobody knows when in
between Procore counted it. So a fixed window on the other side is never exceeded either.

Source: Procore "Rate Limiting" (X-Rate-Limit-Limit, -Remaining, -Reset; numbers there are examples, not promises).
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from construction_mcp.core.config import Limits

_RESET_SLACK_S = 2.0  # Procore's seconds are whole and its clock is not ours
_LIMIT_BELIEVED_MAX = 1_000_000
_MARGIN_S = 0.01  # a slot is used again strictly after it left the window


@dataclass(frozen=True, slots=True)
class RateReport:
    """What one answer says of one window; `reset_in_s` is relative and may be nonsense."""

    limit: int
    remaining: int
    reset_in_s: float


def read_report(headers: Mapping[str, str], now: datetime) -> RateReport | None:
    """The answer's report, or None when a part is missing or no number."""
    limit = _number(headers.get("x-rate-limit-limit"))
    remaining = _number(headers.get("x-rate-limit-remaining"))
    reset = _number(headers.get("x-rate-limit-reset"))
    if limit is None or remaining is None or reset is None or not 1 <= limit <= _LIMIT_BELIEVED_MAX:
        return None
    return RateReport(limit, min(remaining, limit), reset - now.timestamp())


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


@dataclass(slots=True)
class _Cap:
    """What Procore says is left, less what was under way when it said so."""

    left: int
    until: float


class Window:
    """One window: requests under way, and the moments at which finished ones leave it."""

    def __init__(self, limit: int, length_s: float, share_kept: float, flying: int = 0) -> None:
        self.limit = limit
        self.length_s = length_s
        self._share_kept = share_kept
        self._leaving: deque[float] = deque()  # in order: requests finish in the order of time
        self.flying = flying
        self._cap: _Cap | None = None

    def free(self, now: float, *, background: bool) -> int:
        """Requests that may leave now; background work leaves the kept share alone. May be negative."""
        self._forget(now)
        free = self.limit - self.flying - len(self._leaving)
        if self._cap is not None:
            free = min(free, self._cap.left)
        return free - self._kept(background)

    def eta(self, count: int, now: float, *, background: bool) -> float:
        """The earliest moment at which `count` requests could have left, if all under way ended now."""
        self._forget(now)
        room = max(1, self.limit - self._kept(background))
        used = self.flying + len(self._leaving)
        short = count - (room - used)
        moment = now
        if short > 0:
            # The oldest leave first; then those under way and those starting now; each further round waits again.
            rounds, place = divmod(short - 1, max(room, used))
            leaves = self._leaving[place] if place < len(self._leaving) else now + self.length_s
            moment = leaves + rounds * self.length_s
        if self._cap is not None and self._cap.left + self.flying - self._kept(background) < count:
            moment = max(moment, self._cap.until)
        return moment

    def start(self) -> None:
        """A request leaves."""
        self.flying += 1
        if self._cap is not None:
            self._cap.left -= 1

    def finish(self, now: float, *, sent: bool) -> None:
        """Its answer came or will not come; unsent ones never counted."""
        self.flying -= 1
        if sent:
            self._leaving.append(now + self.length_s + _MARGIN_S)
        elif self._cap is not None:
            self._cap.left += 1

    def correct(self, report: RateReport, now: float) -> None:
        """Believe the answer's limit, and its remainder until its reset; at most one window ahead."""
        self.limit = report.limit
        ahead_s = min(report.reset_in_s, self.length_s)
        if ahead_s <= 0:
            if report.remaining > 0:
                self._cap = None
                return
            ahead_s = min(self.length_s, 10.0)  # nothing left and a reset in the past: the clocks differ
        # The request that brought this report has been counted; the others under way may not have been.
        self._cap = _Cap(report.remaining - max(0, self.flying - 1), now + ahead_s)

    def _kept(self, background: bool) -> int:
        return math.floor(self.limit * self._share_kept) if background else 0

    def _forget(self, now: float) -> None:
        while self._leaving and self._leaving[0] <= now:
            self._leaving.popleft()
        if self._cap is not None and self._cap.until <= now:
            self._cap = None


class RateLedger:
    """The windows of one application, and any pause Procore asked for.

    Two are documented. A report that fits neither (people have met 100 a minute) is learned as a third: its limit, and
    as its length the furthest reset it has shown. The assumed ones stay, so that a wrong guess only makes us slower.
    """

    def __init__(self, limits: Limits) -> None:
        self._share_kept = limits.interactive_share
        self._spike_limit_max = limits.spike_requests_max
        self._pause_max_s = limits.header_wait_max_s
        self.hourly = Window(limits.hourly_requests, limits.hourly_window_s, self._share_kept)
        self.spike = Window(limits.spike_requests, limits.spike_window_s, self._share_kept)
        self._windows = [self.spike, self.hourly]
        self._paused_until = 0.0

    def may_start(self, now: float, *, background: bool) -> bool:
        """Whether one more request may leave now."""
        return self._paused_until <= now and all(
            window.free(now, background=background) > 0 for window in self._windows
        )

    def eta(self, count: int, now: float, *, background: bool) -> float:
        """The earliest moment at which `count` requests could have left; never too late, sometimes too early."""
        return max(self._paused_until, *(window.eta(count, now, background=background) for window in self._windows))

    def start(self) -> None:
        """One request leaves."""
        for window in self._windows:
            window.start()

    def finish(self, now: float, *, sent: bool = True) -> None:
        """One request ended."""
        for window in self._windows:
            window.finish(now, sent=sent)

    def correct(self, report: RateReport, now: float) -> None:
        """Take in the report of a request that is still counted as under way."""
        self._window_of(report).correct(report, now)

    def pause(self, seconds: float, now: float) -> None:
        """Procore refused for its load or our count: nothing leaves for so long."""
        self._paused_until = max(self._paused_until, now + min(seconds, self._pause_max_s))

    def _window_of(self, report: RateReport) -> Window:
        """The report does not name its window: by its limit when that is known, else by how far the reset is."""
        for window in self._windows:
            if report.limit == window.limit:
                return self._widened(window, report)
        is_near = report.reset_in_s <= self.spike.length_s + _RESET_SLACK_S
        if is_near and report.limit <= self._spike_limit_max:
            return self.spike
        return self.hourly if report.limit > self.hourly.limit else self._learned(report)

    def _widened(self, window: Window, report: RateReport) -> Window:
        if window not in (self.spike, self.hourly):
            window.length_s = max(window.length_s, min(report.reset_in_s, self.hourly.length_s))
        return window

    def _learned(self, report: RateReport) -> Window:
        """A window of its own for this limit, in place of one learned before."""
        length_s = min(max(report.reset_in_s, self.spike.length_s), self.hourly.length_s)
        window = Window(report.limit, length_s, self._share_kept, flying=self.spike.flying)
        self._windows = [self.spike, self.hourly, window]
        return window
