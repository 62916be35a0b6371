"""From what steps read to what they wait for: edges, guards, and the mistakes that only show between actions."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from construction_mcp.workflow.graph import Graph, cut, cycle_in
from construction_mcp.workflow.problems import Problem, error, warning
from construction_mcp.workflow.steps import Step

_CHAINED = ("write", "notify", "wait")
_OUTSIDE = ("write", "notify")
_CLOCK = re.compile(r"\b(today|now)\s*\(")
_CIRCLES_SHOWN = 10  # each is one mistake to mend; mending a few usually ends the rest


def graph_of(steps: Mapping[str, Step]) -> Graph:
    """Who waits for whom, before circles are looked for."""
    graph = Graph(list(steps))
    for key, step in steps.items():
        needs: set[str] = set()
        waits = {name for name in step.action.depends_on or () if name in steps}
        for path in step.references:
            if path[0] == "steps" and len(path) > 1 and path[1] in steps:
                (needs if len(path) == 2 or path[2] == "output" else waits).add(path[1])
        graph.needs[key] = needs - {key}
        graph.waits[key] = waits - needs - {key}
    graph.chain(key for key, step in steps.items() if step.effect in _CHAINED)
    return graph


def circles(graph: Graph) -> Iterator[Problem]:
    """The first circles of waiting, each taken out of the graph as it is reported so that the next one shows."""
    for _ in range(_CIRCLES_SHOWN):
        circle = cycle_in(graph)
        if circle is None:
            return
        yield _circle_problem(graph, circle)
        cut(graph, circle)


def _circle_problem(graph: Graph, circle: Sequence[str]) -> Problem:
    shown = " waits for ".join(circle)
    for waiting, awaited in pairwise(circle):
        read = graph.needs.get(waiting, set()) | graph.waits.get(waiting, set())
        if graph.written.get(waiting) == awaited and awaited not in read:
            # The circle exists only because of the written order, so moving an action mends it.
            message = f"{awaited} is written before {waiting} and reaches outside, but waits for it: {shown}."
            fix = f"Move {waiting} before {awaited}."
            return error(f"actions.{awaited}", "ORDER_CONFLICT", message, fix)
    fix = "Remove one of these references or depends_on entries."
    return error(f"actions.{circle[0]}", "CYCLE", f"These wait for each other: {shown}.", fix)


def guards_of(steps: Mapping[str, Step]) -> dict[str, list[str]]:
    """For each action that reaches outside, the approvals before it whose yes it takes without asking for it itself."""
    asked: list[str] = []
    guards: dict[str, list[str]] = {}
    for key, step in steps.items():
        if step.effect in _OUTSIDE:
            own = {path[1] for path in step.condition if path[0] == "steps" and "decision" in path}
            guards[key] = [approval for approval in asked if approval not in own]
        if step.kind is not None and step.kind.asks_person:
            asked.append(key)
    return guards


def between_problems(
    steps: Mapping[str, Step], reads: Iterable[tuple[str, Iterable[tuple[str, ...]]]]
) -> Iterator[Problem]:
    """Mistakes that only show when actions are seen together; `reads` are expressions' places and what each reads."""
    for path, references in reads:
        for read in references:
            if read[0] == "steps" and len(read) > 1 and path.startswith(f"actions.{read[1]}."):
                fix = "Refer to another action, or keep what it gave with state.set."
                yield error(path, "ACTION_REFERS_TO_ITSELF", f"{read[1]} reads its own outcome.", fix)
    yield from _approval_problems(steps)
    yield from _never_run(steps)


def _approval_problems(steps: Mapping[str, Step]) -> Iterator[Problem]:
    """Approvals that come too late, or before nothing. An action of a type we do not know may reach outside."""
    outside = [key for key, step in steps.items() if step.kind is None or step.effect in _OUTSIDE]
    passed = 0
    for key, step in steps.items():
        path = f"actions.{key}"
        if passed < len(outside) and outside[passed] == key:
            passed += 1
        if step.kind is None or not step.kind.asks_person:
            continue
        if passed == len(outside):
            message = "Nothing after this approval reaches outside, so it guards nothing."
            fix = f"Move it before {outside[-1]}." if outside else "Add the action that it should guard, or remove it."
            yield error(path, "APPROVAL_GUARDS_NOTHING", message, fix)
            continue
        shown = {place[1] for place in step.references if place[0] == "steps" and len(place) > 1}
        for written in [one for one in steps if one in shown and steps[one].effect == "write"]:
            if written in outside[:passed]:
                message = f"It shows what {written} has already changed by then."
                fix = f"Move it before {written} and show what {written} will send."
                yield warning(path, "APPROVAL_AFTER_WRITE", message, fix)


def _never_run(steps: Mapping[str, Step]) -> Iterator[Problem]:
    """Conditions that do not depend on anything."""
    for key, step in steps.items():
        if not step.judged or step.condition:
            continue
        path, text = f"actions.{key}.condition", (step.action.condition or "").strip()
        if text == "false":
            waiting = [other for other, one in steps.items() if key in _outputs_read(one)]
            also = f", and so does not what reads it: {', '.join(waiting[:3])}" if waiting else ""
            message = f"Its condition is always false, so it never runs{also}."
            yield error(path, "ACTION_UNREACHABLE", message, "Remove the action or the condition.")
        elif not _CLOCK.search(text):
            message = "This condition depends on nothing, so it is always the same."
            yield warning(path, "CONDITION_CONSTANT", message, "Compare something that changes.")


def _outputs_read(step: Step) -> set[str]:
    return {p[1] for p in step.references if p[0] == "steps" and len(p) > 1 and p[2:3] in ((), ("output",))}
