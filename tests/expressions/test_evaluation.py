"""What expressions give when they run, and how they fail: never with a value, never as true."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from tests.expressions.sample import ITEMS, VALUES

pytestmark = pytest.mark.anyio

VALUES_OF = [
    ("vars.limit + 1", 3),
    ("steps.open_rfis.output.total > 2", True),
    ("size(steps.open_rfis.output.items)", 3),
    ("steps.open_rfis.output.items.filter(r, r.is_overdue).map(r, r.subject)", ["Slab edge"]),
    ("steps.open_rfis.output.items[1].days_overdue", None),
    ("steps.open_rfis.output.items[2]['subject']", "Beam"),
    ("steps.open_rfis.output.items.exists(r, r.days_overdue > 2)", True),
    ("item.days_overdue == null || item.days_overdue > 3", True),
    ("has(trigger.body.amount) && !has(trigger.body.missing)", True),
    ("{'a': [1, 2.5, null, true, 'x']}", {"a": [1, 2.5, None, True, "x"]}),
    ("vars.limit > 1 ? 'many' : 'few'", "many"),
    ("steps.open_rfis.output.items[0].cost > 4", True),
    ("steps[vars.step].status + '!'", "completed!"),  # a map by a computed key
    ("steps.exists(key, steps[key].status == 'completed')", True),
    ("steps.open_rfis.output.items[vars.limit].subject + '!'", "Beam!"),
    ("duration('90s')", "90s"),
    ("timestamp('2026-03-02T15:00:00.5Z')", "2026-03-02T15:00:00.500000Z"),
    ("[1u, 2u]", [1, 2]),
    ("'a' + 'b' == 'ab' && 'b' in ['a', 'b']", True),
]
FAILURES = [
    ("trigger.body.missing", "there is no 'missing'"),
    ("trigger.body.missing + 1", "there is no 'missing'"),
    ("steps.open_rfis.output.items[9]", "there is no '9'"),
    ("steps.open_rfis.output.items[vars.limit + 9]", "there is no item 11 in a list of 3"),
    ("vars.limit / 0", "divide by zero"),
    ("vars.limit > 'a'", "> does not work with a whole number and a text"),
    ("vars.text && true", "&& does not work with these values"),
    ("vars.limit ? 1 : 2", "the condition of ? : is not true or false"),
    ("number(trigger.body.amount) * 2", "* does not work with a decimal number and a whole number"),
    ("number(vars.text)", "'plain' is not a number"),
    ("date(vars.text)", "'plain' is not a date"),
    ("vars.text.matches('(')", "invalid regular expression"),
    ("int(vars.text)", "cannot convert string to int"),
    ("b'abc'", "its result is no JSON"),
    ("{1: 2}", "its result is no JSON"),
    ("0.0 / 0.0", "its result is a number without end"),
    ("unheard_of + 1", "there is no 'unheard_of'"),
    ("1 +", "it is no valid expression"),
]


@pytest.fixture(scope="module")
def engine() -> CelEngine:
    return CelEngine()


async def failure(engine: CelEngine, text: str, values: Mapping[str, Any] = VALUES) -> Invalid:
    with pytest.raises(Invalid) as raised:
        await engine.evaluate(text, values)
    return raised.value


@pytest.mark.parametrize(("text", "value"), VALUES_OF)
async def test_an_expression_gives_its_value_as_json(engine, text, value):
    assert await engine.evaluate(text, VALUES) == value


@pytest.mark.parametrize(("text", "reason"), FAILURES)
async def test_a_failure_is_an_error_in_plain_words(engine, text, reason):
    failed = await failure(engine, text)

    assert failed.code == "EXECUTION_EXPRESSION_FAILED"
    assert reason in failed.message


async def test_a_failure_shows_what_was_read(engine):
    failed = await failure(engine, "steps.open_rfis.output.total / vars.nothing > vars.limit")

    assert failed.details["seen"] == {"steps.open_rfis.output.total": 3, "vars.nothing": None, "vars.limit": 2}


@pytest.mark.parametrize(
    "text",
    [
        "item.days_overdue > 3",
        "item.due_date < today()",
        "days_between(item.due_date, today()) > 3",
        "vars.nothing.name == 'x'",
        "'a' in vars.nothing",
        "size(vars.nothing) > 0",
        "vars.nothing && true",
        "!vars.nothing",
    ],
)
async def test_a_null_operand_has_its_own_code(engine, text):
    """So that transform.filter can leave the item out and count it (PRODUCT.md section 5)."""
    assert (await failure(engine, text)).code == "EXECUTION_EXPRESSION_NULL"


async def test_an_error_beside_a_null_is_not_blamed_on_it(engine):
    failed = await failure(engine, "vars.nothing == null && vars.limit > 'a'")

    assert failed.code == "EXECUTION_EXPRESSION_FAILED"


@pytest.mark.parametrize("text", ["vars.limit", "'true'", "vars.nothing", "[true]"])
async def test_a_condition_is_true_or_false_and_nothing_else(engine, text):
    with pytest.raises(Invalid) as raised:
        await engine.condition(text, VALUES)

    assert raised.value.code == "EXECUTION_EXPRESSION_FAILED"


async def test_a_condition_that_fails_is_no_answer(engine):
    assert await engine.condition("vars.limit == 2", VALUES) is True
    with pytest.raises(Invalid):
        await engine.condition("vars.limit > 'a'", VALUES)


@pytest.mark.parametrize("odd", ["NUL \0 inside", "{{ vars.limit }}", "\u202e\U0001f600 é", "' + 1 //", "x" * 400_000])
async def test_a_path_hands_over_text_untouched(engine, odd):
    """CEL keeps text in C strings and would cut it at a NUL; a path does not go through CEL."""
    assert await engine.evaluate("trigger.subject", {"trigger": {"subject": odd}}) == odd


async def test_a_text_that_cel_would_change_is_refused(engine):
    failed = await failure(engine, "trigger.subject + '!'", {"trigger": {"subject": "cut\0here"}})

    assert failed.code == "EXECUTION_EXPRESSION_FAILED"
    assert "NUL" in failed.message


async def test_only_what_is_read_counts(engine):
    """A thousand full records are no obstacle to asking how many there are, or whether one is overdue."""
    items = [{"id": number, "is_overdue": number == 999, "body": "x" * 2000} for number in range(1000)]
    values = {"steps": {"a": {"output": {"items": items, "total": 1000}}}}

    assert await engine.evaluate("size(steps.a.output.items) > 0 && steps.a.output.total == 1000", values) is True
    assert await engine.evaluate("steps.a.output.items.exists(r, r.is_overdue)", values) is True
    assert await engine.evaluate("steps.a.output.items[999].id + steps.a.output.items.size()", values) == 1999
    assert (await failure(engine, "steps.a.output.items + []", values)).code == "VALIDATION_TOO_LARGE"


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["x" * 300_000, [0] * 10_001, nested(70), nested(20_000)])
async def test_values_beyond_the_limits_are_refused_before_cel_sees_them(engine, value):
    failed = await failure(engine, "trigger.body == 1", {"trigger": {"body": value}})

    assert failed.code == "VALIDATION_TOO_LARGE"


async def test_results_beyond_the_limits_are_refused(engine):
    values = {"trigger": {"body": "x" * 100_000}}

    assert (await failure(engine, "[trigger.body, trigger.body, trigger.body]", values)).code == "VALIDATION_TOO_LARGE"


async def test_a_lone_surrogate_is_an_error_not_a_crash(engine):
    assert (await failure(engine, "trigger.body + 'a'", {"trigger": {"body": "\ud800"}})).message.endswith("Unicode.")


async def test_each_gives_a_value_or_a_failure_per_item(engine):
    found = await engine.each("item.days_overdue > vars.limit", "item", ITEMS, VALUES)

    assert found[0] is True
    assert isinstance(found[1], Invalid)
    assert found[1].code == "EXECUTION_EXPRESSION_NULL"
    assert found[2] is False


async def test_an_explanation_shows_paths_and_short_values(engine):
    values = {**VALUES, "trigger": {"subject": "s" * 500, "body": {"a": 1, "b": 2}}}

    shown = dict(engine.explain("size(steps.open_rfis.output.items) > 0 && trigger.subject == trigger.body", values))

    assert shown["steps.open_rfis.output.items"] == "a list of 3"
    assert len(shown["trigger.subject"]) == 200
    assert shown["trigger.body"] == "an object with a, b"


class Apart:
    """Stands where the confined process does, and notes what it was handed."""

    def __init__(self) -> None:
        self.runs: list[Mapping[str, Any]] = []
        self.items: list[Any] = []

    async def run(self, text: str, values: Mapping[str, Any]) -> Any:
        self.runs.append(values)
        return "from the other process"

    async def run_each(self, text: str, name: str, items: Sequence[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        self.items += items
        return [item["subject"] for item in items]


async def test_loops_and_large_values_run_in_the_confined_process():
    apart = Apart()
    engine = CelEngine(confined=apart)

    await engine.evaluate("vars.limit + 1", VALUES)
    await engine.evaluate("steps.open_rfis.output.items", VALUES)
    assert apart.runs == []

    await engine.evaluate("steps.open_rfis.output.items.map(r, r.id)", VALUES)
    await engine.evaluate("trigger.body + 'x'", {"trigger": {"body": "x" * 20_000, "secret": 1}})
    assert [sorted(values) for values in apart.runs] == [["clock", "steps"], ["trigger"]]
    assert apart.runs[0]["steps"] == {"open_rfis": {"output": {"items": [{"id": 1}, {"id": 2}, {"id": 3}]}}}
    assert list(apart.runs[1]["trigger"]) == ["body"]


async def test_each_hands_over_only_what_is_read_of_the_items():
    apart = Apart()
    items = [{"subject": "x", "unread": "y"} for _ in range(3)]

    assert await CelEngine(confined=apart).each("item.subject + ''", "item", items, VALUES) == ["x"] * 3
    assert apart.items == [{"subject": "x"}] * 3


async def test_evaluations_at_once_do_not_share_a_clock(engine):
    days = ["2026-01-01", "2026-06-01", "2027-01-01"]
    clocks = [{"clock": {"now": f"{day}T12:00:00Z", "timezone": "UTC"}} for day in days]

    assert await asyncio.gather(*(engine.evaluate("today() + ''", clock) for clock in clocks)) == days
