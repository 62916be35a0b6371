"""Holes in texts: where they are, what fills them, and that nothing put in is ever looked at again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Checked
from construction_mcp.expressions.templates import Hole, fill, parse, render
from tests.expressions.sample import SCOPE, VALUES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("no hole } here {", ("no hole } here {",)),
        ("{{ vars.x }}", (Hole("vars.x", 3),)),
        ("{{vars.x}}", (Hole("vars.x", 2),)),
        ("Hi {{ vars.x }}!", ("Hi ", Hole("vars.x", 6), "!")),
        ("{{ a }}{{ b }}", (Hole("a", 3), Hole("b", 10))),
        ("{{ '}}' }}", (Hole("'}}'", 3),)),
        ('{{ "{{" }}', (Hole('"{{"', 3),)),
        ("{{ {'a': {'b': 1}} }}", (Hole("{'a': {'b': 1}}", 3),)),
        ("{{ {'a': {'b': 1}}}}", (Hole("{'a': {'b': 1}}", 3),)),
        (r"{{ 'it\'s }}' }}", (Hole(r"'it\'s }}'", 3),)),
        ("{{ r'\\' }}", (Hole("r'\\'", 3),)),
        ('{{ """a }} " b""" }}', (Hole('"""a }} " b"""', 3),)),
        ("{{ a // it's }} done", (Hole("a // it's", 3), " done")),
        ("{{ a }} }} {{ b }}", (Hole("a", 3), " }} ", Hole("b", 14))),
        ("é😀{{ a }}", ("é😀", Hole("a", 5))),
    ],
)
def test_a_text_is_parted_at_its_holes(text, parts):
    template = parse(text)

    assert template.parts == parts
    assert template.mistakes == ()


@pytest.mark.parametrize(("text", "position"), [("{{ a", 0), ("ok {{ a }} {{ b", 11), ("{{ {'a': 1 }}", 0)])
def test_a_hole_that_is_not_closed_is_a_mistake(text, position):
    (mistake,) = parse(text).mistakes

    assert (mistake.code, mistake.position) == ("EXPRESSION_SYNTAX", position)


def test_a_mistake_in_a_hole_is_placed_in_the_whole_text():
    text = "Dear {{ vars.notify_to }}, see {{ item.subjct }}"
    hole = parse(text).holes[1]

    found = CelEngine().check(hole.text, SCOPE)

    assert not isinstance(found, Checked)
    assert hole.position + found[0].position == text.index("subjct")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (4.0, "4"),
        (4.5, "4.5"),
        ("{{ x }}", "{{ x }}"),
        (["é", None], '["é", null]'),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_a_value_in_a_text_is_written_plainly(value, text):
    assert render(("<", Hole("x", 0), ">"), [value]) == f"<{text}>"


def test_a_lone_hole_keeps_the_type():
    value = {"items": [1, None]}

    assert parse("{{ x }}").is_value
    assert render(parse("{{ x }}").parts, [value]) is value


async def test_a_config_is_filled_in():
    engine = CelEngine()
    config = {
        "to": "{{ vars.notify_to }}",
        "count": "{{ steps.open_rfis.output.total }}",
        "subject": '{{ steps.open_rfis.output.total }} overdue, {{ "{{" }} today {{ today() }}',
        "again": ["{{ vars.nothing }}", 3, None],
    }

    filled = await fill(config, lambda text: engine.evaluate(text, VALUES))

    assert filled == {
        "to": "ann@example.com",
        "count": 3,
        "subject": "3 overdue, {{ today 2026-03-02",
        "again": [None, 3, None],
    }


async def test_a_broken_template_is_never_sent_as_it_is():
    with pytest.raises(Invalid):
        await fill("Dear {{ name", CelEngine().evaluate)


@given(st.text(st.characters(), max_size=60) | st.sampled_from(["{{ vars.limit }}", "}}", "{{ '", "\0{{"]))
def test_text_from_a_record_comes_out_as_it_went_in(data):
    """security.md finding 2: data that contains `{{ }}` is not read, alone or inside another text."""
    assert render(parse("{{ x }}").parts, [data]) == data
    assert render(parse("a {{ x }} b").parts, [data]) == f"a {data} b"


@given(st.text(st.sampled_from("{}'\"\\ar/b. \n"), max_size=30))
def test_any_text_parses_and_loses_nothing(text):
    template = parse(text)

    if "{{" not in text:
        assert template.parts == (text,)
    literal = [part for part in template.parts if isinstance(part, str)]
    assert all(part in text for part in literal)
    for hole in template.holes:
        assert text[hole.position : hole.position + len(hole.text)] == hole.text
