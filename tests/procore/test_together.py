"""Reads side by side."""

import asyncio

import pytest

from construction_mcp.procore.together import together

pytestmark = pytest.mark.anyio


async def test_results_come_in_the_order_asked() -> None:
    late = asyncio.Event()

    async def slow() -> str:
        await late.wait()
        return "slow"

    async def quick() -> str:
        late.set()
        return "quick"

    assert await together(slow(), quick()) == ["slow", "quick"]


async def test_the_first_failure_ends_the_others_and_leaves_the_caller_uncancelled() -> None:
    """On Python 3.11 a TaskGroup here would leave `cancelling()` at 1 and end the next cancel scope."""
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def broken() -> None:
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await together(endless(), broken())

    task = asyncio.current_task()
    assert ended.is_set()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_caller_that_is_cancelled_takes_its_reads_along() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(together(endless()))
    await begun.wait()
    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()
