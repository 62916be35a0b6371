"""The rate limiter: never over the windows, nobody lost, people first."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from construction_mcp.core.clock import ManualClock, SystemClock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import RateLimited
from construction_mcp.procore.limiter import Limiter, Limiters, Priority, Smoothing, Standby
from tests.procore.drive import run_on, settle

pytestmark = pytest.mark.anyio

INTERACTIVE, BACKGROUND = Priority.INTERACTIVE, Priority.BACKGROUND
DAY = 86_400.0


class Upstream:
    """Procore's own count: fixed or sliding windows, headers of the window that will be hit first."""

    def __init__(self, clock, *, hourly=600, spike=25, sliding=False, headers=None, foreign=0):
        self.clock = clock
        self.windows = [(hourly, 3600.0), (spike, 10.0)]
        self.sliding = sliding
        self.headers = headers
        self.seen = [clock.now().timestamp() - 60] * foreign
        self.statuses = Counter()

    def answer(self):
        """Status and headers of one request at this moment."""
        now = self.clock.now().timestamp()
        left = []
        for limit, length in self.windows:
            begin = now - length if self.sliding else now - now % length
            used = sum(1 for moment in self.seen if moment > begin or (not self.sliding and moment == begin))
            reset = now + length if self.sliding else begin + length
            left.append((limit - used, limit, reset))
        remaining, limit, reset = min(left)
        status = 429 if remaining <= 0 else 200
        if status == 200:
            self.seen.append(now)
        self.statuses[status] += 1
        told = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(0, remaining - 1)),
            "x-rate-limit-reset": str(int(reset) + 1),
        }
        return status, told if self.headers is None else self.headers(told)


async def call(limiter, clock, upstream, *, priority=BACKGROUND, wait_s=DAY, latency_s=0.0):
    """One read as the client makes it; the status and the seconds it waited for its turn."""
    asked = clock.monotonic()
    async with limiter.slot(priority, wait_s) as slot:
        waited = clock.monotonic() - asked
        await clock.sleep(latency_s)
        status, headers = upstream.answer()
        slot.observe(headers)
        return status, waited


@pytest.mark.parametrize("sliding", [False, True], ids=["fixed windows", "sliding windows"])
async def test_a_hundred_callers_with_two_thousand_reads_never_meet_a_429(sliding):
    """600 an hour, 25 in ten seconds, both sides on one clock."""
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock, sliding=sliding)

    async def caller():
        return [await call(limiter, clock, upstream, latency_s=0.2) for _ in range(20)]

    results = await run_on(clock, *(caller() for _ in range(100)))

    assert upstream.statuses == {200: 2000}
    assert sum(len(answers) for answers in results) == 2000


async def test_a_person_never_waits_for_background_work_longer_than_one_spike_window():
    """Through four hours of a queue that is never empty; the slice of the hour is kept for people."""
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock)
    background = [call(limiter, clock, upstream, latency_s=0.3) for _ in range(900)]

    async def person():
        waits = []
        for _ in range(60):
            await clock.sleep(73)
            waits.append((await call(limiter, clock, upstream, priority=INTERACTIVE))[1])
        return waits

    *_, waits = await run_on(clock, *background, person())

    assert max(waits) <= 10.1
    assert upstream.statuses[429] == 0


async def test_other_programs_on_the_same_account_are_seen_in_the_headers():
    """580 of the hour were used before we came: what is left is 20, and we stop there."""
    clock = ManualClock(datetime(2026, 3, 2, 15, 5, tzinfo=UTC))
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock, foreign=580)

    results = await run_on(
        clock, *(call(limiter, clock, upstream, priority=INTERACTIVE, wait_s=30, latency_s=0.1) for _ in range(60))
    )

    refused = [result for result in results if isinstance(result, RateLimited)]
    assert len(refused) == 40 - upstream.statuses[429]
    assert upstream.statuses[200] == 20
    assert all(refusal.retry_after_s > 30 for refusal in refused)
    assert upstream.statuses[429] <= 5  # those already under way when the first report arrived


async def test_a_limit_that_procore_reports_outranks_ours():
    clock = ManualClock()
    limiter = Limiter(clock, Limits())
    upstream = Upstream(clock, hourly=3600, spike=50)
    await run_on(clock, call(limiter, clock, upstream, priority=INTERACTIVE))

    results = await run_on(clock, *(call(limiter, clock, upstream, priority=INTERACTIVE) for _ in range(45)))

    assert upstream.statuses == {200: 46}
    assert all(waited == 0 for _, waited in results)


async def test_a_window_nobody_documented_is_learned_from_its_reports():
    """A sandbox user met 100 requests a minute: neither of the two windows."""
    clock = ManualClock(datetime(2026, 3, 2, 15, 0, 7, tzinfo=UTC))
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock)
    upstream.windows = [(100, 60.0)]

    results = await run_on(
        clock, *(call(limiter, clock, upstream, priority=INTERACTIVE, latency_s=0.1) for _ in range(300))
    )

    assert upstream.statuses == {200: 300}
    assert len(results) == 300
    assert clock.monotonic() <= 240


async def test_an_hour_met_near_its_end_is_not_taken_for_a_minute():
    """300 an hour, first seen 50 seconds before it begins anew: the next hour is an hour again."""
    clock = ManualClock(datetime(2026, 3, 2, 15, 59, 10, tzinfo=UTC))
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock)
    upstream.windows = [(300, 3600.0)]

    await run_on(clock, *(call(limiter, clock, upstream, latency_s=0.1) for _ in range(500)))

    assert upstream.statuses == {200: 500}


LIES = {
    "vanished": lambda _told: {},
    "nothing left, ever": lambda told: {**told, "x-rate-limit-remaining": "0"},
    "a reset in the past": lambda told: {**told, "x-rate-limit-remaining": "0", "x-rate-limit-reset": "1"},
    "a reset in a thousand years": lambda told: {**told, "x-rate-limit-reset": "99999999999"},
    "nothing left for a thousand years": lambda told: {
        **told,
        "x-rate-limit-remaining": "0",
        "x-rate-limit-reset": "99999999999",
    },
    "a limit of zero": lambda told: {**told, "x-rate-limit-limit": "0"},
    "a limit without end": lambda told: {**told, "x-rate-limit-limit": "9" * 30},
    "no numbers": lambda told: dict.fromkeys(told, "soon"),
    "negative": lambda told: dict.fromkeys(told, "-5"),
    "everything left, always": lambda told: {**told, "x-rate-limit-remaining": told["x-rate-limit-limit"]},
    "not ascii": lambda told: dict.fromkeys(told, "\uff12\uff15"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_with_lying_or_vanishing_headers_every_request_is_answered_or_refused(lie):
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock, headers=lie)

    results = await run_on(clock, *(call(limiter, clock, upstream, wait_s=120, latency_s=0.1) for _ in range(300)))

    refused = [result for result in results if isinstance(result, RateLimited)]
    answered = [result for result in results if isinstance(result, tuple)]
    assert len(refused) + len(answered) == 300
    assert all(refusal.retry_after_s >= 1 for refusal in refused)
    assert len(answered) >= 100
    assert upstream.statuses[429] == 0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    callers=st.integers(1, 60),
    spike=st.integers(1, 12),
    hourly=st.integers(12, 40),
    spread_s=st.sampled_from([0.0, 5.0, 60.0, 4000.0]),
)
def test_no_sliding_window_is_ever_exceeded_and_no_caller_is_lost(seed, callers, spike, hourly, spread_s):
    """Random arrivals, latencies, priorities, patience and cancellations."""
    rng = random.Random(seed)
    asyncio.run(_one_random_day(rng, callers, spike, hourly, spread_s))


async def _one_random_day(rng, callers, spike, hourly, spread_s):
    clock = ManualClock()
    limiter = Limiter(clock, Limits(hourly_requests=hourly, spike_requests=spike, interactive_share=0.25))
    spans = []

    async def one():
        await clock.sleep(rng.uniform(0, spread_s))
        async with limiter.slot(rng.choice(list(Priority)), rng.choice([0, 5, 30, 4000, DAY])):
            begun = clock.monotonic()
            await clock.sleep(rng.choice([0, 0.1, 4, 15]))
            spans.append((begun, clock.monotonic()))

    async def impatient():
        task = asyncio.ensure_future(one())
        patience = asyncio.ensure_future(clock.sleep(rng.uniform(0, spread_s + 1)))
        await asyncio.wait({task, patience}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        patience.cancel()
        await asyncio.wait({task})

    everyone = [impatient() if rng.random() < 0.2 else one() for _ in range(callers)]
    results = await run_on(clock, *everyone)

    assert all(result is None or isinstance(result, RateLimited) for result in results)
    assert limiter.waiting == 0
    # Wherever in its span Procore counted a request: within `length` of any start, no more than the limit.
    for limit, length in ((spike, 10.0), (hourly, 3600.0)):
        for begun, _ in spans:
            assert sum(1 for other, ended in spans if other <= begun < ended + length or other == begun) <= limit


async def test_a_cancelled_waiter_gives_its_place_to_the_next():
    clock = ManualClock()
    limiter = Limiter(clock, Limits(spike_requests=1))
    upstream = Upstream(clock, spike=1)
    holder = asyncio.ensure_future(call(limiter, clock, upstream, priority=INTERACTIVE, latency_s=5))
    await settle()
    first, second = (
        asyncio.ensure_future(call(limiter, clock, upstream, priority=INTERACTIVE, wait_s=60)) for _ in range(2)
    )
    await settle()

    first.cancel()
    (result,) = await run_on(clock, asyncio.wait_for(second, None))
    await holder

    assert result[0] == 200
    assert limiter.waiting == 0


async def test_a_turn_that_comes_as_its_caller_leaves_goes_to_the_next():
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits(spike_requests=1)), Upstream(clock)
    async with limiter.slot(INTERACTIVE, 0) as held:
        leaving = asyncio.ensure_future(call(limiter, clock, upstream, priority=INTERACTIVE, wait_s=60))
        await settle()
        held.sent = False
    leaving.cancel()  # its turn has just come; it does not know yet
    await settle()

    ((status, waited),) = await run_on(clock, call(limiter, clock, upstream, priority=INTERACTIVE))

    assert (leaving.cancelled(), status, waited) == (True, 200, 0)


async def test_a_wait_that_cannot_end_in_time_is_refused_at_once():
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock)
    await run_on(clock, *(call(limiter, clock, upstream, priority=INTERACTIVE) for _ in range(25)))

    (refusal,) = await run_on(clock, call(limiter, clock, upstream, priority=INTERACTIVE, wait_s=3))

    assert isinstance(refusal, RateLimited)
    assert 9 <= refusal.retry_after_s <= 11
    assert clock.monotonic() == 0


async def test_a_pause_holds_everybody():
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits()), Upstream(clock)
    async with limiter.slot(INTERACTIVE, 0) as slot:
        slot.pause(42)

    ((_, waited),) = await run_on(clock, call(limiter, clock, upstream, priority=INTERACTIVE))

    assert waited == 42


async def test_a_full_queue_refuses_instead_of_growing():
    clock = ManualClock()
    limiter, upstream = Limiter(clock, Limits(rate_queue_max=5, spike_requests=5)), Upstream(clock, spike=5)

    results = await run_on(
        clock, *(call(limiter, clock, upstream, priority=INTERACTIVE, latency_s=1) for _ in range(20))
    )

    assert sum(isinstance(result, RateLimited) for result in results) == 10


def test_each_application_has_its_own_books():
    limiters = Limiters(ManualClock(), Limits())

    assert limiters.of("app") is limiters.of("app")
    assert limiters.of("app") is not limiters.of("other")


def test_the_smoothing_of_a_window_adds_up_to_less_than_its_limit():
    """AsyncLimiter(25, 10) would grant 50 in the first window; burst + rate * window has to fit."""
    limits = Limits()
    for spike in (1, 2, 5, 25, 100):
        bucket = Smoothing(limits).retune(spike)

        assert bucket.max_rate + bucket.max_rate / bucket.time_period * limits.spike_window_s <= max(spike, 2) + 1e-9


async def test_smoothing_lets_people_pass_and_bounds_the_wait_of_the_rest():
    """On real time, since aiolimiter knows no other."""
    limits = Limits(spike_requests=10)
    limiter = Limiter(SystemClock(), limits, Smoothing(limits))
    sent = []

    async def one(priority):
        async with limiter.slot(priority, 0.05):
            sent.append(priority)

    results = await asyncio.gather(*(one(BACKGROUND) for _ in range(8)), return_exceptions=True)
    await one(INTERACTIVE)

    assert sum(isinstance(result, RateLimited) for result in results) >= 2
    assert sent[-1] is INTERACTIVE


class Marks:
    """What a caller's standby made known, with how many requests had been sent by then."""

    def __init__(self):
        self.sent = 0
        self.heard = []
        self.standby = Standby(self.mark)

    async def mark(self, is_waiting):
        self.heard.append((is_waiting, self.sent))

    async def send(self, limiter, until=None):
        async with limiter.slot(BACKGROUND, DAY, self.standby):
            self.sent += 1
            if until is not None:
                await until.wait()


async def test_a_caller_is_known_to_wait_until_right_before_it_sends():
    clock, marks = ManualClock(), Marks()
    limiter = Limiter(clock, Limits(spike_requests=1, interactive_share=0))

    await run_on(clock, marks.send(limiter))
    at_once = list(marks.heard)
    await run_on(clock, marks.send(limiter))

    assert at_once == []
    assert marks.heard == [(True, 1), (False, 1)]


async def test_a_caller_that_is_refused_its_turn_waits_no_more():
    clock, marks = ManualClock(), Marks()
    limiter = Limiter(clock, Limits(spike_requests=1, interactive_share=0))
    await run_on(clock, marks.send(limiter))

    with pytest.raises(RateLimited):
        async with limiter.slot(BACKGROUND, 3, marks.standby):
            raise AssertionError("it had no turn")

    assert marks.heard == [(True, 1), (False, 1)]


async def test_a_caller_with_a_request_under_way_is_at_work_whatever_else_of_it_waits():
    clock, marks, answered = ManualClock(), Marks(), asyncio.Event()
    limiter = Limiter(clock, Limits(spike_requests=1, interactive_share=0))
    both = [asyncio.ensure_future(marks.send(limiter, answered)) for _ in range(2)]
    await settle()
    while_sent = list(marks.heard)
    answered.set()
    await run_on(clock, *both)

    assert while_sent == []
    assert marks.sent == 2
