"""A deadline that costs only those who wait."""

import asyncio

import pytest

from construction_mcp.engine.deadline import within

pytestmark = pytest.mark.anyio


async def test_what_never_waits_is_done_without_a_timer():
    async def body() -> int:
        return 7

    assert await within(0.0, body()) == 7


async def test_what_waits_too_long_is_cut_off():
    ended = []

    async def body() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    with pytest.raises(TimeoutError):
        await within(0.01, body())
    assert ended == ["cleaned up"]


async def test_what_waits_several_times_goes_on_and_gives_its_value():
    async def body() -> str:
        async with asyncio.timeout(60):  # one of its own, begun before there was ours
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
            except TimeoutError:
                return await asyncio.to_thread(str, "done")
        return "never"

    assert await within(60.0, body()) == "done"


@pytest.mark.parametrize("waits", [False, True])
async def test_a_mistake_reaches_the_caller(waits: bool):
    async def body() -> None:
        if waits:
            await asyncio.sleep(0)
        raise LookupError("mine")

    with pytest.raises(LookupError):
        await within(60.0, body())


async def test_who_is_cancelled_cancels_the_body():
    begun, ended = asyncio.Event(), []

    async def body() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    caller = asyncio.ensure_future(within(60.0, body()))
    await begun.wait()
    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended == ["cancelled"]
