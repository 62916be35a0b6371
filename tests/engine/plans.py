"""The plans that every engine must carry out alike (EnginePort's conformance suite): what goes in, and how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.workflow.plan import Node, Retry
from tests.engine.plant import chain, fan, node

ONCE = Retry(1, 1.0, 1.0)


@dataclass(frozen=True)
class Case:
    """A plan and its end. steps: the status of each; outputs: of those that are named; made: what was written outside.

    faults: what the writes meet, in order.
    """

    name: str
    nodes: Sequence[Node]
    status: str
    steps: dict[str, str]
    outputs: dict[str, Any] = field(default_factory=dict)
    made: Sequence[Any] = ()
    faults: Sequence[str] = ()
    mode: str = "live"


def _all(nodes: Sequence[Node], status: str = "completed") -> dict[str, str]:
    return {one.key: status for one in nodes}


def _case(name: str, nodes: Sequence[Node], status: str = "completed", **more: Any) -> Case:
    given = {**_all(nodes), **more.pop("steps", {})}
    return Case(name, nodes, status, {key: one for key, one in given.items() if one != "none"}, **more)


def _value(key: str, value: Any, after: Sequence[str] = (), **more: Any) -> Node:
    return node(key, config={"value": value}, after=after, **more)


def _write(key: str, value: Any, after: Sequence[str] = (), type_: str = "test.write", **more: Any) -> Node:
    return node(key, type_, after, config={"value": value}, **more)


FAILS = node("f", "test.fail")
MAY_FAIL = node("f", "test.fail", on_error="continue")
SKIPPED = node("s", condition="1 > 2")

CASES: Sequence[Case] = (
    _case("one step", chain(1)),
    _case("a chain", chain(10)),
    _case("a long chain", chain(100)),
    _case("two side by side", [node("a"), node("b")]),
    _case("a diamond", [node("a"), node("b", after=["a"]), node("c", after=["a"]), node("d", after=["b", "c"])]),
    _case("written backwards", [node("b", after=["a"]), node("a")]),
    _case("a value goes on", [_value("a", 2), _value("b", "{{ steps.a.output.value * 3 }}", ["a"])], outputs={"b": 6}),
    _case(
        "a text with a value in it",
        [_value("a", 2), _value("b", "is {{ steps.a.output.value }}", ["a"])],
        outputs={"b": "is 2"},
    ),
    _case(
        "braces in data stay",
        [_value("a", '{{ "{{ 1 }}" }}'), _value("b", "{{ steps.a.output.value }}", ["a"])],
        outputs={"b": "{{ 1 }}"},
    ),
    _case("a true condition", [_value("a", 1), node("b", after=["a"], condition="steps.a.output.value == 1")]),
    _case("a false condition", [SKIPPED], steps={"s": "skipped"}),
    _case("skipped goes on", [SKIPPED, node("b", after=["s"])], steps={"s": "skipped"}),
    _case(
        "needs a skipped one", [SKIPPED, node("b", after=["s"], needs=["s"])], steps={"s": "skipped", "b": "skipped"}
    ),
    _case(
        "a status is read",
        [SKIPPED, node("b", after=["s"], condition='steps.s.status == "skipped"')],
        steps={"s": "skipped"},
    ),
    _case(
        "skips run down",
        [SKIPPED, node("b", after=["s"], needs=["s"]), node("c", after=["b"], needs=["b"])],
        steps={"s": "skipped", "b": "skipped", "c": "skipped"},
    ),
    _case("a failure ends it", [FAILS, node("b", after=["f"])], "failed", steps={"f": "failed", "b": "none"}),
    _case("a failure that may happen", [MAY_FAIL, node("b", after=["f"])], steps={"f": "failed"}),
    _case("needs a failed one", [MAY_FAIL, node("b", after=["f"], needs=["f"])], steps={"f": "failed", "b": "skipped"}),
    _case(
        "an error is read",
        [MAY_FAIL, node("b", after=["f"], condition='steps.f.error.code == "VALIDATION_INVALID"')],
        steps={"f": "failed"},
    ),
    _case("a mistake of an action", [node("a", "test.bug", retry=ONCE)], "failed", steps={"a": "failed"}),
    _case("a condition that fails", [node("a", condition="steps.x.output.value > 1")], "failed", steps={"a": "failed"}),
    _case("a condition that is no truth", [node("a", condition="1 + 1")], "failed", steps={"a": "failed"}),
    _case("a config that fails", [_value("a", "{{ vars.nothing }}")], "failed", steps={"a": "failed"}),
    _case("a config that does not fit", [node("a", config={"times": "many"})], "failed", steps={"a": "failed"}),
    _case("an unknown type", [node("a", "test.nothing")], "failed", steps={"a": "failed"}),
    _case("no JSON", [node("a", "test.odd", config={"value": "set"})], "failed", steps={"a": "failed"}),
    _case("50 MB", [node("a", "test.odd", config={"value": "big"})], "failed", steps={"a": "failed"}),
    _case("a fan", [_value("a", "{{ item + index }}", for_each=fan("[1, 2, 3]"))], outputs={"a": [1, 3, 5]}),
    _case("a fan over nothing", [_value("a", "x", for_each=fan("[]"))], outputs={"a": []}),
    _case("a fan one by one", [_value("a", "{{ item }}", for_each=fan("[3, 2, 1]", 1))], outputs={"a": [3, 2, 1]}),
    _case(
        "a fan over what a step gave",
        [_value("a", [1, 2]), _value("b", "{{ item }}", ["a"], for_each=fan("steps.a.output.value"))],
        outputs={"b": [1, 2]},
    ),
    _case("a fan over no list", [_value("a", 1, for_each=fan("1 + 1"))], "failed", steps={"a": "failed"}),
    _case(
        "a fan that is too wide",
        [_value("a", 1, for_each=fan("[1, 2, 3]")._replace(max_items=2))],
        "failed",
        steps={"a": "failed"},
    ),
    _case(
        "a fan that fails",
        [node("a", "test.fail", for_each=fan("[1, 2]")), node("b", after=["a"])],
        "failed",
        steps={"a": "failed", "b": "none"},
    ),
    _case(
        "a fan that may fail",
        [node("a", "test.fail", for_each=fan("[1, 2]"), on_error="continue")],
        outputs={"a": [None, None]},
    ),
    _case("a skipped fan", [_value("a", 1, for_each=fan("[1]"), condition="1 > 2")], steps={"a": "skipped"}),
    _case("a write", [_write("a", 1)], made=[1]),
    _case("writes in their order", [_write("a", 1), _write("b", 2, ["a"]), _write("c", 3, ["b"])], made=[1, 2, 3]),
    _case(
        "a refused write",
        [_write("a", 1), node("b", after=["a"])],
        "failed",
        steps={"a": "failed", "b": "none"},
        faults=["refused"],
    ),
    _case("a busy write", [_write("a", 1)], made=[1], faults=["busy"]),
    _case("a lost reply is looked up", [_write("a", 1)], made=[1], faults=["lost"]),
    _case(
        "a lost reply that cannot be",
        [_write("a", 1, type_="test.blind"), node("b", after=["a"])],
        "needs_review",
        steps={"a": "uncertain", "b": "none"},
        made=[1],
        faults=["lost"],
    ),
    _case("a lost reply that may be repeated", [_write("a", 1, type_="test.again")], made=[1, 1], faults=["lost"]),
    _case("a hanging write is looked up", [_write("a", 1, timeout_s=0.05)], made=[1], faults=["hang"]),
    _case("a fan of writes", [_write("a", "{{ item }}", for_each=fan("[1, 2, 3]", 1))], made=[1, 2, 3]),
    _case(
        "a fan with a lost write", [_write("a", "{{ item }}", for_each=fan("[1, 2]", 1))], made=[1, 2], faults=["lost"]
    ),
    _case("a simulated write", [_write("a", 1), node("b", after=["a"])], steps={"a": "simulated"}, mode="simulate"),
    _case(
        "a simulated wait",
        [node("a", "wait.for", config={"duration": 86_400})],
        steps={"a": "simulated"},
        mode="simulate",
    ),
    _case("a wait", [node("a", "wait.for", config={"duration": 60}), node("b", after=["a"])]),
    _case("a wait until a moment that has passed", [node("a", "wait.until", config={"at": "2020-01-01"})]),
    _case(
        "two waits side by side",
        [node("a", "wait.for", config={"duration": 60}), node("b", "wait.for", config={"duration": 90})],
    ),
    _case("what can pass is tried again", [node("a", "test.fail", config={"times": 2})]),
    _case("tries come to an end", [node("a", "test.fail", config={"times": 9})], "failed", steps={"a": "failed"}),
)
