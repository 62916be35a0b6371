"""`workflow://{id}/status` beside its own statement on raw SQLite: `python -m tests.perf.beside_sqlite --json`.

Budget (PRODUCT.md section 9): p95 of 5 ms, one statement, no table scan, with a million executions stored. In turns
with it, Python's sqlite3 on the same file: what the statement itself costs, without dispatching, without a thread to
hop to and without an answer to write.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.content import resource_contents
from construction_mcp.store.queries import load
from construction_mcp.store.versions import Versions
from tests.perf.filling import filled

READS = 500
SHOWN, WINDOW = 10, 100


def percentiles(took: list[float]) -> dict[str, float]:
    took.sort()
    return {"p50_ms": round(took[len(took) // 2], 3), "p95_ms": round(took[int(len(took) * 0.95)], 3)}


def bounds(workflow_id: str) -> dict[str, Any]:
    return {"id": workflow_id, "shown": SHOWN, "window": WINDOW}


def scans(house: House, workflow_id: str) -> list[str]:
    """Where SQLite would go through all executions for the one statement."""
    with closing(sqlite3.connect(house.settings.database_file)) as connection:
        text = f"EXPLAIN QUERY PLAN {load('versions').status.text}"
        steps = [row[3] for row in connection.execute(text, bounds(workflow_id))]
    return [step for step in steps if step.startswith("SCAN executions")]


async def in_turns(house: House, ids: list[str]) -> tuple[list[float], list[float]]:
    """Milliseconds of the resource and of the raw statement, one after the other."""
    person = Principal("local:0", Role.ADMIN)
    text = load("versions").status.text
    ours, raw = [], []
    with closing(sqlite3.connect(house.settings.database_file)) as connection:
        for place in range(-1, READS):
            workflow_id = ids[place % len(ids)]
            uri = f"workflow://{workflow_id}/status"
            began = time.perf_counter()
            resource_contents(uri, *await house.dispatcher.read_resource(uri, Call(person, View())))
            between = time.perf_counter()
            connection.execute(text, bounds(workflow_id)).fetchall()
            ended = time.perf_counter()
            if place >= 0:
                ours.append((between - began) * 1000)
                raw.append((ended - between) * 1000)
    return ours, raw


async def measure(directory: Path, executions: int) -> dict[str, Any]:
    settings = Settings(data_dir=directory / "data", procore_grant="client_credentials")
    async with House(settings) as house:
        ids = await filled(house, executions)
        versions = await house.services.get(Versions)
        trace = Trace()
        token = current_trace.set(trace)
        await versions.status(ids[0])
        current_trace.reset(token)
        ours, raw = await in_turns(house, ids)
        scanned = scans(house, ids[0])
    return {
        "executions": executions,
        "server": percentiles(ours),
        "raw_sqlite": percentiles(raw),
        "statements": trace.db_queries,
        "table_scans": scanned,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line")
    parser.add_argument("--executions", type=int, default=100_000, help="how many are stored")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        result = asyncio.run(measure(Path(directory), args.executions))
    print(json.dumps(result, indent=None if args.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
