"""What attackers write, sent through the engine: nothing runs, nothing grows, nothing is held up, no error is true.

Source: the goals of the project's own threat model for expressions and templates. Each wall time has slack for a busy
machine; that the limit stopped a payload shows in its error code. How long the event loop was held is counted in
processor time of its thread, which other programs on the machine do not change.
"""

import asyncio
import gc
import json
import resource
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.confined import Confined
from construction_mcp.expressions.port import ANYTHING, Checked, Scope
from construction_mcp.expressions.templates import fill
from tests.expressions import payloads

pytestmark = pytest.mark.anyio

LIMITS = Limits()
SECRET = "canary-7f3a"
SMALL = {"vars": {**payloads.SMALL_VALUES, "secret": SECRET}}
SCOPE = Scope(
    {
        "vars.x": {"type": "string"},
        "vars.n": {"type": "integer"},
        "vars.none": ANYTHING,
        **{f"vars.{name}": {"type": "array", "items": {"type": "integer"}} for name in ("list", "wide", "numbers")},
        **{f"vars.{name}": {"type": "string"} for name in ("long", "needle", "pattern")},
    }
)

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


@pytest.fixture(autouse=True, scope="module")
def a_heap_of_its_own() -> Iterator[None]:
    """What thousands of other tests left here is not walked by a collection in the middle of a measurement."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Heartbeat:
    """A task that ticks, and measures the processor time that the loop's thread spends between two ticks."""

    def __init__(self) -> None:
        self._longest_s = 0.0
        self._last = time.thread_time()
        self._ticked = asyncio.Event()
        self._next = asyncio.get_running_loop().call_soon(self._tick)

    def _tick(self) -> None:
        now = time.thread_time()
        self._longest_s = max(self._longest_s, now - self._last)
        self._last = now
        self._ticked.set()
        self._next = asyncio.get_running_loop().call_later(0.001, self._tick)

    async def lap(self) -> float:
        """The longest time since the last lap, up to the next tick."""
        self._ticked.clear()
        await self._ticked.wait()
        longest, self._longest_s = self._longest_s, 0.0
        return longest

    def stop(self) -> None:
        self._next.cancel()


@asynccontextmanager
async def cel_engine():
    confined = Confined(LIMITS)
    try:
        yield CelEngine(LIMITS, confined)
    finally:
        await confined.aclose()


async def outcome_of(evaluation):
    """The value, or the `Invalid`. Any other error is a failure of the test."""
    try:
        return await evaluation
    except Invalid as problem:
        return problem


def checking_s(engine: CelEngine, text: str) -> float:
    """Processor time of one check."""
    began = time.thread_time()
    engine.check(text, SCOPE)
    return time.thread_time() - began


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

    passed = {text for text, checked in found.items() if isinstance(checked, Checked)}
    assert {shown(text) for text in passed - payloads.FAILS_WHEN_IT_RUNS} == set()
    assert all(found[text] for text in found.keys() - passed)


async def test_an_error_is_never_true():
    async with cel_engine() as engine:
        conditions = {text: await outcome_of(engine.condition(text, SMALL)) for text in payloads.STUMBLES}
        values = {text: await outcome_of(engine.evaluate(text, SMALL)) for text in payloads.STUMBLES}

    for ends in (conditions, values):
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
        await engine.evaluate("vars.list.map(a, a)", SMALL)  # what is imported once is not the payload's doing
        heartbeat = Heartbeat()
        for text, values in payloads.BOMBS:
            began = time.perf_counter()
            end = await outcome_of(engine.evaluate(text, {"vars": {**payloads.BOMB_VALUES, **values}}))
            took_s = time.perf_counter() - began

            assert not isinstance(end, Invalid) or end.code in ENDS, shown(text)
            slow += [(shown(text), took_s)] if took_s > WALL_MAX_S else []
            stalls += [(shown(text), stall_s)] if (stall_s := await heartbeat.lap()) > STALL_MAX_S else []
        heartbeat.stop()

    assert slow == []
    assert stalls == []
    assert memory_kb(resource.RUSAGE_SELF) - before_kb <= MEMORY_MAX_KB
    assert memory_kb(resource.RUSAGE_CHILDREN) <= LIMITS.expression_memory_bytes_max // 1024


@pytest.mark.parametrize(
    ("characters", "bombs"),
    [
        (500, payloads.BOMBS),
        (15_000, payloads.BOMBS[::4]),
        pytest.param(15_000, payloads.BOMBS, marks=pytest.mark.slow),
    ],
    ids=["500", "15000 a quarter", "15000"],
)
async def test_no_bomb_with_little_fuel_holds_up_the_loop(characters, bombs):
    """Little is read in the server's own process, so here the rule of what goes to the other one has to be right."""
    fuel = payloads.little_fuel(characters)
    stalls = []
    async with cel_engine() as engine:
        await engine.evaluate("vars.list.map(a, a)", SMALL)
        heartbeat = Heartbeat()
        for text, values in bombs:
            cut = {name: value[:characters] for name, value in values.items()}
            await outcome_of(engine.evaluate(text, {"vars": {**fuel, **cut}}))
            stalls += [(shown(text), stall_s)] if (stall_s := await heartbeat.lap()) > STALL_MAX_S else []
        heartbeat.stop()

    assert stalls == []


async def test_the_time_limit_is_what_stops_a_bomb():
    """Each of these takes seconds where nothing stops it."""
    lasting = [
        "vars.wide.filter(a, a in vars.wide).size()",
        "vars.numbers.map(a, vars.long.contains(vars.needle))",
    ]
    async with cel_engine() as engine:
        ends = [await outcome_of(engine.evaluate(text, {"vars": payloads.BOMB_VALUES})) for text in lasting]

        assert [end.code for end in ends] == ["EXECUTION_EXPRESSION_TIMEOUT"] * len(lasting)
        assert await engine.evaluate("vars.list.map(a, a + 1)", SMALL) == [2, 3, 4]


async def test_checking_a_payload_holds_nobody_up():
    slow = []
    async with cel_engine() as engine:
        for text in [*payloads.HOST, *payloads.STUMBLES, *payloads.HARMLESS, *(text for text, _ in payloads.BOMBS)]:
            took_s = min(checking_s(engine, text) for _ in range(2))  # the first may describe the scope to CEL
            slow += [(shown(text), took_s)] if took_s > STALL_MAX_S else []

    assert slow == []


@pytest.mark.parametrize("text", ["vars.x.map(a, a)", "vars.x == vars.x", "[vars.x]"])
async def test_data_of_any_depth_is_refused_not_followed(text):
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    async with cel_engine() as engine:
        with pytest.raises(Invalid) as refused:
            await engine.evaluate(text, {"vars": {"x": deep}})

    assert refused.value.code == "VALIDATION_TOO_LARGE"


async def test_other_template_languages_are_text():
    async with cel_engine() as engine:

        async def evaluate(text):
            return await engine.evaluate(text, SMALL)

        for text in payloads.FOREIGN_TEXT:
            assert await fill(text, evaluate) == text
            assert await fill({"to": [text]}, evaluate) == {"to": [text]}
            assert await fill(text + " {{ vars.x }} " + text, evaluate) == f"{text} y {text}"


@pytest.mark.parametrize("opening", ["{{ ", "{{", "text {{ ", "{{{", "{{{{ ", "{{-", "{{&", "{{%", "{{!--"])
async def test_a_hole_with_a_foreign_program_fails_the_whole_template(opening):
    async with cel_engine() as engine:

        async def evaluate(text):
            return await engine.evaluate(text, SMALL)

        filled = {}
        for text in payloads.FOREIGN_HOLES:
            end = await outcome_of(fill(opening + text + " }}", evaluate))
            if not isinstance(end, Invalid):
                filled[shown(text)] = end

    assert filled == {}


async def test_text_of_a_record_is_data():
    """Whatever way it takes through expressions and templates, it comes out as it went in."""
    async with cel_engine() as engine:
        for text in payloads.IN_DATA:
            values = {"vars": {"x": text, "list": [text], "secret": SECRET}}

            async def evaluate(expression, values=values):
                return await engine.evaluate(expression, values)

            config = {"subject": "{{ vars.x }}", "body": "<{{vars.x}}|{{ vars.x }}>", "all": "{{ vars.list }}"}
            assert await fill(config, evaluate) == {"subject": text, "body": f"<{text}|{text}>", "all": [text]}
            if "\0" not in text:
                computed = "{{ vars.list.filter(a, a == vars.x) }}"
                assert await fill([computed, "{{ [vars.x][0] }}"], evaluate) == [[text], text]


@pytest.mark.parametrize("text", ["a\0b", "\0"])
async def test_text_that_cel_would_cut_is_refused(text):
    """It keeps text in C strings: what stands after a NUL would vanish unseen."""
    async with cel_engine() as engine:
        with pytest.raises(Invalid) as refused:
            await engine.evaluate("vars.x + 'c'", {"vars": {"x": text}})

    assert refused.value.code == "EXECUTION_EXPRESSION_FAILED"


async def test_an_expression_over_many_items_cannot_hold_up_the_loop():
    items = [{"text": text} for text in payloads.IN_DATA if "\0" not in text] * 10
    async with cel_engine() as engine:
        await engine.evaluate("vars.list.map(a, a)", SMALL)
        heartbeat = Heartbeat()
        outcomes = await engine.each("item.text + ''", "item", items, SMALL)
        stall_s = await heartbeat.lap()
        heartbeat.stop()

    assert outcomes == [item["text"] for item in items]
    assert stall_s <= STALL_MAX_S
