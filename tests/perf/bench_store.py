"""The store's budgets: `python -m tests.perf.bench_store --json`.

Both ways of writing get the same table, the same rows, 100 concurrent writers and synchronous=FULL. The naive way is
what most aiosqlite programs do: BEGIN, INSERT and COMMIT as three awaits, behind the lock that keeps two coroutines on
one connection out of one transaction.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite

from construction_mcp.core.clock import SystemClock
from construction_mcp.store.database import Database
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import Draft, Workflows

WRITERS = 100
GOAL_RATIO = 10.0
GOAL_PAGE_MS = 10.0


async def in_turns(writes_each: int, write: Callable[[str], Awaitable[object]]) -> float:
    """Writes per second of WRITERS tasks that each write one row after the other."""

    async def writer(number: int) -> None:
        for turn in range(writes_each):
            await write(f"{number}-{turn}")

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(WRITERS):
            tasks.create_task(writer(number))
    return WRITERS * writes_each / (time.perf_counter() - started)


async def grouped(directory: Path, writes_each: int) -> tuple[float, float]:
    """Writes/s and functions per commit through our door."""
    database = await Database.open(directory / "grouped.db")
    statement = load("meta").set
    rate = await in_turns(
        writes_each,
        lambda key: database.write(lambda tx: tx.run(statement, key=key, value="v"), durable=True),
    )
    mean = database.stats()["commit_batch_mean"]
    await database.close()
    return rate, mean


async def one_await_per_statement(directory: Path, writes_each: int) -> float:
    """Writes/s of BEGIN, INSERT, COMMIT as three awaits."""
    file = directory / "naive.db"
    await (await Database.open(file)).close()  # the same schema
    statement = load("meta").set.text
    lock = asyncio.Lock()
    async with aiosqlite.connect(file, isolation_level=None) as connection:
        await connection.execute("PRAGMA synchronous = FULL")

        async def write(key: str) -> None:
            async with lock:
                await connection.execute("BEGIN IMMEDIATE")
                await connection.execute(statement, {"key": key, "value": "v"})
                await connection.execute("COMMIT")

        return await in_turns(writes_each, write)


async def paging(directory: Path, count: int = 10_000, pages: int = 400) -> dict[str, float]:
    """p50 and p95 in ms of one page of 25, for each kind of filter."""
    database = await Database.open(directory / "paging.db")
    workflows = Workflows(database, SystemClock())
    for start in range(0, count, 500):
        await asyncio.gather(
            *(
                workflows.create(
                    Draft(
                        f"Workflow {i}",
                        "simulator",
                        "local:1",
                        description="It tells somebody. " * 10,
                        project_id=i % 7,
                    ),
                    [{"key": "a", "type": "procore.rfi.list"}],
                )
                for i in range(start, start + 500)
            )
        )
    result = {}
    for label, filters in {
        "all": {},
        "status": {"status": "draft"},
        "project": {"project_id": 3},
        "text": {"text": "flow 99"},
    }.items():
        took, after = [], None
        for _ in range(pages // 4):
            started = time.perf_counter()
            page = await workflows.list(limit=25, after=after, **filters)
            took.append((time.perf_counter() - started) * 1000)
            after = page.next_position
        result[f"{label}_p50_ms"] = round(statistics.median(took), 2)
        result[f"{label}_p95_ms"] = round(sorted(took)[int(len(took) * 0.95)], 2)
    await database.close()
    return result


async def measure(directory: Path) -> dict[str, object]:
    rounds = []
    for number in range(3):
        room = directory / str(number)
        room.mkdir()
        naive = await one_await_per_statement(room, 20)
        ours, mean = await grouped(room, 100)
        rounds.append({"grouped_per_s": round(ours), "naive_per_s": round(naive), "functions_per_commit": mean,
                       "ratio": round(ours / naive, 1)})  # fmt: skip
    pages = await paging(directory)
    ratio = statistics.median(entry["ratio"] for entry in rounds)
    worst = max(value for name, value in pages.items() if name.endswith("p95_ms"))
    return {
        "rounds": rounds,
        "ratio": ratio,
        "paging_10000": pages,
        "ok": ratio >= GOAL_RATIO and worst <= GOAL_PAGE_MS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--directory", help="on the disk to measure; a temporary one unless given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.directory) as directory:
        result = asyncio.run(measure(Path(directory)))
    result["cpus"] = os.cpu_count()
    print(json.dumps(result, indent=None if args.json else 2))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
