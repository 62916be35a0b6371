"""What looking at a long history costs: `python -m tests.perf.bench_insight [--executions 1000000] [--json]`.

Budgets (PRODUCT.md section 9), with a million executions of ten steps each stored: `workflow://{id}/status` p95 of
5 ms, a page of executions 50 ms whatever it is filtered by, statistics of 30 days 100 ms for one workflow and 1 s for
all; and deliveries are accepted within 250 ms (p99 at 100/s) while statistics run one after the other.

The data set is built through the schema: thirty days of ten workflows in twenty projects, and the roll-ups by the same
functions that write them as executions end. Each call is measured by the clock on the wall and in processor time of
this process, for others may use the machine.
"""

import argparse
import asyncio
import json
import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from construction_mcp.core.clock import SystemClock
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.content import resource_contents
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.server.web import WebServer
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.rollups import add_batch
from construction_mcp.store.versions import ByHook
from tests.engine.yard import COMPANY, OWNER, PROJECT, Yard, yard_at
from tests.perf.bench_accept import RFIS, exchange, request

WORKFLOWS, PROJECTS, STEPS, DAYS, APPROVALS = 10, 20, 10, 30, 10_000
BATCH = 500  # ends added to the roll-ups at once, while the data set is built
GOALS_MS = {"status": 5.0, "list": 50.0, "stats of one": 100.0, "stats of all": 1000.0, "accepted": 250.0}
RATE, ACCEPTED = 100, 1000

# Fewer than the real ones that go wrong: one of twelve fails, one of a hundred was a test or was cancelled; the last
# thousand still wait, run or need a person. Durations range over three decades.
_EXECUTIONS = """
INSERT INTO executions (
    id, workflow_id, version, mode, status, started_at, completed_at, trigger, error, duration_ms, plan_hash,
    environment, company_id, project_id, run_as, requested_by, requests
)
WITH RECURSIVE places (place) AS (
    SELECT 0
     UNION ALL
    SELECT place + 1 FROM places WHERE place + 1 < :executions
)
SELECT printf('exe_%026d', place),
       (SELECT value FROM json_each(:workflows) WHERE key = place % 10),
       1,
       CASE WHEN place % 97 = 0 THEN 'simulate' ELSE 'live' END,
       CASE WHEN place >= :executions - 1000
            THEN CASE place % 4 WHEN 0 THEN 'waiting' WHEN 1 THEN 'needs_review' ELSE 'queued' END
            WHEN place % 12 = 5 THEN 'failed'
            WHEN place % 101 = 0 THEN 'cancelled'
            ELSE 'completed' END,
       strftime('%Y-%m-%dT%H:%M:%f', :since_s + place * :apart_s, 'unixepoch') || '000+00:00',
       CASE WHEN place < :executions - 1000
            THEN strftime('%Y-%m-%dT%H:%M:%f', :since_s + place * :apart_s + 2, 'unixepoch') || '000+00:00' END,
       '{"type":"schedule","at":"2026-01-01T00:00:00+00:00","input":{}}',
       CASE WHEN place % 12 = 5 THEN :error END,
       CASE WHEN place < :executions - 1000
            THEN (1 << abs(random()) % 10) * (100.0 + abs(random()) % 100) / 10 END,
       :plan_hash,
       'simulator',
       :company_id,
       (place / 10) % 20 + 1,
       :run_as,
       'schedule',
       place % 7
  FROM places
"""
_RUNS_STEPS = """
INSERT INTO steps (
    execution_id, key, item, type, status, attempts, started_at, completed_at, duration_ms, output
)
SELECT executions.id, 'step_' || steps.key, -1, steps.value, iif(steps.key = 9 AND status = 'failed', 'failed',
       'completed'), 1, started_at, completed_at, (1 << abs(random()) % 8) * (100.0 + abs(random()) % 100) / 100,
       '{"items":[],"total":0}'
  FROM executions
 CROSS JOIN json_each(:types) AS steps
 WHERE executions.completed_at IS NOT NULL
   AND executions.id >= :first
   AND executions.id < :last
"""
_APPROVALS = """
INSERT INTO approvals (
    id, execution_id, step, status, summary, shown, editable, digest, requested_by, approvers, created_at, expires_at,
    on_expiry, decided_at, workflow_id, project_id
)
SELECT 'apr_' || id, id, 'step_3', iif(rowid % 9 = 0, 'rejected', 'approved'), 'Send it', '{}', '[]', 'd', run_as, '[]',
       started_at, completed_at, 'reject', completed_at, workflow_id, project_id
  FROM executions
 WHERE rowid % max(1, :executions / :approvals) = 0
   AND completed_at IS NOT NULL
"""
_TYPES = ["procore.rfi.list", "transform.filter", "procore.submittal.list", "approval.request", "transform.map"] * 2


async def build(yard: Yard, executions: int) -> list[str]:
    """The ids of the workflows that have run so often together."""
    ids = [await yard.active({"type": "manual"}, name=f"Workflow {place}") for place in range(WORKFLOWS)]
    since = yard.clock.now() - timedelta(days=DAYS)
    values = {
        "executions": executions,
        "workflows": json.dumps(ids),
        "since_s": since.timestamp(),
        "apart_s": DAYS * 86_400 / executions,
        "error": json.dumps({"code": "PROCORE_UNAVAILABLE", "message": "m" * 200}),
        "plan_hash": "0" * 64,
        "company_id": COMPANY,
        "run_as": OWNER,
    }
    with closing(sqlite3.connect(yard.house.settings.database_file)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # what is built here need not outlive the power
        connection.execute("PRAGMA cache_size = -400000")
        with connection:
            connection.execute(_EXECUTIONS, values)
        for first in range(0, executions, 50_000):
            bounds = {"first": f"exe_{first:026}", "last": f"exe_{first + 50_000:026}"}
            with connection:
                connection.execute(_RUNS_STEPS, {"types": json.dumps(_TYPES), **bounds})
        with connection:
            connection.execute(_APPROVALS, {"executions": executions, "approvals": APPROVALS})
            connection.execute(
                "INSERT INTO rollup_waiting (execution_id) SELECT id FROM executions"
                " WHERE mode = 'live' AND status IN ('completed', 'failed', 'cancelled')"
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    while await yard.database.write(lambda tx: add_batch(tx, BATCH)):
        pass
    return ids


Act = Callable[[], Awaitable[object]]


async def timed(acts: list[Act], rounds: int) -> dict[str, float]:
    """p95 in ms by the wall and in processor time, of each act in turn, after a round that warms everything up."""
    for act in acts:
        await act()
    wall, processor = [], []
    for _ in range(rounds):
        for act in acts:
            began, used = time.perf_counter(), time.process_time()
            await act()
            wall.append((time.perf_counter() - began) * 1000)
            processor.append((time.process_time() - used) * 1000)

    def place(values: list[float]) -> float:
        return round(sorted(values)[int(len(values) * 0.95)], 2)

    return {
        "p95_ms": place(wall),
        "p95_cpu_ms": place(processor),
        "p50_cpu_ms": round(sorted(processor)[len(wall) // 2], 2),
    }


class Bench:
    """Calls as a client's, from the dispatcher down; the statement's answer is written out as for one."""

    def __init__(self, yard: Yard, ids: list[str]) -> None:
        self.house, self.ids, self.yard = yard.house, ids, yard
        self.person = Principal(OWNER, Role.ADMIN)

    def tool(self, name: str, **arguments: Any) -> Act:
        async def act() -> object:
            return await self.house.dispatcher.call_tool(name, arguments, Call(self.person, View()))

        return act

    def status(self, workflow_id: str) -> Act:
        uri = f"workflow://{workflow_id}/status"

        async def act() -> object:
            return resource_contents(uri, *await self.house.dispatcher.read_resource(uri, Call(self.person, View())))

        return act

    def lists(self) -> dict[str, Act]:
        """Each with filters that leave many rows, few or none."""
        middle = (self.yard.clock.now() - timedelta(days=DAYS // 2)).isoformat()
        chosen: dict[str, dict[str, Any]] = {
            "all": {},
            "since": {"since": middle},
            "workflow": {"workflow_id": self.ids[0]},
            "workflow, failed": {"workflow_id": self.ids[5], "status": "failed"},
            "workflow, none such": {"workflow_id": self.ids[1], "status": "running"},
            "workflow, project": {"workflow_id": self.ids[2], "project_id": 3},
            "project": {"project_id": 3},
            "project, needs review": {"project_id": 4, "status": "needs_review"},
            "project, none such": {"project_id": 999},
            "failed": {"status": "failed"},
            "running": {"status": "running"},
            "tests": {"mode": "simulate"},
            "failed tests": {"mode": "simulate", "status": "failed"},
        }
        return {name: self.tool("list_executions", **arguments) for name, arguments in chosen.items()}

    async def measure(self, rounds: int) -> dict[str, dict[str, float]]:
        month = {"window": "30d"}
        found = {"status": await timed([self.status(one) for one in self.ids], rounds)}
        for name, act in self.lists().items():
            found[f"list: {name}"] = await timed([act], rounds)
        stats = [self.tool("get_workflow_stats", workflow_id=one, **month) for one in self.ids]
        found["stats of one"] = await timed(stats, max(2, rounds // 5))
        project = self.tool("get_workflow_stats", workflow_id=self.ids[0], project_id=3, **month)
        found["stats of one: in a project"] = await timed([project], rounds)
        week = self.tool("get_workflow_stats", workflow_id=self.ids[0], window="7d", bucket="hour")
        found["stats of one: 7 days by the hour"] = await timed([week], rounds)
        found["stats of all"] = await timed([self.tool("get_workflow_stats", **month)], rounds)
        found["stats of all: 90 days"] = await timed([self.tool("get_workflow_stats", window="90d")], rounds)
        week = self.tool("get_workflow_stats", window="7d", bucket="hour")
        found["stats of all: 7 days by the hour"] = await timed([week], rounds)
        return found


async def accepted(yard: Yard, busy: Act) -> dict[str, float]:
    """Milliseconds until deliveries are answered, from when each was due, while `busy` runs over and over."""
    hooks = await yard.house.services.get(Hooks)
    workflow_id = await yard.active(RFIS)
    place = {"company_id": COMPANY, "project_id": PROJECT, "principal": OWNER, "workflow_id": workflow_id}
    hook, secret = await hooks.add(environment="simulator", resource_names=["RFIs"], **place)
    await yard.versions.switch(workflow_id, 1, ByHook(hook.id), principal=OWNER, action="resume")
    web = WebServer(Starlette(routes=delivery_routes(yard.house.services, yard.house.settings.limits)),
                    yard.house.settings.limits)  # fmt: skip
    took: list[float] = []
    rounds = 0

    async def keep_busy() -> None:
        nonlocal rounds
        while True:
            await busy()
            rounds += 1

    async def deliver(port: int, number: int, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await exchange(reader, writer, request(hook.id, secret, number))
        took.append((time.perf_counter() - due) * 1000)
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(web.serve([listener]))
            await web.accepting.wait()
            other = asyncio.create_task(keep_busy())
            began = time.perf_counter()
            async with asyncio.TaskGroup() as deliveries:
                for number in range(ACCEPTED):
                    deliveries.create_task(deliver(listener.getsockname()[1], number, began + number / RATE))
            other.cancel()
            with suppress(asyncio.CancelledError):
                await other
            web.should_exit = True
    took.sort()
    stored = yard.rows("SELECT count(*) FROM deliveries")[0][0]
    p50, p99 = round(took[len(took) // 2], 1), round(took[int(len(took) * 0.99)], 1)
    return {"p50_ms": p50, "p99_ms": p99, "statistics_meanwhile": rounds, "stored": stored}


def missed(found: dict[str, dict[str, float]]) -> list[str]:
    """What is over its budget in processor time; acceptance, which waits for its turn, by the wall."""
    over = []
    for name, values in found.items():
        goal = GOALS_MS[name.split(":")[0]]
        if values.get("p95_cpu_ms", values.get("p99_ms", 0.0)) > goal:
            over.append(name)
    return over


async def run(directory: Path, executions: int, rounds: int) -> dict[str, Any]:
    clock: Any = SystemClock()  # a yard's may be any
    async with yard_at(directory, clock) as yard:
        began = time.perf_counter()
        ids = await build(yard, executions)
        built_s = time.perf_counter() - began
        bench = Bench(yard, ids)
        found = await bench.measure(rounds)
        found["accepted: while statistics run"] = await accepted(yard, bench.tool("get_workflow_stats", window="30d"))
        sizes = {
            table: yard.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("executions", "steps", "rollups")
        }
        size = yard.house.settings.database_file.stat().st_size
    over = missed(found)
    return {
        **sizes,
        "megabytes": size >> 20,
        "built_s": round(built_s),
        "measured": found,
        "missed": over,
        "ok": not over,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--executions", type=int, default=1_000_000, help="how many are stored, at least 2,000")
    parser.add_argument("--rounds", type=int, default=50, help="of each question")
    parser.add_argument("--directory", help="on the disk to measure; a temporary one unless given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.directory) as directory:
        result = asyncio.run(run(Path(directory), args.executions, args.rounds))
    result["cpus"] = os.cpu_count()
    print(json.dumps(result, indent=None if args.json else 2))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
