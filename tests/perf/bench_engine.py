"""How fast executions are carried out, beside DBOS on SQLite in the same run: `python -m tests.perf.bench_engine`.

Steps do nothing, so what is measured is what durability costs: intents before bodies, outcomes before successors.
CPU per step is this process's, both threads: on a busy machine it can be compared where the times cannot.
An event counts from the commit that accepts it, as a delivery's does, to the body of its first step.
DBOS is a development tool here (`pip install dbos`); without it its column says so.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.memory import settle
from construction_mcp.store.database import Database
from construction_mcp.store.executions import EVENT, enqueue
from construction_mcp.workflow.plan import Plan
from tests.engine.plant import Plant, build, chain, fan, node, plan, running

BUDGETS_MS = {"10 steps": 10.0, "50 steps": 40.0, "100 steps": 80.0, "fan-out of 100": 15.0}
BUDGETS_PER_S = {20: 3000.0, 100: 5000.0}
EVENT_P95, STALL, TURN = "event to first step p95, ms", "loop stall at 100, ms", "... of it the loop's CPU, ms"
_EXECUTIONS = 300  # of ten steps each, for throughput
_EVENTS, _EVENT_PAUSE_S = 100, 0.01
_TICK_S = 0.001


async def _measure(rounds: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for places in (20, 100):
            settings = Settings(Path(folder) / str(places), executions_max=places, executions_per_workflow_max=places)
            settings = replace(settings, limits=replace(Limits(), executions_claimed_max=places))
            database = await Database.open(settings.database_file, limits=settings.limits)
            try:
                async with running(build(database, SystemClock(), settings)) as plant:
                    if places == 20:
                        found |= await _single(plant, rounds)
                    settle()  # as a server does before it begins
                    async with _ticking() as gaps:
                        rate, cpu_us = await _throughput(plant)
                    found[f"{places} at once, steps/s"] = rate
                    found[f"{places} at once, CPU us/step"] = cpu_us
                found[STALL], found[TURN] = (max(column) for column in zip(*gaps, strict=True))
            finally:
                await database.close()
    return found


async def _single(plant: Plant, rounds: int) -> dict[str, float]:
    wide = plan(node("a", for_each=fan(f"[{', '.join(map(str, range(100)))}]", 100)))
    cases: dict[str, Plan] = {f"{count} steps": plan(*chain(count)) for count in (10, 50, 100)}
    found = {}
    for name, made in (*cases.items(), ("fan-out of 100", wide)):
        workflow_id = await plant.deploy(made)

        async def once(workflow_id: str = workflow_id, made: Plan = made) -> None:
            accepted = await plant.engine.start(plant.new(workflow_id, made))
            await plant.engine.ended(accepted.id, 30.0)

        found[f"{name}, ms"] = await _median_ms(once, rounds)
    found[EVENT_P95] = await _events(plant)
    return found


class _Watched(list[tuple[str, int]]):
    """The bodies that ran, and a bell for whoever waits for the next."""

    def __init__(self) -> None:
        self.bell = asyncio.Event()

    def append(self, body: tuple[str, int]) -> None:
        super().append(body)
        self.bell.set()


async def _events(plant: Plant) -> float:
    """The 95th percentile of milliseconds from an accepted event to its first step."""
    made = plan(*chain(3))
    new = plant.new(await plant.deploy(made), made, priority=EVENT, requested_by="webhook")
    bodies = plant.world.bodies = _Watched()
    took = []
    for _ in range(_EVENTS):
        await asyncio.sleep(_EVENT_PAUSE_S)
        bodies.bell.clear()
        await plant.database.write(lambda tx: enqueue(tx, new, plant.clock.now()), durable=True)
        started = time.perf_counter()
        plant.engine.wake()
        await bodies.bell.wait()
        took.append((time.perf_counter() - started) * 1000)
    plant.world.bodies = []
    return statistics.quantiles(took, n=20)[-1]


@asynccontextmanager
async def _ticking() -> AsyncIterator[list[tuple[float, float]]]:
    """How late each tick of a task that only ticks is, and the loop's CPU since the last, in milliseconds: what
    everybody else has to wait for, and how much of that is not the machine's."""
    gaps: list[tuple[float, float]] = []

    async def tick() -> None:
        while True:
            started, cpu_started = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK_S)
            late_s = time.perf_counter() - started - _TICK_S
            gaps.append((late_s * 1000, (time.thread_time() - cpu_started) * 1000))

    ticker = asyncio.create_task(tick())
    try:
        yield gaps
    finally:
        ticker.cancel()


async def _throughput(plant: Plant) -> tuple[float, float]:
    """Steps per second, and CPU microseconds per step."""
    made = plan(*chain(10))
    workflow_id = await plant.deploy(made)
    started, cpu_started = time.perf_counter(), time.process_time()
    new = plant.new(workflow_id, made, priority=0)
    accepted = await asyncio.gather(*(plant.engine.start(new) for _ in range(_EXECUTIONS)))
    await asyncio.gather(*(plant.engine.ended(one.id, 60.0) for one in accepted))
    steps = _EXECUTIONS * 10
    return steps / (time.perf_counter() - started), (time.process_time() - cpu_started) / steps * 1e6


async def _median_ms(once: Callable[[], Awaitable[None]], rounds: int) -> float:
    await once()
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        await once()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def _dbos(rounds: int) -> dict[str, float]:
    """The same shapes on DBOS with SQLite; empty where it is not installed."""
    if find_spec("dbos") is None:
        return {}
    from dbos import DBOS, SetWorkflowID  # type: ignore[import-not-found,unused-ignore]  # a development tool

    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder}/dbos.sqlite", "log_level": "ERROR"})

        @DBOS.step()
        def nothing(value: int) -> int:
            return value

        @DBOS.workflow()
        def steps(count: int) -> int:
            for at in range(count):
                nothing(at)
            return count

        DBOS.launch()
        try:
            for count in (10, 50, 100):
                took = []
                for at in range(rounds + 1):
                    started = time.perf_counter()
                    with SetWorkflowID(f"{count}-{at}"):
                        steps(count)
                    took.append((time.perf_counter() - started) * 1000)
                found[f"{count} steps, ms"] = statistics.median(took[1:])
        finally:
            DBOS.destroy()
    return found


def _table(ours: dict[str, float], theirs: dict[str, float]) -> str:
    budgets: dict[str, Any] = {f"{name}, ms": f"<= {most:g}" for name, most in BUDGETS_MS.items()}
    budgets |= {f"{places} at once, steps/s": f">= {least:g}" for places, least in BUDGETS_PER_S.items()}
    budgets |= {EVENT_P95: "<= 20", STALL: "<= 10"}
    lines = [f"{'what':<30}{'here':>10}{'budget':>10}{'DBOS, SQLite':>14}"]
    for name, value in ours.items():
        beside = f"{theirs[name]:.1f}" if name in theirs else "-" if theirs else "not installed"
        lines.append(f"{name:<30}{value:>10.1f}{budgets.get(name, ''):>10}{beside:>14}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="one JSON line instead of the table")
    arguments = parser.parse_args()
    ours, theirs = asyncio.run(_measure(arguments.rounds)), _dbos(arguments.rounds)
    print(json.dumps({"here": ours, "dbos": theirs}) if arguments.json else _table(ours, theirs))


if __name__ == "__main__":
    main()
