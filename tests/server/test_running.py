"""Workflows beside the calls: begun when there is something to do, and never the end of what the process serves."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.server.running import run_workflows
from construction_mcp.store.database import Database

pytestmark = pytest.mark.anyio

LIMITS = replace(Limits(), engine_after_s=0.0)


class Troubled(House):
    """A house whose services fail the first time."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        super().__init__(Settings(folder / "data", limits=LIMITS), clock=clock)
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.times = 0

    async def run_services(self) -> None:
        self.times += 1
        self.begun.put_nowait(self.times)
        if self.times == 1:
            raise ExceptionGroup("services", [RuntimeError("a mistake of ours")])
        await asyncio.Event().wait()


async def test_a_service_that_fails_is_started_again_and_ends_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    async with Troubled(tmp_path, clock) as house, asyncio.timeout(5):
        house.engine_wanted.set()
        working = asyncio.create_task(run_workflows(house))
        assert await house.begun.get() == 1
        while clock.next_wake_s is None:  # noqa: ASYNC110 - the clock has no event for its sleepers
            await asyncio.sleep(0)
        clock.advance(LIMITS.services_pause_s)

        assert await house.begun.get() == 2
        working.cancel()


async def test_without_anything_to_carry_out_no_engine_is_begun_before_one_is_wanted(tmp_path: Path) -> None:
    async with Troubled(tmp_path, ManualClock()) as house, asyncio.timeout(5):
        database = await house.services.get(Database)
        working = asyncio.create_task(run_workflows(house))
        for _ in range(20):  # it asks the store two things first
            await database.read(lambda _tx: None)
        assert house.begun.empty()

        house.engine_wanted.set()

        assert await house.begun.get() == 1
        working.cancel()
