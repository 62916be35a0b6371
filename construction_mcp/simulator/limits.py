"""Two rate windows at once, and the headers that describe the one that will be hit first (FACTS 3)."""

from dataclasses import dataclass

from construction_mcp.simulator.answers import Refused
from construction_mcp.simulator.world import World

# The numbers of Procore's "Rate Limiting" page: examples there, not promises.
DOCS_WINDOWS = ((600, 3600.0), (25, 10.0))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the headers say: of the window with the fewest requests left."""

    limit: int
    remaining: int
    reset_at: int  # Unix seconds
    wait_s: float  # until that window begins anew
    allowed: bool


@dataclass(slots=True)
class _Window:
    limit: int
    length_s: float
    ends_at: float = 0.0  # on the monotonic clock
    used: int = 0


def parse_windows(text: str) -> tuple[tuple[int, float], ...]:
    """`docs`, `off`, or `N/seconds,N/seconds`; a ValueError says what is wrong."""
    if text == "docs":
        return DOCS_WINDOWS
    if text == "off":
        return ()
    windows = []
    for part in text.split(","):
        count, slash, seconds = part.partition("/")
        if not slash or not count.strip().isdigit() or int(count) < 1 or not _is_positive(seconds):
            raise ValueError(f"--rate-limit is docs, off or N/seconds,N/seconds; not {text!r}")
        windows.append((int(count), float(seconds)))
    return tuple(windows)


def _is_positive(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


class RateWindows:
    """Counts requests per app. A window begins with the first request after the last one ended; a refused request
    does not count."""

    def __init__(self, world: World, windows: tuple[tuple[int, float], ...]) -> None:
        self._world = world
        self._windows = windows
        self._counters: dict[str, list[_Window]] = {}

    def take(self, key: str) -> Reading | None:
        """Count one request; None when there are no limits."""
        if not self._windows:
            return None
        now = self._world.clock.monotonic()
        counters = self._counters.setdefault(key, [_Window(limit, length) for limit, length in self._windows])
        for window in counters:
            if now >= window.ends_at:
                window.ends_at, window.used = now + window.length_s, 0
        spent = [window for window in counters if window.used >= window.limit]
        if not spent:
            for window in counters:
                window.used += 1
        # Of several spent windows the one that ends last is the one that counts.
        told = max(spent, key=_end) if spent else min(counters, key=lambda window: window.limit - window.used)
        wait_s = told.ends_at - now
        reset_at = int(self._world.clock.now().timestamp() + wait_s + 0.999)
        return Reading(told.limit, told.limit - told.used, reset_at, wait_s, not spent)

    def headers(self, reading: Reading | None) -> dict[str, str]:
        """On every response; a switch can take them away or make them lie."""
        if reading is None or self._world.switches.rate_headers == "absent":
            return {}
        remaining, reset_at = reading.remaining, reading.reset_at
        if self._world.switches.rate_headers == "wrong":
            remaining, reset_at = reading.limit, int(self._world.clock.now().timestamp()) - 60
        return {
            "X-Rate-Limit-Limit": str(reading.limit),
            "X-Rate-Limit-Remaining": str(remaining),
            "X-Rate-Limit-Reset": str(reset_at),
        }

    def refusal(self, reading: Reading) -> Refused:
        """429; which header tells when to come back is a contradiction of the docs (FACTS 13.1)."""
        told_by = self._world.switches.throttle_answer
        headers = {"Retry-After": str(int(reading.wait_s + 0.999))} if told_by != "reset" else {}
        message = "You have surpassed the max number of requests. Please wait until your limit resets."
        return Refused(429, message, headers=headers)

    def reset(self) -> None:
        self._counters.clear()

    def public(self) -> list[dict[str, float]]:
        return [{"limit": limit, "window_s": length} for limit, length in self._windows]


def _end(window: _Window) -> float:
    return window.ends_at
