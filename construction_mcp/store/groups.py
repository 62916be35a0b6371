"""Group commit, seen from the connection thread: many functions, one BEGIN IMMEDIATE..COMMIT.

A function is isolated by a savepoint: when it fails, its own changes are undone and the others commit. Functions are
synchronous and get nothing but a `Tx`, so no network and no waiting can happen inside a transaction.

Callers that do the same thing may share even the function: it gets the items of all of them at once, which costs a
statement per kind of row and not one per caller. When that fails, each runs again apart and meets its own mistake.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.core import meters
from construction_mcp.core.trace import Trace
from construction_mcp.store.failures import damaged, is_busy, is_damage, translate
from construction_mcp.store.queries import Query
from construction_mcp.store.statements import Ran, Statements


class Tx:
    """The statements of one function; of no use after it returned."""

    __slots__ = ("_statements", "_writes", "queries")

    def __init__(self, statements: Statements, *, writes: bool) -> None:
        self._statements = statements
        self._writes = writes
        self.queries = 0

    def one(self, query: Query, **parameters: Any) -> sqlite3.Row | None:
        """The row of a `:one` query, or None."""
        rows = self._rows(query, "one", parameters)
        return rows[0] if rows else None

    def all(self, query: Query, **parameters: Any) -> list[sqlite3.Row]:
        """The rows of a `:many` query."""
        return self._rows(query, "many", parameters)

    def value(self, query: Query, **parameters: Any) -> Any:
        """The single value of a `:value` query; None without a row."""
        rows = self._rows(query, "value", parameters)
        return rows[0][0] if rows else None

    def run(self, query: Query, **parameters: Any) -> int:
        """Run a `:run` query; the number of rows it changed."""
        self._expect(query, "run")
        return self._statements.changed(query, parameters)

    def run_each(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a `:run` query once per row, in one call of SQLite's; the number of rows changed in all."""
        self._expect(query, "run")
        return self._statements.changed_each(query, rows)

    def _rows(self, query: Query, kind: str, parameters: dict[str, Any]) -> list[sqlite3.Row]:
        self._expect(query, kind)
        return self._statements.rows(query, parameters)

    def _expect(self, query: Query, kind: str) -> None:
        assert query.kind == kind, f"{query.name} is :{query.kind}, called as :{kind}"
        assert self._writes or not query.writes, f"{query.name} writes: call it inside Database.write"
        self.queries += 1


@dataclass(slots=True, eq=False)
class Job:
    """One function and whoever waits for it. `shared`: it takes a list, of this `item` and those of others."""

    function: Callable[..., Any]
    waiting: "asyncio.Future[Any]"
    writes: bool
    durable: bool
    trace: Trace | None
    item: Any = None
    shared: bool = False
    span: object = None  # whoever asked, for the spans of its statements
    tries: int = 0
    result: Any = None
    error: Exception | None = None
    took_ms: float = 0.0
    queries: int = 0
    told: list[Ran] = field(default_factory=list)
    again: bool = False  # it did not commit through no fault of its own, and may run once more
    blocked: bool = False  # ... because another program held the lock
    apart: bool = False  # sharing its function failed, perhaps through no fault of its own


@dataclass(slots=True)
class GroupCounts:
    """Transactions since the database was opened."""

    reads: int = 0
    writes: int = 0
    commits: int = 0
    commit_batch_max: int = 0
    busy: int = 0


class Groups:
    """Runs a batch of jobs; used on the connection thread only."""

    def __init__(self, statements: Statements, tries_max: int) -> None:
        self.counts = GroupCounts()
        self._statements = statements
        self._connection = statements.connection
        self._tries_max = tries_max
        self._synchronous = ""
        self._is_damaged = False

    def run(self, jobs: list[Job]) -> None:
        """Run every job and leave its outcome in it. Reads first: they need no transaction and wait for no commit."""
        writers = []
        for job in jobs:
            job.tries += 1
            job.again = job.blocked = False
            if job.writes:
                writers.append(job)
            else:
                self.counts.reads += 1
                self._call([job])
        if writers:
            self._run_writers(writers)

    def _run_writers(self, writers: list[Job]) -> None:
        if self._is_damaged:
            self._fail(writers, damaged())
            return
        try:
            self._begin(durable=any(job.durable for job in writers))
        except sqlite3.Error as problem:
            self._fail(writers, problem)
            return
        for jobs in _side_by_side(writers):
            self._run_isolated(jobs, is_alone=len(jobs) == len(writers))
            if not self._connection.in_transaction:
                # SQLite undid the whole transaction (disk full, statement limit): the others did nothing wrong.
                innocent = [other for other in writers if other not in jobs]
                assert jobs[0].error is not None, "SQLite rolls back by itself only when a statement fails"
                self._fail(innocent, jobs[0].error, again=True)
                return
        self._commit(writers)

    def _begin(self, *, durable: bool) -> None:
        wanted = "FULL" if durable else "NORMAL"
        if wanted != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {wanted}")  # only possible between transactions
            self._synchronous = wanted
        self._connection.execute("BEGIN IMMEDIATE")

    def _run_isolated(self, jobs: list[Job], *, is_alone: bool) -> None:
        """Alone in its transaction a function needs no savepoint: undoing it undoes everything."""
        if is_alone:
            self._call(jobs)
            if jobs[0].error is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return
        self._connection.execute("SAVEPOINT job")
        self._call(jobs)
        if not self._connection.in_transaction:
            return
        if jobs[0].error is not None:
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")

    def _call(self, jobs: list[Job]) -> None:
        """Run the one function of these jobs, which are several only where they share it."""
        first, tx = jobs[0], Tx(self._statements, writes=jobs[0].writes)
        started = time.perf_counter()
        try:
            result = first.function(tx, [job.item for job in jobs]) if first.shared else first.function(tx)
        except Exception as problem:  # noqa: BLE001 - the function's caller gets it, whatever it is
            self._fail(jobs, problem, again=len(jobs) > 1)
            for job in jobs:
                job.apart = True
        else:
            for job in jobs:
                job.error, job.result = None, result
        took_ms = (time.perf_counter() - started) * 1000
        for job in jobs:
            job.took_ms += took_ms
            job.queries += tx.queries
        if self._statements.told:
            first.told, self._statements.told = first.told + self._statements.told, []

    def _commit(self, writers: list[Job]) -> None:
        started = time.perf_counter()
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as problem:
            # A full disk has rolled back already; a ROLLBACK then would mask the real error.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._fail([job for job in writers if job.error is None], problem)
            return
        took_s = time.perf_counter() - started
        for job in writers:
            job.took_ms += took_s * 1000
        meters.COMMITS.observe(took_s)
        meters.COMMIT_BATCH.observe(len(writers))
        self.counts.commits += 1
        self.counts.writes += len(writers)
        self.counts.commit_batch_max = max(self.counts.commit_batch_max, len(writers))

    def _fail(self, jobs: list[Job], problem: Exception, *, again: bool = False) -> None:
        """Give every job its own error, or another try where that may help."""
        self._is_damaged = self._is_damaged or is_damage(problem)
        blocked = is_busy(problem)
        self.counts.busy += blocked
        for job in jobs:
            job.blocked = blocked
            job.again = (again or blocked) and job.tries < self._tries_max
            job.error = translate(problem)


def _side_by_side(writers: list[Job]) -> list[list[Job]]:
    """Those that share a function, where the first of them stands; every other by itself."""
    together: dict[Any, list[Job]] = {}
    for job in writers:
        together.setdefault(job.function if job.shared and not job.apart else job, []).append(job)
    return list(together.values())
