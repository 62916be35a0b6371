"""Several reads at once: their order, the first failure, and a task that is left as it was found."""

import asyncio

import pytest

from construction_mcp.procore.together import together

pytestmark = pytest.mark.anyio


async def give(value, after=0):
    for _ in range(after):
        await asyncio.sleep(0)
    return value


async def fail(after=0):
    await give(None, after)
    raise ValueError("the first failure")


async def test_results_come_in_the_order_of_the_reads():
    assert await together(give("slow", after=3), give("quick")) == ["slow", "quick"]


async def test_the_first_failure_ends_the_others_and_is_raised_as_it_is():
    ended = asyncio.Event()

    async def wait():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ValueError, match="the first failure"):
        await together(wait(), fail(after=2))

    assert ended.is_set()


async def test_a_failure_leaves_no_mark_of_cancellation_on_its_task():
    """asyncio.TaskGroup does before Python 3.13, and the next cancel scope then cancels the wrong thing."""
    with pytest.raises(ValueError, match="the first failure"):
        await together(asyncio.Event().wait(), fail(after=2))

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
