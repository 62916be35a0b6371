"""What holds for any expression: no crash, no hang, the same answer again; the quick ways agree with the long one."""

import string

import anyio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Checked
from construction_mcp.expressions.reads import EACH, SIZE, project, wanted
from tests.expressions.sample import SCOPE, VALUES

ENGINE = CelEngine()
WORDS = st.sampled_from(
    [
        *("steps.open_rfis.output.items", "vars.limit", "vars.notify_to", "item.subject", "item.days_overdue", "r"),
        *(
            "trigger.body",
            "null",
            "true",
            "1",
            "2.5",
            "'a'",
            '"}}"',
            "'''x",
            "r'\\'",
            "b'a'",
            "``",
            "//",
            "\n",
            "é",
            "\ud800",
        ),
        *("+", "-", "*", "/", "%", "==", "!=", "<", "&&", "||", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"),
        *(".map(r, ", ".filter(r, ", ".exists(r, ", "has(", "size(", "default(", "date(", "today()", "sort_by(", "in"),
        *("matches", "google.protobuf.Any", "Object0{", "zz__0_0", "type(", "99999999999999999999", "@", "$", "\0"),
    ]
)
TEXTS = st.lists(WORDS, max_size=14).map(" ".join) | st.lists(WORDS, max_size=14).map("".join) | st.text(max_size=80)


@settings(max_examples=200)
@given(TEXTS)
@example("default(")
@example("default(a.b")
@example(".a.b")
@example("[1].map(x, default(x, default(")
def test_any_text_is_checked_or_refused_with_places_inside_it(text):
    found = ENGINE.check(text, SCOPE)

    assert ENGINE.check(text, SCOPE) == found
    if not isinstance(found, Checked):
        assert found
        assert all(0 <= one.position <= len(text) and one.message and one.fix for one in found)


@settings(max_examples=150)
@given(TEXTS)
def test_any_text_evaluates_to_json_or_an_error(text):
    async def evaluate() -> None:
        with anyio.fail_after(5):
            await ENGINE.evaluate(text, VALUES)

    try:
        anyio.run(evaluate)
    except Invalid as problem:
        assert problem.code.startswith(("EXECUTION_EXPRESSION_", "VALIDATION_"))  # noqa: PT017 - either outcome is right


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=2)
PATHS = st.tuples(
    st.sampled_from(["item", "trigger", "vars.limit", "steps.open_rfis", "steps.open_rfis.output", "vars", "steps.x"]),
    st.lists(
        st.sampled_from(["id", "subject", "cost", "items", "total", "ball_in_court", "custom_fields", "zz"]), max_size=3
    ),
).map(lambda path: ".".join([path[0], *path[1]]))


@settings(max_examples=150)
@given(PATHS)
def test_a_path_means_the_same_with_and_without_the_checker(path):
    """Without it is the quick way; a space in front of the dot sends the same path the long one."""
    quick = ENGINE.check(path, SCOPE)
    slow = ENGINE.check(f"({path})", SCOPE)

    assert isinstance(quick, Checked) == isinstance(slow, Checked)
    if isinstance(quick, Checked) and isinstance(slow, Checked):
        assert (quick.result, quick.references, quick.loops) == (slow.result, slow.references, slow.loops)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
READS = [
    "x",
    "x.a",
    "x.a.b",
    "x[0]",
    "x[0].a",
    "size(x)",
    "size(x.a)",
    "x.exists(r, r == 1)",
    "x.exists(r, r.a == 1)",
    "x.all(r, size(r.a) > 0)",
    "x.map(r, r.a)",
    "x.filter(r, r.a == null)",
    "x.a.map(r, r.b)",
    "x.map(r, x[0])",
    "has(x.a.b)",
    "default(x.a.b, 1)",
    "x == null || x.a == 1",
    "x['a']",
    "x.a == x.b",
    "'a' in x",
    "x.map(r, r.map(q, q.a))",
    "x['#'] == 1",
    "x.map(k, x[k].a)",
    "x.a[x.b]",
]


@settings(max_examples=200)
@given(st.sampled_from(READS), JSON)
def test_handing_over_only_what_is_read_changes_nothing(text, value):
    """The projection of the values gives the same result as all of them, and fails where they do."""
    from construction_mcp.expressions.evaluation import program_of, run

    def outcome(values: dict) -> object:
        try:
            return run(program, values, None)
        except Invalid as problem:
            return problem.message.partition(":")[0]

    program = program_of(f"[{text}]")  # in brackets, so that a mere path is computed too
    values = {"x": value}

    assert outcome(project(values, program.wants)) == outcome(values)


@given(st.sets(st.lists(st.sampled_from(["a", "b", EACH, SIZE, "0"]), min_size=1, max_size=4).map(tuple)))
def test_reads_of_any_kind_make_one_tree(reads):
    assert project({"a": {"b": [1, 2]}}, wanted(reads)) is not None
