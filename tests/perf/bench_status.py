"""The budget of `workflow://{id}/status`: `python -m tests.perf.bench_status --executions 1000000 --json`.

A workspace of ten workflows holds that many executions (PRODUCT.md section 9: uncached, p95 of 5 ms, one statement, no
table scan). `server` is what the budget is about: dispatching, reading and writing it out as JSON. `store` is its part
of that; `client` adds the SDK on both sides of a connection in this process.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.app import build_server
from construction_mcp.server.content import resource_contents
from construction_mcp.store.columns import time_text
from construction_mcp.store.queries import load
from construction_mcp.store.versions import Versions
from construction_mcp.store.workflows import Draft, Workflows

GOAL_P95_MS = 5.0
WORKFLOWS, ACTIONS, READS = 10, 20, 500
ERROR = json.dumps({"code": "PROCORE_UNAVAILABLE", "message": "m" * 200})
TRIGGER = json.dumps({"type": "schedule"})


def rows(ids: list[str], count: int, since: datetime) -> Iterator[tuple[Any, ...]]:
    """Executions of all workflows in turn, a second apart; every seventh failed."""
    for place in range(count):
        failed = place % 7 == 0
        began, ended = since + timedelta(seconds=place), since + timedelta(seconds=place + 1)
        yield (
            *(f"exe_{place}", ids[place % WORKFLOWS], 1, "live", "failed" if failed else "completed"),
            *(time_text(began), time_text(ended), TRIGGER, ERROR if failed else None),
        )


async def filled(house: House, executions: int) -> list[str]:
    """The ids of workflows that have run so often together."""
    workflows = await house.services.get(Workflows)
    actions = [{"key": f"note_{place}", "type": "notify.log", "config": {"text": "x"}} for place in range(ACTIONS)]
    drafts = [Draft(f"Workflow {place}", "simulator", "local:1") for place in range(WORKFLOWS)]
    ids = [(await workflows.create(draft, actions)).id for draft in drafts]
    connection = sqlite3.connect(house.settings.database_file)
    with closing(connection), connection:
        marks = ", ".join("?" * 9)
        connection.executemany(
            f"INSERT INTO executions VALUES ({marks})",
            rows(ids, executions, house.clock.now()),
        )
    return ids


async def timed(read: Callable[[str], Awaitable[object]], ids: list[str]) -> dict[str, float]:
    """p50 and p95 in ms of one read, after one that warms everything up."""
    await read(ids[0])
    took = []
    for place in range(READS):
        started = time.perf_counter()
        await read(ids[place % WORKFLOWS])
        took.append((time.perf_counter() - started) * 1000)
    took.sort()
    return {"p50_ms": round(took[READS // 2], 2), "p95_ms": round(took[int(READS * 0.95)], 2)}


def plan_of(house: House, workflow_id: str) -> list[str]:
    """How SQLite goes about the one statement."""
    bounds = {"id": workflow_id, "shown": 10, "window": 100}
    with closing(sqlite3.connect(house.settings.database_file)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {load('versions').status.text}", bounds)]


async def measure(directory: Path, executions: int) -> dict[str, Any]:
    settings = Settings(data_dir=directory / "data", procore_grant="client_credentials")
    async with House(settings) as house:
        ids = await filled(house, executions)
        versions = await house.services.get(Versions)
        trace = Trace()
        token = current_trace.set(trace)
        await versions.status(ids[0])
        current_trace.reset(token)
        person = Principal("local:0", Role.ADMIN)

        async def read(workflow_id: str) -> object:
            uri = f"workflow://{workflow_id}/status"
            return resource_contents(uri, *await house.dispatcher.read_resource(uri, Call(person, View())))

        store, server = await timed(versions.status, ids), await timed(read, ids)
        async with Client(build_server(house, View(), lambda _: person)) as connected:
            client = await timed(lambda one: connected.read_resource(f"workflow://{one}/status"), ids)
        scans = [step for step in plan_of(house, ids[0]) if step.startswith("SCAN executions")]
    return {
        "executions": executions,
        "server": server,
        "store": store,
        "client": client,
        "statements": trace.db_queries,
        "table_scans": scans,
        "ok": server["p95_ms"] <= GOAL_P95_MS and trace.db_queries == 1 and not scans,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--executions", type=int, default=100_000, help="how many are stored")
    parser.add_argument("--directory", help="on the disk to measure; a temporary one unless given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.directory) as directory:
        result = asyncio.run(measure(Path(directory), args.executions))
    result["cpus"] = os.cpu_count()
    print(json.dumps(result, indent=None if args.json else 2))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
