"""Running one statement on the connection thread: timed, limited, logged without its values."""

import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from construction_mcp.core import meters, spans
from construction_mcp.core.config import Limits
from construction_mcp.store.queries import Query

log = logging.getLogger(__name__)

_TIERS = (("error", logging.ERROR), ("warning", logging.WARNING), ("info", logging.INFO))
_OPCODES_PER_CHECK = 100_000  # between two looks at the clock; each takes the interpreter from the event loop


class Ran(NamedTuple):
    """One statement that ran: `began_ns` since 1970."""

    name: str
    began_ns: int
    took_ns: int


@dataclass(slots=True)
class Counts:
    """Statements since the database was opened."""

    statements: int = 0
    slow: dict[str, int] = field(default_factory=lambda: {"info": 0, "warning": 0, "error": 0})


class Statements:
    """Runs statements on one connection; used on its thread only."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits, *, log_all: bool) -> None:
        self.connection = connection
        self.counts = Counts()
        self._limit_s = limits.statement_timeout_s
        self._tiers_ms = tuple(reversed(limits.statement_slow_ms))
        self._alert_ms = limits.statement_alert_ms
        self._log_all = log_all
        self._deadline = float("inf")
        self.told: list[Ran] = []  # of the function that runs, while somebody listens to spans
        connection.set_progress_handler(self._is_late, _OPCODES_PER_CHECK)

    def rows(self, query: Query, parameters: Mapping[str, Any]) -> list[sqlite3.Row]:
        """All rows of one statement.

        Raises:
            sqlite3.Error: as SQLite reports it; SQLITE_INTERRUPT when the statement limit is reached.
        """
        return self._timed(query, parameters)[0]

    def changed(self, query: Query, parameters: Mapping[str, Any]) -> int:
        """The number of rows one statement changed."""
        return self._timed(query, parameters)[1]

    def changed_each(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> int:
        """The same for each of several sets of parameters; timed and limited as one statement."""
        started = time.perf_counter()
        self._deadline = started + self._limit_s
        try:
            return self.connection.executemany(query.text, rows).rowcount
        finally:
            self._deadline = float("inf")
            self._account(query, started)

    def _timed(self, query: Query, parameters: Mapping[str, Any]) -> tuple[list[sqlite3.Row], int]:
        started = time.perf_counter()
        self._deadline = started + self._limit_s
        try:
            cursor = self.connection.execute(query.text, parameters)
            return cursor.fetchall(), cursor.rowcount
        finally:
            self._deadline = float("inf")
            self._account(query, started)

    def _is_late(self) -> bool:
        return time.perf_counter() > self._deadline

    def _account(self, query: Query, started: float) -> None:
        took_s = time.perf_counter() - started
        took_ms = took_s * 1000
        self.counts.statements += 1
        meters.STATEMENTS.observe(took_s, "sqlite", query.aggregate)
        if took_ms > self._alert_ms:
            meters.SLOW_STATEMENTS.add()
        if spans.listener() is not None:
            self.told.append(Ran(query.name, spans.wall_ns(started), int(took_s * 1e9)))
        for (tier, level), bound_ms in zip(_TIERS, self._tiers_ms, strict=True):
            if took_ms > bound_ms:
                self.counts.slow[tier] += 1
                log.log(level, "slow statement %s: %.1f ms: %s", query.name, took_ms, query.text)
                return
        if self._log_all:
            log.info("statement %s: %.1f ms: %s", query.name, took_ms, query.text)
