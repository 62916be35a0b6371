"""The door to SQLite: what one function, and many at once, may rely on."""

import asyncio
import functools
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from construction_mcp.core.errors import Invalid, Unavailable
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import Query, load
from tests.store.conftest import QUICK

pytestmark = pytest.mark.anyio

META = load("meta")
ENDLESS = Query(
    "test.endless",
    "value",
    "Runs until it is stopped.",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
)
ENDLESS_WRITE = Query(
    "test.endless_write",
    "run",
    "Writes until it is stopped.",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\nINSERT INTO meta SELECT 'x' || i, '' FROM n",
)


def put(key: str, value: str = "v"):
    return lambda tx: tx.run(META.set, key=key, value=value)


async def fetch(database: Database, key: str) -> str | None:
    return await database.read(lambda tx: tx.value(META.get, key=key))


async def blocked_by(path: Path) -> sqlite3.Connection:
    """Another program that holds the write lock until it is closed."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_a_transaction_costs_one_hop(database):
    await database.write(put("a"))
    await database.write(put("b"), durable=True)

    stats = database.stats()
    assert (stats["hops"], stats["commits"], stats["writes"]) == (2, 2, 2)


async def test_waiting_writers_share_one_commit(database):
    await asyncio.gather(*(database.write(put(f"k{i}")) for i in range(100)))

    stats = database.stats()
    assert (stats["hops"], stats["commits"], stats["commit_batch_max"]) == (1, 1, 100)


async def test_a_batch_is_bounded_so_that_readers_do_not_wait_behind_thousands(database):
    await asyncio.gather(*(database.write(put(f"k{i}")) for i in range(QUICK.commit_batch_max + 1)))

    assert database.stats()["commit_batch_max"] == QUICK.commit_batch_max
    assert database.stats()["commits"] == 2


async def test_a_failing_function_undoes_only_itself(database):
    def fail(tx: Tx) -> None:
        tx.run(META.set, key="bad", value="v")
        raise LookupError("mine")

    results = await asyncio.gather(
        database.write(put("before")), database.write(fail), database.write(put("after")), return_exceptions=True
    )

    assert [type(result) for result in results] == [int, LookupError, int]
    assert [await fetch(database, key) for key in ("before", "bad", "after")] == ["v", None, "v"]
    assert database.stats()["commits"] == 1


async def test_those_who_do_the_same_share_one_call(database):
    calls: list[list[str]] = []

    def store_all(tx: Tx, keys: Sequence[str]) -> None:
        calls.append(list(keys))
        for key in keys:
            tx.run(META.set, key=key, value="v")

    await asyncio.gather(*(database.write_shared(store_all, f"k{i}") for i in range(3)), database.write(put("other")))

    assert calls == [["k0", "k1", "k2"]]
    assert [await fetch(database, key) for key in ("k0", "k1", "k2", "other")] == ["v"] * 4
    assert database.stats()["commits"] == 1


async def test_nobody_meets_the_mistake_of_another_with_whom_they_shared_a_call(database):
    def store_all(tx: Tx, keys: Sequence[str]) -> None:
        for key in keys:
            tx.run(META.set, key=key, value="v")
        if "bad" in keys:
            raise LookupError("mine")

    results = await asyncio.gather(
        *(database.write_shared(store_all, key) for key in ("before", "bad", "after")), return_exceptions=True
    )

    assert [type(result) for result in results] == [type(None), LookupError, type(None)]
    assert [await fetch(database, key) for key in ("before", "bad", "after")] == ["v", None, "v"]


async def test_a_constraint_reaches_its_caller_as_sqlite_reports_it(database):
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(lambda tx: tx.run(META.set, key="k", value=None))


async def test_only_a_batch_with_a_durable_function_commits_with_full(database, path):
    """Power-loss safety is paid for by those who ask; a FULL commit hardens the NORMAL ones before it."""
    level = Query("test.level", "value", "Which level is in force.", "PRAGMA synchronous")

    async def during(durable: bool) -> int:
        return await database.write(lambda tx: tx.value(level), durable=durable)

    assert [await during(False), await during(True), await during(False)] == [1, 2, 1]


async def test_a_cancelled_caller_loses_nobody_else(database):
    callers = [asyncio.ensure_future(database.write(put(f"k{i}"))) for i in range(20)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    results = await asyncio.gather(*callers, return_exceptions=True)

    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 10
    assert [await fetch(database, f"k{i}") for i in range(1, 20, 2)] == ["v"] * 10


async def test_a_caller_cancelled_midway_leaves_a_whole_transaction_or_none(database):
    entered, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Tx) -> None:
        tx.run(META.set, key="one", value="v")
        loop.call_soon_threadsafe(entered.set)
        assert go_on.wait(5)
        tx.run(META.set, key="two", value="v")

    caller = asyncio.ensure_future(database.write(slow))
    async with asyncio.timeout(5):
        await entered.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    go_on.set()

    assert (await fetch(database, "one"), await fetch(database, "two")) == ("v", "v")


async def test_a_cancelled_caller_that_was_still_waiting_never_runs(database):
    ran = []
    caller = asyncio.ensure_future(database.write(lambda _: ran.append(1)))
    await asyncio.sleep(0)
    caller.cancel()
    await database.read(lambda _: None)

    assert ran == []


async def test_a_statement_is_stopped_at_its_limit(database):
    with pytest.raises(Unavailable) as caught:
        await database.read(lambda tx: tx.value(ENDLESS))

    assert caught.value.code == "SYSTEM_TIMEOUT"
    assert await fetch(database, "still there") is None


async def test_a_stopped_write_takes_nobody_down_with_it(database):
    """SQLite undoes the whole transaction when it interrupts a write; the innocent run again."""
    results = await asyncio.gather(
        database.write(put("before")),
        database.write(lambda tx: tx.run(ENDLESS_WRITE)),
        database.write(put("after")),
        return_exceptions=True,
    )

    assert results[1].code == "SYSTEM_TIMEOUT"
    assert [await fetch(database, key) for key in ("before", "after", "x1")] == ["v", "v", None]


async def test_a_lock_that_goes_away_in_time_is_waited_for(database, path):
    other = await blocked_by(path)
    writing = asyncio.ensure_future(database.write(put("a")))
    async with asyncio.timeout(5):
        while not database.stats()["busy"]:  # noqa: ASYNC110 - the counter is what tells; nothing signals it
            await asyncio.sleep(0.005)
    other.close()
    await writing

    assert await fetch(database, "a") == "v"


async def test_a_lock_that_stays_is_reported_after_three_tries_and_reads_go_on(database, path):
    other = await blocked_by(path)
    with pytest.raises(Unavailable) as caught:
        await database.write(put("a"))

    assert caught.value.code == "SYSTEM_STORAGE_BUSY"
    assert caught.value.retryable
    assert database.stats()["busy"] == 3
    assert await fetch(database, "a") is None
    other.close()
    await database.write(put("a"))


async def test_a_full_queue_is_refused_at_once(path):
    database = await Database.open(path, limits=replace(QUICK, commit_queue_max=2))
    results = await asyncio.gather(*(database.write(put(str(i))) for i in range(4)), return_exceptions=True)
    await database.close()

    assert [getattr(result, "code", "ok") for result in results] == ["ok", "ok", "SYSTEM_BUSY", "SYSTEM_BUSY"]


async def test_close_finishes_what_was_submitted_and_refuses_the_rest(path):
    database = await Database.open(path, limits=QUICK)
    writes = [asyncio.ensure_future(database.write(put(f"k{i}"))) for i in range(10)]
    await asyncio.sleep(0)
    await database.close()
    with pytest.raises(Unavailable) as caught:
        await database.read(lambda _: None)
    await asyncio.gather(*writes)
    await database.close()

    assert caught.value.code == "SYSTEM_SHUTTING_DOWN"
    assert sqlite3.connect(path).execute("SELECT count(*) FROM meta").fetchone()[0] == 10


async def test_a_read_function_cannot_write(database):
    with pytest.raises(AssertionError, match="inside Database"):
        await database.read(put("a"))


@pytest.mark.parametrize("value", [2**63, "\ud800"])
async def test_what_sqlite_cannot_hold_is_the_callers_mistake(database, value):
    with pytest.raises(Invalid):
        await database.write(put("a", value))


async def test_each_call_learns_what_its_statements_cost(database):
    trace = Trace()
    token = current_trace.set(trace)
    await asyncio.gather(database.write(put("a")), database.read(lambda tx: tx.value(META.get, key="a")))
    current_trace.reset(token)
    await database.write(put("b"))

    assert trace.db_queries == 2
    assert trace.db_ms > 0


async def test_a_call_with_many_statements_is_warned_about_once(database, caplog):
    token = current_trace.set(Trace())
    for _ in range(QUICK.statements_per_call_warn + 3):
        await fetch(database, "a")
    current_trace.reset(token)

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(("took_ms", "level"), [(60, "INFO"), (120, "WARNING"), (600, "ERROR")])
async def test_slow_statements_are_logged_in_three_tiers_without_their_values(path, caplog, took_ms, level):
    caplog.set_level(logging.INFO)
    nap = Query("test.nap", "value", "Takes its time.", "SELECT nap(:ms) || :secret")
    database = await Database.open(path, limits=replace(QUICK, statement_timeout_s=5))
    await database.read(
        lambda tx: tx._statements.connection.create_function("nap", 1, lambda ms: time.sleep(ms / 1000))
    )
    await database.read(lambda tx: tx.value(nap, ms=took_ms, secret="hunter2"))
    stats = database.stats()
    await database.close()

    (record,) = [record for record in caplog.records if record.name.startswith("construction_mcp")]
    assert record.levelname == level
    assert "test.nap" in record.getMessage()
    assert "hunter2" not in record.getMessage()
    assert stats["slow"][level.lower()] == 1


async def test_log_all_logs_every_statement(path, caplog):
    caplog.set_level(logging.INFO)
    database = await Database.open(path, limits=QUICK, log_all=True)
    await fetch(database, "a")
    await database.close()

    assert "meta.get" in caplog.text


async def test_the_file_belongs_to_its_owner_only(database, path):
    await database.write(put("a"))

    assert {file.name: file.stat().st_mode & 0o077 for file in path.parent.glob("construction.db*")} == {
        "construction.db": 0,
        "construction.db-wal": 0,
        "construction.db-shm": 0,
    }


async def test_the_connection_is_set_up_for_the_house(database):
    def pragma(name: str) -> Query:
        return Query(f"test.{name}", "value", "Reads a setting.", f"PRAGMA {name}")

    values = await database.read(
        lambda tx: [tx.value(pragma(name)) for name in ("journal_mode", "foreign_keys", "busy_timeout")]
    )

    assert values == ["wal", 1, QUICK.busy_timeout_s * 1000]


async def test_aiosqlite_still_has_the_parts_we_lean_on(path):
    """The contract of `store/database.py`: a connector of our own; functions run in order, on one thread."""
    threads, order, done = set(), [], threading.Event()

    def note(value: int) -> None:
        threads.add(threading.get_ident())
        order.append(value)

    connection = await aiosqlite.Connection(lambda: sqlite3.connect(path), 64)
    for at in range(5):
        connection._tx.put_nowait((None, functools.partial(note, at)))
    connection._tx.put_nowait((None, done.set))
    assert await asyncio.to_thread(done.wait, 5.0)
    await connection.close()

    assert order == [0, 1, 2, 3, 4]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert aiosqlite.__version__.startswith("0.22.")
