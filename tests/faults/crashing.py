"""A process that carries an execution out and is killed at its n-th boundary: before or after a commit or a write.

The outside world is a file beside the database: what a dead process sent stays sent.
"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from construction_mcp.actions.performing import Act, Context, Match
from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Groups, Job
from construction_mcp.workflow.plan import Plan
from tests.engine.plant import Free, Plant, World, build, fan, node, plan, running

LIMITS = replace(Limits(), step_settle_s=0.02)


class Outside(World):
    """Writes that survive whoever made them."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def sent(self) -> list[tuple[str, Any]]:
        if not self.file.exists():
            return []
        return [tuple(json.loads(line)) for line in self.file.read_text("utf-8").splitlines()]


class Boundaries:
    """Counts boundaries, and kills this process at one of them; 0 for never."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.passed = 0

    def here(self) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def journey() -> Plan:
    """Reads, a fan of reads, three kinds of writes and what comes after them."""
    return plan(
        node("read", config={"value": [1, 2, 3]}),
        node(
            "each",
            after=["read"],
            needs=["read"],
            for_each=fan("steps.read.output.value"),
            config={"value": "{{ item }}"},
        ),
        node("keyed", "test.write", after=["each"], config={"value": "keyed"}),
        node("again", "test.again", after=["keyed"], config={"value": "again"}),
        node("blind", "test.blind", after=["again"], config={"value": "blind"}),
        node("last", after=["blind"]),
    )


def prepared(directory: Path, boundaries: Boundaries, database: Database) -> Plant:
    """A plant whose writes go to the file."""
    settings = Settings(directory, limits=LIMITS)
    world = Outside(directory / "outside.jsonl")
    plant = build(database, SystemClock(), settings, world)

    def act(config: Free, context: Context, **more: Any) -> Act:
        async def perform() -> Mapping[str, Any]:
            boundaries.here()
            with world.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([context.run.key, config.value]) + "\n")
            boundaries.here()
            return {"item": {"id": f"m{len(world.sent()) - 1}"}}

        async def look(_since: datetime) -> Sequence[Match]:
            found = [at for at, (key, _) in enumerate(world.sent()) if key == context.run.key]
            return [Match(f"m{at}", {"item": {"id": f"m{at}"}}) for at in found]

        more = {**more, "look": look} if "look" in more else more
        return Act(f"Write {config.value}", {"value": config.value}, perform, {}, (f"test:{config.value}",), **more)

    plant.types._act = act  # type: ignore[method-assign]  # the seam where the crash goes in
    return plant


async def carry_out(directory: Path, kill_at: int, execution_id: str) -> int:
    """Run the engine until the execution has ended, or this process is dead; how many boundaries were passed."""
    database = await Database.open(directory / "construction.db", limits=LIMITS)
    boundaries = Boundaries(kill_at)
    commit = Groups._commit

    def counted(groups: Groups, writers: list[Job]) -> None:
        boundaries.here()
        commit(groups, writers)
        boundaries.here()

    Groups._commit = counted  # type: ignore[method-assign]  # the seam where the crash goes in
    try:
        async with running(prepared(directory, boundaries, database)) as plant:
            await plant.engine.ended(execution_id, 10.0)
        return boundaries.passed
    finally:
        Groups._commit = commit  # type: ignore[method-assign]  # the seam where the crash goes in
        await database.close()


async def accept(directory: Path) -> str:
    """Store the execution; nothing carries it out yet."""
    database = await Database.open(directory / "construction.db", limits=LIMITS)
    try:
        plant = prepared(directory, Boundaries(0), database)
        return await plant.start(journey())
    finally:
        await database.close()


def die(directory: Path, kill_at: int, execution_id: str) -> None:
    """The whole life of such a process."""
    asyncio.run(carry_out(directory, kill_at, execution_id))
