"""The functions beyond CEL's own, one by one (PRODUCT.md section 5)."""

import pytest

from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.functions import FUNCTIONS
from tests.expressions.sample import VALUES

pytestmark = pytest.mark.anyio

# It is 2026-03-03 04:30 in UTC, so still Monday the 2nd in Chicago; the 4th is a holiday.
GIVES = [
    ("today()", "2026-03-02"),
    ("now()", "2026-03-03T04:30:00Z"),
    ("now() - duration('24h')", "2026-03-02T04:30:00Z"),
    ("date('2026-03-05')", "2026-03-05"),
    ("date('2026-03-03T04:30:00Z')", "2026-03-02"),
    ("date('2026-03-03T04:30:00+09:00')", "2026-03-02"),
    ("date('2026-03-03T12:00:00')", "2026-03-03"),
    ("date(now())", "2026-03-02"),
    ("date(null)", None),
    ("date('2026-03-01') < today()", True),
    ("days_between('2026-02-27', today())", 3),
    ("days_between(today(), '2026-02-27')", -3),
    ("days_between(now(), now())", 0),
    ("days_between(null, today())", None),
    ("business_days_between('2026-02-27', '2026-03-02')", 1),  # Friday to Monday
    ("business_days_between('2026-02-28', '2026-03-01')", 0),  # Saturday to Sunday
    ("business_days_between('2026-03-02', '2026-03-06')", 3),  # Monday to Friday, Wednesday off
    ("business_days_between('2026-03-06', '2026-03-02')", -3),
    ("business_days_between('2026-01-01', '2026-12-31')", 259),  # 260 weekdays after the first, one off
    ("business_days_between(null, today())", None),
    ("number('12.5')", 12.5),
    ("number(' 1,200.50 ')", 1200.5),
    ("number('-3e2')", -300.0),
    ("number(3) * 2.0", 6.0),
    ("number(null)", None),
    ("number('4') > 3", True),
    ("sum([1, 2, 3])", 6.0),
    ("sum([1.5, null, 2])", 3.5),
    ("sum([])", 0.0),
    ("avg([1, 2])", 1.5),
    ("avg([2, null])", 2.0),
    ("avg([])", None),
    ("sort_by([{'a': 2}, {'a': 1}], 'a').map(x, x.a)", [1, 2]),
    ("sort_by([{'a': null, 'n': 1}, {'a': 1, 'n': 2}, {'n': 3}], 'a').map(x, x.n)", [2, 1, 3]),
    ("sort_by([], 'a')", []),
    ("join(['a', 'b'], ', ')", "a, b"),
    ("join([1, 2.0, null, true, [1]], '-')", "1-2-true-[1]"),
    ("join([], ',')", ""),
    ("truncate('abcdef', 4)", "abc…"),
    ("truncate('abcd', 4)", "abcd"),
    ("truncate(null, 4)", None),
    ("default(vars.nothing, 7)", 7),
    ("default(vars.limit, 7)", 2),
    ("default(vars.absent, 7)", 7),
    ("default(trigger.body.a.b[0].c['d e'], 7)", 7),
    ("default(trigger.body.lines[0].quantity, 7)", 2),
    ("default(trigger.body.lines[3].quantity, 7)", 7),
    ("default(avg([]), 7)", 7),
    ("default(vars.absent, default(vars.limit, 1))", 2),
    ("default(default(vars.absent, trigger.body.absent), 'last')", "last"),
    ("default(vars.absent, {'a': [1, 2]}).a[1]", 2),
    ("[{'a': null}, {'b': 1}, {'a': 3}].map(x, default(x.a, 0))", [0, 0, 3]),
    ("'default(x, y)' + default(vars.text, 'n')", "default(x, y)plain"),
]
FAILS = [
    ("date('next week')", "'next week' is not a date"),
    ("date('2026-02-30')", "is not a date"),
    ("number('12 apples')", "is not a number"),
    ("number('')", "is not a number"),
    ("number('nan')", "is not a number"),
    ("number(true)", "is not a number"),
    ("sum(['1'])", "write number(...)"),
    ("avg([true])", "is not a number"),
    ("sort_by([{'a': 1}, {'a': 'x'}], 'a')", "cannot be put in one order"),
    ("sort_by([{'a': 1}], 'b')", "no item has a field 'b'"),
    ("sort_by([1], 'a')", "needs a list of objects"),
    ("truncate('abc', 0)", "length of 1 or more"),
    ("default(vars.absent, vars.absent)", "there is no 'absent'"),
]


@pytest.fixture(scope="module")
def engine() -> CelEngine:
    return CelEngine()


@pytest.mark.parametrize(("text", "value"), GIVES)
async def test_a_function_gives(engine, text, value):
    found = await engine.evaluate(text, VALUES)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "reason"), FAILS)
async def test_a_function_refuses(engine, text, reason):
    with pytest.raises(Invalid) as raised:
        await engine.evaluate(text, VALUES)

    assert reason in raised.value.message


async def test_a_joined_text_is_bounded(engine):
    values = {"vars": {"parts": ["x" * 200] * 1000, "between": "y" * 200}}

    with pytest.raises(Invalid, match="too long"):
        await engine.evaluate("size(join(vars.parts, vars.between))", values)


async def test_without_a_clock_the_machines_own_time_stands_in(engine):
    assert len(await engine.evaluate("today() + ''", {})) == 10


def test_every_function_of_the_contract_is_there_and_no_other():
    promised = "date today now days_between business_days_between number sum avg sort_by join truncate default"

    assert set(FUNCTIONS) == set(promised.split())
    assert {name for name in FUNCTIONS if not any(text.find(f"{name}(") >= 0 for text, _ in GIVES)} == set()
