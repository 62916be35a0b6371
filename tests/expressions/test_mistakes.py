"""Every kind of mistake: its code, its place in the text, what was probably meant, and what to write."""

import re

import pytest

from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Checked, Mistake, Scope
from tests.expressions.sample import SCOPE

NAME, FUNCTION, TYPE = "EXPRESSION_UNKNOWN_NAME", "EXPRESSION_UNKNOWN_FUNCTION", "EXPRESSION_TYPE"
SYNTAX, LONG = "EXPRESSION_SYNTAX", "EXPRESSION_TOO_LONG"

# text, where the mistake is marked by the first »; code; a nearest name; a part of the fix
MISTAKES = [
    # names
    ("»steps.open_rfs.output.items", NAME, "steps.open_rfis", "steps.open_rfis"),
    ("size(»steps.open_rfs.output.items) > 0", NAME, "steps.open_rfis", "Did you mean"),
    ("»vars.notfy_to", NAME, "vars.notify_to", "vars.notify_to"),
    ("»vars", NAME, "vars.days", "Write vars."),
    ("»steps", NAME, "steps.closed_rfis", "Write steps."),
    ("»triger.body", NAME, "trigger", "trigger"),
    ("»nothing_like_it > 3", NAME, None, "Known here: index, item, steps, trigger, vars."),
    ("steps.open_rfis.»outptu.items", NAME, "output", "output"),
    ("steps.open_rfis.output.»itms", NAME, "items", "items"),
    ("steps.open_rfis.output.items[0].»subjct", NAME, "subject", "subject"),
    ("steps.open_rfis.output.items.map(r, r.»subjct)", NAME, "subject", "subject"),
    ("steps.open_rfis.output.items.filter(r, r.ball_in_court.»nme == 'x')", NAME, "name", "name"),
    ("has(item.»subjct)", NAME, "subject", "subject"),
    ("item.»zzz", NAME, None, "It has id, subject"),
    ("sort_by(steps.open_rfis.output.items, »'due_dat')", NAME, "due_date", "due_date"),
    ("item.subject == »None", NAME, "null", "null"),
    ("item.is_overdue == »True", NAME, "true", "true"),
    ("steps.open_rfis.output.items.exists(»vars, vars.limit > 1)", NAME, "r", "another name"),
    ("»google.protobuf.Timestamp", NAME, None, "Known here"),
    ("»Object0", NAME, None, "Known here"),
    ("»zz__0_0", NAME, None, "another name"),
    ("»first_given__([1])", NAME, None, "another name"),
    # functions
    ("»sze(vars.days)", FUNCTION, "size", "size"),
    ("»len(vars.days)", FUNCTION, "size", "size"),
    ("»dat(item.due_date)", FUNCTION, "date", "date"),
    ("»days_betwen(item.due_date, today())", FUNCTION, "days_between", "days_between"),
    ("vars.days.»fliter(d, d > 1)", FUNCTION, "filter", "filter"),
    ("item.subject.»startswith('a')", FUNCTION, "startsWith", "startsWith"),
    ("vars.days.»join(',')", FUNCTION, "join", "join(list,"),
    ("»join(item.tags)", FUNCTION, "join", "join(list,"),
    ("»today(1)", FUNCTION, "today", "today()"),
    ("vars.days.»exists(d)", FUNCTION, "exists", "a name for the element"),
    ("»eval('1')", FUNCTION, None, ""),
    ("»__import__('os')", FUNCTION, None, "Functions:"),
    # types
    ("item.days_overdue »> '3'", TYPE, None, "number(x)"),
    ("vars.limit »+ 'a'", TYPE, None, "string(x)"),
    ("item.subject »&& true", TYPE, None, "true or false"),
    ("vars.limit »? 1 : 2", TYPE, None, "true or false"),
    ("1 »== 1.0", TYPE, None, "2.0"),
    ("number(item.cost) »* 2", TYPE, None, "2.0"),
    ("now() »< today()", TYPE, None, "timestamp(x)"),
    ("today() »- date(item.due_date)", TYPE, None, "days_between"),
    ("item.tags »== null", TYPE, None, "may be null"),
    ("»size(steps.open_rfis.output)", TYPE, None, "output.items"),
    ("steps.open_rfis.output.items»['a']", TYPE, None, "[0]"),
    ("item.subject».name", TYPE, None, "objects only"),
    ("steps.open_rfis».output.map(r, r)", TYPE, None, "items"),
    ("»sum(item.tags)", TYPE, None, "sum(list)"),
    ("»type(1)", TYPE, None, "Give a text"),
    ("»b'abc'", TYPE, None, "Give a text"),
    # syntax
    ("»", SYNTAX, None, "Write a value"),
    ("item.id >»", SYNTAX, None, ""),
    ("item.is_overdue »and item.id > 3", SYNTAX, None, "&&"),
    ("item.is_overdue »or item.id > 3", SYNTAX, None, "||"),
    ("item.id »= 3", SYNTAX, None, "=="),
    ("item.is_overdue »& item.id > 3", SYNTAX, None, "&&"),
    ("item.due_date »| date", SYNTAX, None, "date(x)"),
    ("not »item.is_overdue", SYNTAX, None, "!"),
    ("item.subject == »\u201copen\u201d", SYNTAX, None, "plain quotes"),
    ("item.subject == »'open", SYNTAX, None, "quote"),
    ("(item.id > 3»", SYNTAX, None, "Add )"),
    ("item.tags[0»", SYNTAX, None, "Add ]"),
    ("item.id > 3»)", SYNTAX, None, ""),
    ("»$item.id", SYNTAX, None, "without $"),
    ("»{{ item.id }}", SYNTAX, None, "without braces"),
    ("item.id > »99999999999999999999", SYNTAX, None, ""),
    ("»for", SYNTAX, None, ""),
    ("has(»item)", SYNTAX, None, ""),
    ("»google.protobuf.Timestamp{seconds: 1}", SYNTAX, None, "{'name': value}"),
    ("»Object0{id: 1}", SYNTAX, None, "{'name': value}"),
    ("item.id »\ud800", SYNTAX, None, "Remove"),
    ("item.id »\0", SYNTAX, None, "Remove"),
    # length
    ("x" * 2000 + "»x", LONG, None, "Split"),
    ("»" + "(" * 300 + "1" + ")" * 300, LONG, None, "Split"),
]


@pytest.fixture(scope="module")
def engine() -> CelEngine:
    return CelEngine()


def mistakes(engine: CelEngine, text: str, scope: Scope = SCOPE) -> list[Mistake]:
    found = engine.check(text, scope)
    assert not isinstance(found, Checked), found
    return list(found)


@pytest.mark.parametrize(("marked", "code", "near", "fix"), MISTAKES)
def test_a_mistake_has_its_code_place_and_remedy(engine, marked, code, near, fix):
    text = marked.replace("»", "")

    found = mistakes(engine, text)

    assert [one.code for one in found] == [code], found
    assert found[0].position == marked.index("»")
    assert near is None or near in found[0].nearest
    assert fix in found[0].fix
    assert found[0].message.endswith(".")
    assert found[0].fix.endswith((".", "?"))


def test_every_mistake_of_an_expression_is_told_at_once(engine):
    text = "steps.opn_rfis.output.total > 0 && item.subjct == 'x' && vars.limit > 'a' && sze([]) > 0"

    found = mistakes(engine, text)

    assert [(one.code, one.position) for one in found] == [
        (NAME, 0),
        (NAME, text.index("subjct")),
        (TYPE, text.index("> 'a'")),
        (FUNCTION, text.index("sze")),
    ]


def test_positions_count_characters_whatever_stands_before(engine):
    """CEL reports code points; names of the scope are checked under other, shorter or longer names."""
    text = "item.subject == 'é日本😀' &&\n  steps.open_rfis . output.total >\n vars.limt"

    found = mistakes(engine, text)

    assert [one.position for one in found] == [text.index("vars.limt")]


def test_an_unknown_loop_is_one_mistake(engine):
    found = mistakes(engine, "steps.open_rfis.output.items.fliter(r, r.is_overdue && r.days_overdue > 3)")

    assert [one.found for one in found] == ["fliter"]


def test_types_are_told_in_words(engine):
    said = mistakes(engine, "size(steps.open_rfis.output) > item.days_overdue + item.tags")

    assert said[0].message == "size does not work with an object with items, total."
    assert said[1].message == "+ does not work with a whole number that may be null and a list of texts."


def test_no_message_shows_how_names_are_checked(engine):
    texts = [marked.replace("»", "") for marked, *_ in MISTAKES if "__" not in marked and "Object0" not in marked]

    said = [f"{one.message} {one.fix} {one.found}" for text in texts for one in mistakes(engine, text)]

    assert [text for text in said if re.search(r"zz__|Object\d|<input>|wrapper|_type|\*error", text)] == []


def test_a_scope_without_names_says_so(engine):
    assert mistakes(engine, "vars.x", Scope({}))[0].fix == "No names are known here."
