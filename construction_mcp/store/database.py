"""The one SQLite connection of a data directory, and the only door to it.

A thread hop costs about sixty times a small statement, and two coroutines on one connection would share a transaction.
So a transaction is one synchronous function that runs on the connection's thread, and whatever functions are waiting
when that thread is free run in one hop and share one commit. There is no timer: a lone writer commits at once.

Because the functions are synchronous and get only a `Tx`, no network can happen inside a transaction.

A hop is two calls, there and back, and no task.

This module is the only one that touches aiosqlite's private queue of functions; `tests/store/test_database.py` holds
the contract that we rely on, and pyproject pins the range.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from construction_mcp.core import spans
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.trace import current_trace
from construction_mcp.store.connection import Opened, open_connection
from construction_mcp.store.failures import file_failure, translate
from construction_mcp.store.groups import Groups, Job, Tx
from construction_mcp.store.statements import Statements

log = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")

_CURSOR_CHUNK = 64  # aiosqlite wants one; we never use its cursors


class Database:
    """All access to the data directory's database. Made by `open`, ended by `close`."""

    def __init__(
        self, connection: aiosqlite.Connection, opened: Opened, statements: Statements, limits: Limits
    ) -> None:
        self.path = opened.path
        self.migrated = opened.migrated
        self._connection = connection
        self._statements = statements
        self._groups = Groups(self._statements, limits.busy_tries)
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._pending: deque[Job] = deque()
        self._in_flight: list[Job] = []
        self._copies: deque[tuple[sqlite3.Connection, asyncio.Future[None]]] = deque()
        self._rests = asyncio.Event()
        self._rests.set()
        self._closing = False
        self._hops = 0

    @classmethod
    async def open(cls, path: Path, *, limits: Limits | None = None, log_all: bool = False) -> "Database":
        """Open (and create, check, migrate) the database file.

        The caller holds the data directory's owner lock: SQLite before 3.51.3 can corrupt a file with two writers.

        Raises:
            Unavailable: SYSTEM_STORAGE_CORRUPT, _NEWER, _CHANGED, _READONLY, _FULL or _BUSY; the file is as it was.
        """
        limits = limits or Limits()
        made: list[tuple[Opened, Statements]] = []
        failed: list[Exception] = []

        def connect() -> sqlite3.Connection:
            try:
                opened = open_connection(path, limits)  # on the connection's own thread, in one hop
                made.append((opened, Statements(opened.connection, limits, log_all=log_all)))
                return opened.connection
            except (sqlite3.Error, UnicodeDecodeError, Unavailable) as problem:
                failed.append(translate(problem))
            except OSError as problem:
                failed.append(file_failure(problem))
            # aiosqlite would end its thread behind our back; with any connection `close` waits for it.
            return sqlite3.connect(":memory:")

        connection = await aiosqlite.Connection(connect, _CURSOR_CHUNK)
        if failed:
            await connection.close()
            raise failed[0]
        return cls(connection, *made[0], limits)

    async def read(self, function: Callable[[Tx], T]) -> T:
        """Run a function that only reads. What it sees is one moment: nothing is written while it runs.

        Raises:
            Unavailable: SYSTEM_BUSY, SYSTEM_TIMEOUT (statement limit), SYSTEM_STORAGE_*, SYSTEM_SHUTTING_DOWN.
        """
        return await self._submit(function, writes=False, durable=False)

    async def write(self, function: Callable[[Tx], T], *, durable: bool = False) -> T:
        """Run a function as one transaction; it is committed when this returns.

        durable: the commit survives power loss (synchronous=FULL); without it, only the death of the process.
        A function may be run again after a foreign lock or another function's failure undid the shared transaction, so
        it must change nothing but the database. A cancelled caller does not know whether its function committed.

        Raises:
            Unavailable: as for `read`; nothing of the function was kept.
            Exception: whatever the function raised; its changes are undone, the other functions' are not.
        """
        return await self._submit(function, writes=True, durable=durable)

    async def write_shared(
        self, function: Callable[[Tx, Sequence[Item]], None], item: Item, *, durable: bool = False
    ) -> None:
        """As `write`, for what many do at once: all who wait with the same function share one call of it.

        When that fails, it runs again for each of them apart, so nobody meets another's mistake.
        """
        await self._submit(function, writes=True, durable=durable, item=item, shared=True)

    async def copy_into(self, target: sqlite3.Connection) -> None:
        """Copy the live database page by page; waiting functions run between steps and are part of the copy."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._refuse_if_closing()
        self._copies.append((target, done))
        self._ask_for_a_hop()
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])  # the caller closes `target` next, which the connection thread may still use
            raise

    async def close(self) -> None:
        """Finish what was submitted, then close. Later calls are refused; closing twice is allowed."""
        self._closing = True
        await self._rests.wait()
        await self._connection.close()

    def stats(self) -> dict[str, Any]:
        """Counters for health and metrics; `queued` and `in_flight` are now, the rest since `open`."""
        groups, statements = asdict(self._groups.counts), asdict(self._statements.counts)
        mean = round(groups["writes"] / groups["commits"], 2) if groups["commits"] else 0.0
        now = {"queued": len(self._pending), "in_flight": len(self._in_flight), "hops": self._hops}
        return {**now, **groups, "commit_batch_mean": mean, **statements}

    async def _submit(
        self, function: Callable[..., T], *, writes: bool, durable: bool, item: Any = None, shared: bool = False
    ) -> T:
        self._refuse_if_closing()
        if len(self._pending) >= self._limits.commit_queue_max:
            raise Unavailable("The database queue is full.", code="SYSTEM_BUSY", retry_after_s=1)
        waiting: asyncio.Future[T] = self._loop.create_future()
        listener = spans.listener()
        asking = None if listener is None else listener.here()
        self._pending.append(Job(function, waiting, writes, durable, current_trace.get(), item, shared, asking))
        self._ask_for_a_hop()
        return await waiting

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise Unavailable("The server is ending.", code="SYSTEM_SHUTTING_DOWN")

    def _ask_for_a_hop(self) -> None:
        """Once this turn of the loop is over: whoever else submits in it shares the hop."""
        if self._rests.is_set():
            self._rests.clear()
            self._loop.call_soon(self._hop)

    def _hop(self) -> None:
        """Give the connection's thread what waits; rest when nothing does."""
        if self._copies:
            target, done = self._copies.popleft()
            self._on_thread(partial(self._copy_in_steps, target), partial(self._copied, done))
        elif jobs := self._take():
            self._hops += 1
            self._on_thread(partial(self._groups.run, jobs), partial(self._ran, jobs))
        else:
            self._rests.set()

    def _on_thread(self, function: Callable[[], None], then: Callable[[BaseException | None], object]) -> None:
        """Run it on the connection's thread, and `then` on the loop with what it raised."""

        def run() -> None:
            try:
                function()
            except BaseException as problem:  # noqa: BLE001 - whoever waits gets it
                self._loop.call_soon_threadsafe(then, problem)
            else:
                self._loop.call_soon_threadsafe(then, None)

        self._connection._tx.put_nowait((None, run))

    def _ran(self, jobs: list[Job], problem: BaseException | None) -> None:
        """Back from a hop: on with the next, for which the callers of the one before have queued their functions."""
        if problem is not None:
            self._end(problem)
            return
        self._deliver(jobs)
        blocked = [job.tries for job in jobs if job.again and job.blocked]
        if blocked:
            # Here, not on the connection thread: a foreign lock must not keep readers waiting longer than it has to.
            self._loop.call_later(self._limits.busy_backoff_s * 2 ** (min(blocked) - 1), self._hop)
        else:
            self._hop()

    def _end(self, problem: BaseException) -> None:
        """A mistake of ours on the thread: nothing is known of the transaction, so nothing further is begun."""
        log.error("the database ends", exc_info=problem)
        self._closing = True
        ending = Unavailable("The server is ending.", code="SYSTEM_SHUTTING_DOWN")
        for waiting in [job.waiting for job in (*self._in_flight, *self._pending)] + [c[1] for c in self._copies]:
            if not waiting.done():
                waiting.set_exception(ending)
        self._rests.set()

    def _take(self) -> list[Job]:
        jobs = self._in_flight = []
        while self._pending and len(jobs) < self._limits.commit_batch_max:
            job = self._pending.popleft()
            if not job.waiting.done():  # its caller was cancelled before it began
                jobs.append(job)
        return jobs

    def _deliver(self, jobs: list[Job]) -> None:
        self._in_flight = []
        self._pending.extendleft(job for job in reversed(jobs) if job.again)
        self._tell([job for job in jobs if not job.again])

    def _tell(self, jobs: list[Job]) -> None:
        """A few in each turn of the loop: what hundreds of callers do next, all at once, would hold everybody up."""
        most = self._limits.callers_told_max
        if len(jobs) > most:
            self._loop.call_soon(self._tell, jobs[most:])
        for job in jobs[:most]:
            self._account(job)
            if job.waiting.done():
                continue
            if job.error is not None:
                job.waiting.set_exception(job.error)
            else:
                job.waiting.set_result(job.result)

    def _account(self, job: Job) -> None:
        listener = spans.listener()
        if listener is not None:
            for one in job.told:
                what = {"db.system.name": "sqlite", "db.query.summary": one.name}
                listener.past(one.name, "client", what, job.span, one.began_ns, one.took_ns)
        if job.trace is None:
            return
        before = job.trace.db_queries
        job.trace.db_ms += job.took_ms
        job.trace.db_queries += job.queries
        if before <= self._limits.statements_per_call_warn < job.trace.db_queries:
            log.warning("one call has run %d statements", job.trace.db_queries)

    def _copied(self, done: "asyncio.Future[None]", problem: BaseException | None) -> None:
        if problem is None:
            if not done.done():
                done.set_result(None)
        elif not done.done():
            done.set_exception(translate(problem) if isinstance(problem, Exception) else problem)
        if problem is None or isinstance(problem, sqlite3.Error | UnicodeDecodeError):
            self._hop()
        else:
            self._end(problem)

    def _copy_in_steps(self, target: sqlite3.Connection) -> None:
        def serve_others(*_progress: int) -> None:
            # The loop side only appends while a copy runs, so taking from this thread is safe. What is written between
            # steps through the copied connection becomes part of the copy. Source: SQLite "Online Backup API".
            jobs = self._take()
            if jobs:
                self._groups.run(jobs)
                self._loop.call_soon_threadsafe(self._deliver, jobs)

        self._statements.connection.backup(target, pages=self._limits.copy_pages_per_step, progress=serve_others)
