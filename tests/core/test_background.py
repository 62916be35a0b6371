"""Services beside the calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from construction_mcp.core.background import Background

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def ticking(log: list[str]) -> AsyncIterator[str]:
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(asyncio.Event().wait())
        log.append("in")
        yield "made"
        work.cancel()
    log.append("out")


async def test_a_service_outlives_the_task_that_first_asked_for_it() -> None:
    log: list[str] = []
    background = Background()

    made = await asyncio.create_task(background.enter(ticking(log)))

    assert (made, log) == ("made", ["in"])
    await background.aclose()
    assert log == ["in", "out"]


async def test_a_service_that_cannot_start_tells_who_asked() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise OSError("no room")
        yield

    background = Background()
    with pytest.raises(OSError, match="no room"):
        await background.enter(broken())
    await background.aclose()
