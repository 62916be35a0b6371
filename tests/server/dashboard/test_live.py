"""The stream that tells open pages of changes."""

import asyncio

import pytest

from construction_mcp.core.clock import ManualClock
from tests.server.dashboard.doors import Stream

pytestmark = pytest.mark.anyio


async def settled(clock: ManualClock, seconds: float) -> None:
    """Let the stream go to sleep, then that much time pass."""
    async with asyncio.timeout(5):
        while clock.next_wake_s is None or clock.next_wake_s > seconds:  # noqa: ASYNC110 - another task
            await asyncio.sleep(0)
    clock.advance(seconds)


async def test_a_burst_of_changes_is_told_once(door, house, clock):
    await door.sign_in()
    async with door.stream() as stream:
        hello = await stream.next()
        for number in range(5):
            await house.changes.resource_updated(f"execution://exe_{number}/trace")
        await settled(clock, house.settings.limits.dashboard_settle_s)
        news = await stream.next()

    assert (stream.status, hello) == (200, b"retry: 5000\n\n")
    assert news == b"event: news\ndata:\n\n"
    assert stream.waiting == 0


async def test_a_quiet_stream_says_a_word_before_proxies_close_it(door, house, clock):
    await door.sign_in()
    async with door.stream() as stream:
        await stream.next()
        await settled(clock, house.settings.limits.dashboard_beat_s)

        assert b"news" in await stream.next()


async def test_a_stream_ends_with_the_bearer_behind_it(door, house, users, ana, clock):
    user, bearer = ana
    await door.sign_in(bearer)
    async with door.stream() as stream:
        await stream.next()
        await users.revoke(user.id)
        await settled(clock, house.settings.limits.dashboard_beat_s)
        async with asyncio.timeout(5):
            await stream.ended.wait()

    assert stream.waiting == 0


async def test_nobody_hears_of_changes_without_a_session(door):
    async with door.stream() as stream:
        async with asyncio.timeout(5):
            await stream.ended.wait()

    assert stream.status == 401


async def test_open_pages_have_a_bound_and_give_their_place_back(door, house):
    object.__setattr__(house.settings.limits, "dashboard_streams_max", 1)
    await door.sign_in()
    async with door.stream() as first:
        await first.next()
        async with door.stream() as second, asyncio.timeout(5):
            await second.ended.wait()
    async with door.stream() as third:
        await third.next()

    assert [stream.status for stream in (first, second, third)] == [200, 503, 200]
    assert isinstance(third, Stream)
