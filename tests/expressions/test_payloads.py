"""What attackers write, sent through the engine: nothing runs, nothing grows, nothing is held up, no error is true.

Source: the goals of the project's own threat model for expressions and templates. Each wall time has slack for a busy
machine; that the limit stopped a payload shows in its error code. How long the event loop was held is counted in
processor time of its thread, which other programs on the machine do not change.
"""

import asyncio
import json
import resource
import time
from contextlib import asynccontextmanager

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import ANYTHING, Scope
from tests.expressions import payloads

pytestmark = pytest.mark.anyio

LIMITS = Limits()
SECRET = "canary-7f3a"
SMALL = {"vars": {**payloads.SMALL_VALUES, "secret": SECRET}}
SCOPE = Scope({"vars": ANYTHING, "item": ANYTHING})

STALL_MAX_S = 0.05
MEMORY_MAX_KB = 256 * 1024
# One evaluation, and before it possibly the start of the process that its predecessor killed.
WALL_MAX_S = LIMITS.expression_timeout_s + 2.0
ENDS = {
    "EXECUTION_EXPRESSION_FAILED",
    "EXECUTION_EXPRESSION_NULL",
    "EXECUTION_EXPRESSION_TIMEOUT",
    "VALIDATION_TOO_LARGE",
}


class Heartbeat:
    """A task that ticks; `longest_s` is the most processor time the loop's thread spent between two ticks."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._last = time.thread_time()
        self._next = asyncio.get_running_loop().call_soon(self._tick)

    def _tick(self) -> None:
        now = time.thread_time()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now
        self._next = asyncio.get_running_loop().call_later(0.001, self._tick)

    def lap(self) -> float:
        """The longest since the last lap."""
        longest, self.longest_s = self.longest_s, 0.0
        return longest

    def stop(self) -> None:
        self._next.cancel()


@asynccontextmanager
async def cel_engine():
    engine = CelEngine(LIMITS)
    try:
        yield engine
    finally:
        await engine.aclose()


async def outcome_of(evaluation):
    """The value, or the `Invalid`. Any other error is a failure of the test."""
    try:
        return await evaluation
    except Invalid as problem:
        return problem


def memory_kb(who: int) -> int:
    return resource.getrusage(who).ru_maxrss


def shown(payload: str) -> str:
    return ascii(payload)[:80]


def test_there_are_as_many_as_promised():
    texts = {text for text, _ in payloads.BOMBS}
    texts |= {*payloads.HOST, *payloads.STUMBLES, *payloads.HARMLESS, *payloads.FOREIGN_TEXT, *payloads.IN_DATA}

    assert len(texts) >= 300


async def test_no_program_of_another_language_gives_a_value():
    async with cel_engine() as engine:
        ends = {text: await outcome_of(engine.evaluate(text, SMALL)) for text in payloads.HOST}

    assert [shown(text) for text, end in ends.items() if not isinstance(end, Invalid)] == []
    assert {end.code for end in ends.values()} <= ENDS


async def test_no_program_of_another_language_passes_the_checker():
    """Deployment refuses it already, with a mistake that says where it is."""
    async with cel_engine() as engine:
        found = {text: engine.check(text, SCOPE) for text in payloads.HOST}

    passed = {text for text, checked in found.items() if not isinstance(checked, list | tuple)}
    assert {shown(text) for text in passed - payloads.FAILS_ONLY_ON_DATA} == set()
    assert all(found[text] for text in found.keys() - passed)


async def test_an_error_is_never_true():
    async with cel_engine() as engine:
        ends = {text: await outcome_of(engine.evaluate(text, SMALL)) for text in payloads.STUMBLES}

    assert [(shown(text), end) for text, end in ends.items() if not isinstance(end, Invalid)] == []
    assert {end.code for end in ends.values()} <= ENDS


async def test_tricks_that_are_sound_give_json_or_a_plain_error():
    async with cel_engine() as engine:
        ends = {text: await outcome_of(engine.evaluate(text, SMALL)) for text in payloads.HARMLESS}

    for text, end in ends.items():
        if isinstance(end, Invalid):
            assert end.code in ENDS, shown(text)
            assert "ended the process" not in end.message, shown(text)
        else:
            assert json.loads(json.dumps(end, allow_nan=False)) == end, shown(text)


async def test_no_bomb_takes_more_time_or_memory_than_it_may():
    before_kb = memory_kb(resource.RUSAGE_SELF)
    slow, stalls = [], []
    async with cel_engine() as engine:
        heartbeat = Heartbeat()
        for text, values in payloads.BOMBS:
            began = time.perf_counter()
            end = await outcome_of(engine.evaluate(text, {"vars": {**payloads.BOMB_VALUES, **values}}))
            took_s = time.perf_counter() - began

            assert not isinstance(end, Invalid) or end.code in ENDS, shown(text)
            slow += [(shown(text), took_s)] if took_s > WALL_MAX_S else []
            stalls += [(shown(text), stall_s)] if (stall_s := heartbeat.lap()) > STALL_MAX_S else []
        heartbeat.stop()

    assert slow == []
    assert stalls == []
    assert memory_kb(resource.RUSAGE_SELF) - before_kb <= MEMORY_MAX_KB
    assert memory_kb(resource.RUSAGE_CHILDREN) <= LIMITS.expression_memory_bytes_max // 1024


async def test_the_time_limit_is_what_stops_a_bomb():
    """Each of these takes seconds where nothing stops it."""
    lasting = [
        "vars.wide.filter(a, a in vars.wide).size()",
        "vars.numbers.map(a, vars.long.contains(vars.needle))",
        "size(" + "+".join(["vars.wide"] * 30) + ")",
    ]
    async with cel_engine() as engine:
        ends = [await outcome_of(engine.evaluate(text, {"vars": payloads.BOMB_VALUES})) for text in lasting]

        assert [end.code for end in ends] == ["EXECUTION_EXPRESSION_TIMEOUT"] * len(lasting)
        assert await engine.evaluate("vars.list.map(a, a + 1)", SMALL) == [2, 3, 4]


async def test_checking_a_payload_holds_nobody_up():
    slow = []
    async with cel_engine() as engine:
        for text in [*payloads.HOST, *payloads.STUMBLES, *payloads.HARMLESS, *(text for text, _ in payloads.BOMBS)]:
            began = time.thread_time()
            engine.check(text, SCOPE)
            took_s = time.thread_time() - began
            slow += [(shown(text), took_s)] if took_s > STALL_MAX_S else []

    assert slow == []


@pytest.mark.parametrize("text", ["vars.x.map(a, a)", "size(vars.x) == 1", "[vars.x]"])
async def test_data_of_any_depth_is_refused_not_followed(text):
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    async with cel_engine() as engine:
        with pytest.raises(Invalid) as refused:
            await engine.evaluate(text, {"vars": {"x": deep}})

    assert refused.value.code == "VALIDATION_TOO_LARGE"


@pytest.mark.parametrize("text", [*payloads.FOREIGN_TEXT, *payloads.IN_DATA], ids=shown)
async def test_text_of_a_record_is_data(text):
    """Whatever way it takes through an expression it comes out as it went in."""
    values = {"vars": {"x": text, "list": [text], "secret": SECRET}}
    computed = "\0" not in text  # CEL keeps text in C strings, so these are refused before they are cut
    async with cel_engine() as engine:
        assert await engine.evaluate("vars.x", values) == text
        if computed:
            assert await engine.evaluate("[vars.x][0]", values) == text
            assert await engine.evaluate("vars.list.filter(a, a == vars.x)", values) == [text]
