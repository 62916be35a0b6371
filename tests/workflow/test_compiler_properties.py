"""What holds of the compiler whatever it is given."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from construction_mcp.core.config import Limits
from construction_mcp.core.json import write_json
from construction_mcp.workflow.compiler import Compiled, compile_plan, permitted
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.document import shaped
from construction_mcp.workflow.graph import in_order
from construction_mcp.workflow.plan import Plan, plan_from
from construction_mcp.workflow.problems import as_json
from construction_mcp.workflow.unwritable import unwritable
from tests.tidy.source import ROOT
from tests.workflow.corpus import ENGINE, FACTS, SOUND, TYPES, cases, compiled

OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OUTSIDE = ("write", "notify")
KEYS = ("a", "b", "c", "d", "e")

names = st.sampled_from([*KEYS, "x", "in", "null"])
paths = st.builds(
    "{}.{}{}".format,
    st.sampled_from(["steps", "vars", "trigger", "item", "step"]),
    names,
    st.sampled_from(
        ["", ".output", ".output.items", ".output.value", ".output.total", ".output.decision", ".status", "[0]"]
    ),
)
operators = st.sampled_from([" == ", " && ", " > ", " + ", " and ", " in ", " = ", " is "])
atoms = st.one_of(
    paths, st.sampled_from(["1", "'x'", "null", "true", "today()", "[]", "size([1])", "{", "f'{x}'", "(", "}}"])
)
expressions = st.one_of(
    atoms,
    st.builds("{}{}{}".format, atoms, operators, atoms),
    st.builds("{}.exists(r, r.{} > 1)".format, paths, names),
    st.text(max_size=20),
)
texts = st.one_of(
    st.builds("{{{{ {} }}}}".format, expressions), st.builds("a {{{{ {} }}}} b".format, expressions), expressions
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(names, texts), inner, max_size=3)),
    max_leaves=6,
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)
SOUND_CONFIGS: dict[str, dict[str, Any]] = {
    "procore.rfi.list": {},
    "transform.set": {"value": 1},
    "notify.log": {"text": "Hello"},
    "approval.request": {"approvers": "sam", "message": "Go?"},
    "procore.rfi.reply": {"rfi_id": 7, "body": "As drawn."},
    "wait.for": {"duration": 60},
    "http.request": {"url": "https://api.example/x"},
}


@st.composite
def actions(draw: Any, key: str, is_sound: bool) -> dict[str, Any]:
    """One action: sound and joined to others at random, or with anything anywhere."""
    kind = draw(st.sampled_from([*SOUND_CONFIGS]))
    action: dict[str, Any] = {"key": key, "type": kind, "config": dict(SOUND_CONFIGS[kind])}
    if kind == "transform.set":
        action["config"] = {"value": draw(values)}
    if draw(st.booleans()):
        action["depends_on"] = draw(st.lists(st.sampled_from(KEYS), max_size=2))
    if draw(st.booleans()):
        other = draw(st.sampled_from(KEYS))
        action["condition"] = draw(
            st.sampled_from(
                [f"steps.{other}.status == 'completed'", f"steps.{other}.output != null", "trigger.input.x == 1"]
            )
        )
    if is_sound:
        return action
    changes = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.one_of(st.sampled_from([*SOUND_CONFIGS, "transform.map", "notify.email"]), names),
                "config": st.dictionaries(
                    st.one_of(st.sampled_from(["to", "items", "text", "projects", "show"]), texts), anything
                ),
                "condition": expressions,
                "for_each": st.fixed_dictionaries({"items": expressions}, optional={"as": names}),
                "key": names,
            },
        )
    )
    return {**action, **changes}


@st.composite
def definitions(draw: Any, is_sound: bool = False) -> Definition:
    """A definition of a right shape."""
    keys = draw(st.permutations(KEYS))[: draw(st.integers(1, 5))]
    shape: dict[str, Any] = {**SOUND, "actions": [draw(actions(key, is_sound)) for key in keys]}
    if not is_sound:
        shape["variables"] = draw(
            st.dictionaries(
                st.one_of(names, st.text(min_size=1, max_size=8)),
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["string", "number", "project_ids", "emails", "strng"])},
                    optional={"value": anything, "default": anything, "required": st.booleans()},
                ),
                max_size=3,
            )
        )
    return Definition.model_validate(shape)


def answer(found: Compiled) -> Any:
    """Everything that was said, comparable."""
    return as_json(found.problems), found.plan and found.plan.hash, list(found.effects), found.requests_per_run


@OFTEN
@given(definitions())
def test_any_definition_gives_a_plan_or_problems_and_the_same_ones_twice(definition):
    first, second = compiled(definition), compiled(definition)

    assert (first.plan is None) == bool(first.errors)
    assert answer(first) == answer(second)


MAY_NOT = replace(FACTS, permissions={("RFIs", 1001): "none"})


@OFTEN
@given(definitions())
def test_permissions_that_come_last_give_the_same_answer(definition):
    """What to ask about only the needs tell, so a deployment compiles without them and adds what they forbid."""
    beside = compiled(definition, MAY_NOT)
    after = permitted(compiled(definition), definition, MAY_NOT)

    assert answer(beside) == answer(after)
    assert (beside.plan is None) == bool(beside.errors)


@OFTEN
@given(definitions(is_sound=True))
def test_a_plan_can_run_in_its_order(definition):
    plan = compiled(definition).plan
    if plan is None:
        return
    place = {
        key: at for at, key in enumerate(in_order([n.key for n in plan.nodes], {n.key: n.after for n in plan.nodes}))
    }

    for node in plan.nodes:
        assert set(node.needs) <= set(node.after)
        assert all(place[before] < place[node.key] for before in node.after)
        assert node.level == 1 + max((level_of(plan, before) for before in node.after), default=-1)


def level_of(plan: Plan, key: str) -> int:
    return next(node.level for node in plan.nodes if node.key == key)


def waited_for(plan: Plan, key: str) -> set[str]:
    """Everything that is over before `key` starts, through however many others."""
    by_key = {node.key: node for node in plan.nodes}
    found: set[str] = set()
    waiting = list(by_key[key].after)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += by_key[one].after
    return found


@OFTEN
@given(definitions(is_sound=True))
def test_outside_effects_keep_their_written_order_and_never_pass_an_approval(definition):
    plan = compiled(definition).plan
    if plan is None:
        return
    chained = [node for node in plan.nodes if node.effect in (*OUTSIDE, "wait")]

    for at, node in enumerate(chained):
        earlier = {one.key for one in chained[:at]}
        approvals = {one.key for one in chained[:at] if one.type == "approval.request"}
        own = {one for one in approvals if f"steps.{one}.output.decision" in (node.condition or "")}
        assert earlier <= waited_for(plan, node.key)
        if node.effect in OUTSIDE:
            assert set(node.guarded_by) == approvals - own


@OFTEN
@given(definitions(is_sound=True))
def test_what_an_action_reads_comes_before_it(definition):
    plan = compiled(definition).plan
    if plan is None:
        return
    for node in plan.nodes:
        mentioned = {key for key in KEYS if f"steps.{key}." in (node.condition or "")}
        read = {key for key in mentioned if f"steps.{key}.output" in (node.condition or "")}
        assert mentioned <= set(node.after)
        assert read <= set(node.needs)


def shuffled(value: Any) -> Any:
    """The same with every mapping written the other way round."""
    if isinstance(value, dict):
        return {key: shuffled(part) for key, part in reversed(value.items())}
    return [shuffled(part) for part in value] if isinstance(value, list) else value


@OFTEN
@given(definitions(is_sound=True))
def test_the_order_of_keys_changes_nothing(definition):
    """Of what can be written at all: an infinite number is refused, and JSON has no way to say it again."""
    assume(not list(unwritable(definition)))
    first = compiled(definition)
    second = compiled(Definition.model_validate(shuffled(definition.written())))

    assert answer(first) == answer(second)


@OFTEN
@given(definitions(is_sound=True))
def test_a_plan_is_read_back_as_it_was_written(definition):
    plan = compiled(definition).plan
    if plan is None:
        return
    again = plan_from(json.loads(plan.canonical))

    assert again.canonical == plan.canonical
    assert (again.hash, again.consent_digest) == (plan.hash, plan.consent_digest)
    assert plan_from(plan.as_json()) == plan
    assert write_json(json.loads(plan.canonical)) == plan.canonical


SCRIPT = """
import json
from tests.workflow.corpus import cases, found_in, compiled, SOUND
from construction_mcp.workflow.document import shaped
from tests.workflow.test_compiler_properties import MANY
print(json.dumps([[found_in(case) for case in cases()], compiled(shaped(MANY)).plan.hash]))
"""
MANY = {
    **SOUND,
    "variables": {"who": {"type": "emails", "value": ["pat@builder.example"]}},
    "actions": [
        {"key": "open_rfis", "type": "procore.rfi.list", "config": {"projects": "all_active"}},
        {"key": "rest", "type": "procore.submittal.list", "depends_on": ["open_rfis"]},
        {"key": "go", "type": "approval.request", "config": {"approvers": "sam", "message": "Go?"}},
        {"key": "mail", "type": "notify.email", "config": {"to": "{{ vars.who }}", "subject": "Hi", "body": "Hi"}},
    ],
}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_says_the_same(seed):
    """Nothing depends on the order of a set, nor on what was compiled before."""
    environment = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    plan = compiled(shaped(MANY)).plan

    assert done.returncode == 0, done.stderr
    from tests.workflow.corpus import found_in

    assert plan is not None
    assert json.loads(done.stdout) == [[found_in(case) for case in cases()], plan.hash]


class Counted(Mapping[str, Any]):
    """Names, with how many of them were looked at."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.given = names
        self.looked = 0

    def __getitem__(self, name: str) -> Any:
        self.looked += 1
        return self.given[name]

    def __iter__(self) -> Iterator[str]:
        self.looked += len(self.given)
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


class Counting:
    """The engine, with what it was asked counted."""

    def __init__(self) -> None:
        self.checks = 0
        self.names = 0

    def recall(self, text: str, names: Mapping[str, Any]) -> Any:
        counted = Counted(names)
        known = ENGINE.recall(text, counted)
        self.checks += known is not None  # else the check follows, and counts
        self.names += counted.looked
        return known

    def check(self, text: str, scope: Any) -> Any:
        self.checks += 1
        self.names += len(scope.names)
        return ENGINE.check(text, scope)


def work(shape: dict[str, Any]) -> tuple[int, int]:
    """Checks, and names that were handed over or looked at for them."""
    engine = Counting()
    compile_plan(shaped({**SOUND, **shape}), FACTS, TYPES, engine, Limits())  # type: ignore[arg-type]  # only checks
    return engine.checks, engine.names


def chain(count: int, text: str) -> dict[str, Any]:
    return {
        "actions": [
            {"key": f"a{at}", "type": "transform.set", "config": {"value": text.format(before=max(at - 1, 0), at=at)}}
            for at in range(count)
        ]
    }


@pytest.mark.parametrize(
    "text", ["{{{{ steps.a{before}.output.value }}}}", "{{{{ steps.b{at}.output }}}}", "{{{{ 1 and {at} }}}}"]
)
def test_twice_the_actions_are_twice_the_work(text):
    small, large = work(chain(200, text)), work(chain(400, text))

    assert large[0] <= 2 * small[0] + 2
    assert large[1] <= 2 * small[1] + 2_000


@pytest.mark.parametrize(
    "shape",
    [
        chain(1000, "{{{{ steps.a{before}.output.value }}}}"),
        chain(1000, "{{{{ steps.wrong{at}.output.value }}}}"),
        {
            "actions": [
                {
                    "key": f"a{at}",
                    "type": "transform.set",
                    "config": {"value": 1},
                    "depends_on": [f"a{(at + step) % 1000}" for step in range(1, 100)],
                }
                for at in range(1000)
            ]
        },
        {"actions": [{"key": f"a{at}", "type": "procore.rfi.list", "condition": "false"} for at in range(1000)]},
        {
            "actions": [
                {
                    "key": f"a{at}",
                    "type": "approval.request" if at % 2 else "notify.log",
                    "config": SOUND_CONFIGS["approval.request" if at % 2 else "notify.log"],
                }
                for at in range(1000)
            ]
        },
    ],
    ids=["chain", "every reference wrong", "circles everywhere", "nothing runs", "approvals everywhere"],
)
def test_a_thousand_actions_are_compiled(shape):
    """The largest document there is: it is answered, with problems or a plan, whatever is in it."""
    found = compiled(shaped({**SOUND, **shape}))

    assert (found.plan is None) == bool(found.errors)
