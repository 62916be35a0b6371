"""What a correct expression tells the compiler: what it reads, what it gives, whether it walks a list."""

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Checked, Scope
from tests.expressions.sample import RFI, SCOPE

TEXT, WHOLE, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
ITEMS = ("steps", "open_rfis", "output", "items")

RESULTS = [
    # what stands in a schema is kept, formats and choices included
    ("vars.notify_to", {"type": "string", "format": "email"}),
    ("item.due_date", {"type": ["string", "null"], "format": "date"}),
    ("item.status", {"enum": ["open", "closed"]}),
    ("item.cost", {"type": "number"}),
    ("steps.open_rfis.output.items", {"type": "array", "items": RFI}),
    ("steps.open_rfis.output.items[0].subject", TEXT),
    ("item.custom_fields.anything.below", {}),
    ("trigger.body.lines[0]['unit price']", {}),
    # what CEL works out
    ("steps.open_rfis.output.items.filter(r, r.is_overdue)", {"type": "array", "items": RFI}),
    ("steps.open_rfis.output.items.filter(r, r.is_overdue)[0]", RFI),
    ("steps.open_rfis.output.items.filter(r, r.is_overdue)[0].subject", TEXT),
    ("steps.open_rfis.output.items.map(r, r.subject)", {"type": "array", "items": TEXT}),
    (
        "steps.open_rfis.output.items.map(r, r.days_overdue)",
        {"type": "array", "items": {"type": ["integer", "null"]}},
    ),
    ("steps.open_rfis.output.items.map(r, {'s': r.subject})[0].s", TEXT),
    ("sort_by(steps.open_rfis.output.items, 'due_date')", {"type": "array", "items": RFI}),
    ("steps.open_rfis.output.items.exists(r, r.days_overdue > 3)", TRUTH),
    ("item.ball_in_court == null", TRUTH),
    ("item.due_date == null || date(item.due_date) < today()", TRUTH),
    ("item.cost > 3 && item.cost < 4.5", TRUTH),
    ("vars.limit > 1 ? 'many' : 'few'", TEXT),
    ("{'count': vars.limit}", {"type": "object", "additionalProperties": WHOLE}),
    ("{'count': vars.limit, 'to': vars.notify_to}", {"type": "object"}),
    ("[vars.limit, vars.limit]", {"type": "array", "items": WHOLE}),
    ("timestamp('2026-03-02T15:00:00Z')", {"type": "string", "format": "date-time"}),
    ("now() - duration('24h')", {"type": "string", "format": "date-time"}),
    ("null", {"type": "null"}),
    ("1.5", {"type": "number"}),
    # our functions
    ("today()", {"type": "string", "format": "date"}),
    ("date(vars.notify_to)", {"type": "string", "format": "date"}),
    ("date(item.due_date)", {"type": ["string", "null"], "format": "date"}),
    ("days_between(today(), now())", WHOLE),
    ("days_between(item.due_date, today())", {"type": ["integer", "null"]}),
    ("default(item.days_overdue, 0)", WHOLE),
    ("default(item.days_overdue, steps.closed_rfis.output.total)", WHOLE),
    ("default(trigger.body.amount, 0)", {}),
    ("join(item.tags, ', ')", TEXT),
    ("truncate(item.subject, 20)", TEXT),
]


@pytest.fixture(scope="module")
def engine() -> CelEngine:
    return CelEngine()


def checked(engine: CelEngine, text: str, scope: Scope = SCOPE) -> Checked:
    found = engine.check(text, scope)
    assert isinstance(found, Checked), found
    return found


@pytest.mark.parametrize(("text", "schema"), RESULTS)
def test_the_result_is_as_narrow_as_is_known(engine, text, schema):
    assert checked(engine, text).result == schema


@pytest.mark.parametrize(
    ("text", "references", "loops"),
    [
        ("vars.limit", [("vars", "limit")], False),
        ("1 + 2", [], False),
        ("trigger", [("trigger",)], False),
        ("size(steps.open_rfis.output.items) > vars.limit", [ITEMS, ("vars", "limit")], False),
        ("steps.open_rfis.output.items.exists(r, r.is_overdue)", [ITEMS], True),
        ("vars.days.exists(d, d in steps.open_rfis.output.items.map(r, r.id))", [ITEMS, ("vars", "days")], True),
        ("vars.days.map(d, steps.open_rfis.output.items[d].subject)", [ITEMS, ("vars", "days")], True),
        ("steps.open_rfis.output.items[0].subject", [(*ITEMS, "0", "subject")], False),
        (
            "trigger.body['unit price'] == trigger['body'].x",
            [("trigger", "body", "unit price"), ("trigger", "body", "x")],
            False,
        ),
        ("has(trigger.body.amount)", [("trigger", "body", "amount")], False),
        ("steps . open_rfis . status == 'completed'", [("steps", "open_rfis", "status")], False),
        ("steps.open_rfis.output.items.filter(item, item.is_overdue)", [ITEMS], True),
        ("item.subject == 'vars.limit // steps.open_rfis'", [("item", "subject")], False),
        ("default(item.ball_in_court.name, 'nobody')", [("item", "ball_in_court", "name")], False),
    ],
)
def test_references_are_the_longest_paths(engine, text, references, loops):
    found = checked(engine, text)

    assert (list(found.references), found.loops) == (references, loops)


def test_a_name_of_the_scope_may_be_an_element_too(engine):
    """Inside the loop it is the element; beside it still the scope's."""
    found = checked(engine, "steps.open_rfis.output.items.filter(item, item.id > 3).size() > item.id")

    assert found.references == (("item", "id"), ITEMS)


def test_null_can_only_be_tested_where_it_can_be(engine):
    assert isinstance(engine.check("item.days_overdue == null", SCOPE), Checked)
    assert not isinstance(engine.check("item.id == null", SCOPE), Checked)


def test_definitions_are_resolved_and_recursion_is_anything(engine):
    tree = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "parent": {"$ref": "#/$defs/Tree"}},
    }
    scope = Scope({"task": {"$ref": "#/$defs/Tree", "$defs": {"Tree": tree}}})

    assert checked(engine, "task.name", scope).result == TEXT
    assert checked(engine, "task.parent.whatever.name", scope).result == {}
    assert not isinstance(engine.check("task.nam", scope), Checked)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "x.b.c == 1"),  # open: anything may be there
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "x.b > 3"),
        ({"type": "object", "additionalProperties": False, "properties": {"a b": {}}}, "x['a b'] == 1"),
        ({"type": "array"}, "x[0].a > 3"),
        ({"type": ["array", "null"]}, "x == null || size(x) > 0"),
        ({"type": ["integer", "string"]}, "x == 1 || x == 'a'"),
        ({"enum": ["a", None]}, "x == null || x == 'a'"),
        ({"const": "a"}, "x == 'a'"),
        ({"allOf": [{"type": "string"}]}, "x == 'a'"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, "x[0][0] == 1"),
        (
            {"type": "object", "additionalProperties": False, "properties": {"a_b": {}, "aB": {"type": "string"}}},
            "x.aB == '' && x.a_b == 1",
        ),
        (
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "lists": {"type": "array", "items": {"type": "array"}},
                    "maps": {"type": "array", "items": {"type": "object"}},
                    "prices": {"type": "object", "additionalProperties": {"type": "number"}},
                    "names": {"type": "array", "items": {"type": ["string", "null"]}},
                },
            },
            "x.lists[0][0] == 1 && x.maps[0].a == 1 && x.prices.a > 3 && x.names.exists(n, n == null)",
        ),
    ],
)
def test_what_a_schema_leaves_open_is_not_refused(engine, schema, text):
    assert isinstance(engine.check(text, Scope({"x": schema})), Checked)


def test_checking_never_changes_its_mind(engine):
    """A used engine says what a fresh one says, also after it has met other scopes."""
    texts = [text for text, _ in RESULTS] + ["item.subjct", "steps.opn"]
    first = [engine.check(text, SCOPE) for text in texts]
    engine.check("x.a", Scope({"x": {"type": "object", "additionalProperties": False, "properties": {"a": TEXT}}}))

    assert [engine.check(text, SCOPE) for text in texts] == first
    assert [CelEngine().check(text, SCOPE) for text in texts] == first


def test_a_long_running_engine_starts_its_types_over():
    """A pool of descriptors only grows, so it is left behind at a limit; what was checked before still is."""
    engine = CelEngine(Limits(expression_messages_max=5, expression_names_max=6))

    for number in range(40):
        field = {"type": "object", "additionalProperties": False, "properties": {f"f{number}": TEXT}}
        scope = Scope({**SCOPE.names, "new": field})
        assert isinstance(engine.check(f"new.f{number} + item.subject == 'a'", scope), Checked)
        assert not isinstance(engine.check(f"new.f{number}x + item.subject == 'a'", scope), Checked)


def test_the_room_imports_neither_cel_nor_protobuf_before_it_needs_them():
    import subprocess
    import sys

    code = (
        "import sys, construction_mcp.expressions.cel as c, construction_mcp.expressions.templates;"
        "c.CelEngine(); print([m for m in sys.modules if m.startswith(('cel_expr', 'google'))])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
