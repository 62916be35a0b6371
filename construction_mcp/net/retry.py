"""When to try again: exponential backoff with full jitter, and what Retry-After says.

Source: RFC 9110 section 10.2.3 (Retry-After: seconds or an HTTP date); "full jitter" draws the whole delay at random,
which spreads a crowd of clients better than a jitter around a fixed delay.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between tries: uniform in [0, min(max_s, first_s * 2^n)]."""

    first_s: float
    max_s: float
    rng: random.Random = field(default_factory=random.SystemRandom, repr=False)

    def delay_s(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure, counted from 1."""
        assert failures >= 1
        ceiling = min(self.max_s, self.first_s * 2 ** min(failures - 1, 32))
        return self.rng.uniform(0.0, ceiling)


def retry_after_s(value: str | None, now: datetime, *, max_s: float) -> float | None:
    """Seconds a Retry-After header asks for, in 0..max_s; None when it is absent or unreadable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:19]), max_s)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # "-0000" in an HTTP date means UTC
    return min(max((moment - now).total_seconds(), 0.0), max_s)
