"""What one call cost: filled by the store, the client and the caches, told to the caller in `_meta`."""

import time
from contextvars import ContextVar
from typing import Any


class Trace:
    """Counters of one call. Touched on the event loop only."""

    __slots__ = ("_started", "cache", "db_ms", "db_queries", "upstream_ms", "upstream_requests")

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.db_ms = 0.0
        self.db_queries = 0
        self.upstream_ms = 0.0
        self.upstream_requests = 0
        self.cache = "bypass"

    @property
    def duration_s(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._started

    def public(self) -> dict[str, Any]:
        """The block under `construction-mcp/trace`; milliseconds to two places."""
        return {
            "duration_ms": round(self.duration_s * 1000, 2),
            "db_ms": round(self.db_ms, 2),
            "db_queries": self.db_queries,
            "upstream_ms": round(self.upstream_ms, 2),
            "upstream_requests": self.upstream_requests,
            "cache": self.cache,
        }


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)
