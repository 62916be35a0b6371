"""The cache: shared loads, tags, bounds and cancellation."""

import asyncio

import pytest

from construction_mcp.cache import Cache, Key, SingleFlight
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.trace import Trace, current_trace

pytestmark = pytest.mark.anyio

PROJECTS = Key("conn_1", 1, "projects")


class Source:
    """Answers loads with their number; `gate` holds them back."""

    def __init__(self):
        self.loads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()

    async def load(self):
        self.loads += 1
        number = self.loads
        self.started.set()
        await self.gate.wait()
        return number


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def cache(clock):
    return Cache(clock, entries_max=8)


async def test_an_answer_is_kept_for_its_life_and_no_longer(cache, clock):
    source = Source()
    first = await cache.get(PROJECTS, source.load, ttl_s=300)
    clock.advance(299)
    kept = await cache.get(PROJECTS, source.load, ttl_s=300)
    clock.advance(2)

    fresh = await cache.get(PROJECTS, source.load, ttl_s=300)

    assert (first, kept, fresh) == (1, 1, 2)


async def test_a_hundred_identical_reads_at_once_load_once(cache):
    source = Source()

    answers = await asyncio.gather(*(cache.get(PROJECTS, source.load, ttl_s=0) for _ in range(100)))

    assert (answers, source.loads) == ([1] * 100, 1)
    assert (cache.counts.miss, cache.counts.coalesced) == (1, 99)


async def test_one_cancelled_waiter_does_not_fail_the_others(cache):
    """Even the one whose call started the load."""
    source = Source()
    source.gate.clear()
    leader, follower = (asyncio.ensure_future(cache.get(PROJECTS, source.load, ttl_s=60)) for _ in range(2))
    await source.started.wait()

    leader.cancel()
    await asyncio.wait({leader})
    source.gate.set()

    assert await follower == 1
    assert leader.cancelled()
    assert source.loads == 1


async def test_a_load_nobody_waits_for_is_cancelled_and_the_next_reader_starts_anew(cache):
    source = Source()
    source.gate.clear()
    only = asyncio.ensure_future(cache.get(PROJECTS, source.load, ttl_s=60))
    await source.started.wait()
    only.cancel()
    await asyncio.wait({only})
    source.gate.set()

    assert await cache.get(PROJECTS, source.load, ttl_s=60) == 2


async def test_a_failed_load_fails_its_waiters_and_is_not_kept(cache):
    async def fail():
        raise Unavailable("Procore is down.")

    results = await asyncio.gather(*(cache.get(PROJECTS, fail, ttl_s=60) for _ in range(3)), return_exceptions=True)

    assert all(isinstance(result, Unavailable) for result in results)
    assert await cache.get(PROJECTS, Source().load, ttl_s=60) == 1


async def test_a_tag_forgets_what_was_read_under_it_and_nothing_else(cache):
    rfis, submittals = Source(), Source()
    other = Key("conn_1", 1, "submittals")
    await cache.get(PROJECTS, rfis.load, ttl_s=60, tags=["project:7:rfis"])
    await cache.get(other, submittals.load, ttl_s=60, tags=["project:7:submittals"])

    cache.invalidate("project:7:rfis")

    assert await cache.get(PROJECTS, rfis.load, ttl_s=60, tags=["project:7:rfis"]) == 2
    assert await cache.get(other, submittals.load, ttl_s=60, tags=["project:7:submittals"]) == 1


async def test_a_read_that_was_under_way_during_a_write_is_neither_kept_nor_joined(cache):
    source = Source()
    source.gate.clear()
    before = asyncio.ensure_future(cache.get(PROJECTS, source.load, ttl_s=60, tags=["project:7"]))
    await source.started.wait()

    cache.invalidate("project:7")
    after = asyncio.ensure_future(cache.get(PROJECTS, source.load, ttl_s=60, tags=["project:7"]))
    await asyncio.sleep(0)
    source.gate.set()

    assert (await before, await after) == (1, 2)
    assert await cache.get(PROJECTS, source.load, ttl_s=60, tags=["project:7"]) == 2


async def test_connections_and_companies_never_share_an_answer(cache):
    source = Source()
    keys = [Key("conn_1", 1, "x"), Key("conn_2", 1, "x"), Key("conn_1", 2, "x")]

    assert [await cache.get(key, source.load, ttl_s=60) for key in keys] == [1, 2, 3]


async def test_a_disconnected_account_and_a_deleted_company_leave_nothing(cache):
    source = Source()
    mine, theirs = Key("conn_1", 1, "x"), Key("conn_2", 2, "x")
    for key in (mine, theirs):
        await cache.get(key, source.load, ttl_s=60)

    cache.forget_connection("conn_1")
    cache.forget_company(2)

    assert [await cache.get(key, source.load, ttl_s=60) for key in (mine, theirs)] == [3, 4]


async def test_the_number_of_entries_and_of_tags_is_bounded(cache):
    source = Source()
    for number in range(200):
        await cache.get(Key("c", 1, number), source.load, ttl_s=60, tags=[f"project:{number}"])
        cache.invalidate(f"project:{number}")

    assert len(cache) <= 8
    assert len(cache._generations) <= 8 * 4 + 2


async def test_the_trace_tells_the_costliest_read_of_a_call(cache):
    source = Source()
    await cache.get(PROJECTS, source.load, ttl_s=60)
    token = current_trace.set(Trace())
    try:
        await cache.get(PROJECTS, source.load, ttl_s=60)
        after_hit = current_trace.get().cache
        await cache.get(Key("conn_1", 1, "other"), source.load, ttl_s=60)

        assert (after_hit, current_trace.get().cache) == ("hit", "miss")
    finally:
        current_trace.reset(token)


async def test_closing_ends_the_waiters_with_a_clear_error(cache):
    source = Source()
    source.gate.clear()
    waiter = asyncio.ensure_future(cache.get(PROJECTS, source.load, ttl_s=60))
    await source.started.wait()

    await cache.aclose()

    with pytest.raises(Unavailable) as caught:
        await waiter
    assert caught.value.code == "SYSTEM_SHUTTING_DOWN"


async def test_a_run_that_must_finish_outlives_its_last_waiter():
    flights, source = SingleFlight(), Source()
    source.gate.clear()
    waiter = asyncio.ensure_future(flights.run("refresh", source.load, finish=True))
    await source.started.wait()
    waiter.cancel()
    await asyncio.wait({waiter})

    assert flights.is_flying("refresh")
    source.gate.set()
    assert await flights.run("refresh", source.load, finish=True) == 1
