"""How live runs went over time, added up in SQL.

What ended is taken from hourly and daily roll-ups (`rollups`), so a question costs the same however many executions are
stored, and still counts those that the janitor has dropped since. What is under way is read from the executions. A
window therefore begins with a full hour or, where days are enough, a full day (UTC).

Counts, means and maxima are exact. A percentile is the mean of those durations of its rank that lie within 5 % of each
other, so it is less than 5 % off (0.01 ms below that), and exact where one run lies there. Percentiles of steps are
exact, but of the latest `STEPS_OF_RUNS` runs.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from construction_mcp.store.columns import optional_time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.execution_reads import STATUSES
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load
from construction_mcp.store.rollups import DAY_S, HOUR_S

_sql = load("statistics")

STEPS_OF_RUNS = 200  # runs whose steps are ranked: enough for a p99, few enough to read
_STEPS_MAX = 200  # of one answer: more than a workflow has
_DURATIONS = ("mean", "p50", "p95", "p99", "max")


@dataclass(frozen=True, slots=True)
class Window:
    """Since when, and the steps of its series. All are multiples of an hour in UTC."""

    since: datetime
    bucket: timedelta
    buckets: int

    @property
    def width_s(self) -> int:
        """The widest roll-ups that it can be put together from."""
        places = (int(self.since.timestamp()), int(self.bucket.total_seconds()))
        return DAY_S if all(place % DAY_S == 0 for place in places) else HOUR_S


@dataclass(frozen=True, slots=True)
class Bucket:
    """What started in one stretch of time, and how that ended."""

    started_at: datetime
    started: int
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class StepStats:
    """How a step went, or (without a key) all steps of its type. Durations in milliseconds, of its last tries."""

    type: str
    counts: Mapping[str, int]
    attempts: int
    duration_ms: Mapping[str, float]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to run now, since when the first of it."""

    length: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Live runs since a moment. Durations in milliseconds, of runs that completed or failed; absent without any.

    per_run: the mean requests to Procore of runs that ended, and the mean ms in which no step's body was at work.
    steps: by what ran most; none where only one project is asked for.
    """

    counts: Mapping[str, int]
    duration_ms: Mapping[str, float]
    series: Sequence[Bucket]
    approvals: Mapping[str, int]
    per_run: Mapping[str, float]
    steps: Sequence[StepStats]
    queue: Queue


class Statistics:
    """Statistics of one data directory's executions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, window: Window, *, workflow_id: str | None = None, project_id: int | None = None) -> Stats:
        """How live runs went; the series has every bucket, the empty ones too. Four statements at most.

        In three hops, so that nobody who writes waits for more than one of them: what people decided and how steps
        went may be of a moment later than the counts.
        """
        since, since_s = time_text(window.since), int(window.since.timestamp())
        only = {"workflow_id": workflow_id, "since": since}
        reach = {**only, "since_s": since_s, "width_s": window.width_s}
        shape = {"bucket_s": int(window.bucket.total_seconds()), "buckets": window.buckets}

        def count(tx: Tx) -> tuple[sqlite3.Row, list[sqlite3.Row]]:
            row = tx.one(_sql.totals, project_id=project_id, **reach)
            assert row is not None, "an aggregate has one row"
            return row, tx.all(_sql.series, project_id=project_id, **reach, **shape)

        row, series = await self._database.read(count)
        decisions = await self._database.read(lambda tx: _decisions(tx, workflow_id, project_id, since))
        return Stats(
            counts={status: row[status] for status in STATUSES},
            duration_ms=_durations(row),
            series=[_bucket(one, window) for one in series],
            approvals=decisions,
            per_run=_known(requests=row["requests_mean"], waiting_ms=row["waiting_mean_ms"]),
            steps=await self._steps(reach) if project_id is None else [],
            queue=Queue(row["queue_length"], optional_time_from(row["queue_oldest_at"])),
        )

    async def _steps(self, reach: Mapping[str, Any]) -> list[StepStats]:
        counted = {"latest": STEPS_OF_RUNS, "most": _STEPS_MAX}
        return [_step(row) for row in await self._database.read(lambda tx: tx.all(_sql.steps, **reach, **counted))]


def _durations(row: sqlite3.Row) -> dict[str, float]:
    return _known(**{name: row[name] for name in _DURATIONS})


def _known(**values: float | None) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items() if value is not None}


def _bucket(row: sqlite3.Row, window: Window) -> Bucket:
    return Bucket(window.since + row["place"] * window.bucket, row["started"], row["completed"], row["failed"])


def _step(row: sqlite3.Row) -> StepStats:
    counts = {status: row[status] for status in ("completed", "failed", "skipped", "cancelled") if row[status]}
    return StepStats(row["type"], counts, row["attempts"], _durations(row), row["key"])


def _decisions(tx: Tx, workflow_id: str | None, project_id: int | None, since: str) -> Mapping[str, int]:
    only = {"project_id": project_id, "since": since}
    if workflow_id is None:
        row = tx.one(_sql.decisions, **only)
    else:
        row = tx.one(_sql.decisions_of, workflow_id=workflow_id, **only)
    assert row is not None, "an aggregate has one row"
    return dict(row)
