"""From what steps read to what they wait for: edges, guards, and the mistakes that only show between actions."""

import re
from collections.abc import Iterator, Mapping, Sequence
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
        read = [path for path in step.references if path[0] == "steps" and len(path) > 1 and path[1] in steps]
        graph.needs[key] = {path[1] for path in read if len(path) == 2 or path[2] == "output"} - {key}
        named = {name for name in step.action.depends_on or () if name in steps}
        graph.waits[key] = ({path[1] for path in read} | named) - graph.needs[key] - {key}
    graph.chain(key for key, step in steps.items() if step.effect in _CHAINED)
    return graph


def circles(graph: Graph) -> Iterator[Problem]:
    """Every circle of waiting, taken out of the graph as it is reported."""
    for _ in range(_CIRCLES_SHOWN):
        circle = cycle_in(graph)
        if circle is None:
            return
        yield _circle_problem(graph, circle)
        cut(graph, circle)
    while (circle := cycle_in(graph)) is not None:
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


def between_problems(steps: Mapping[str, Step]) -> Iterator[Problem]:
    """Mistakes that only show when actions are seen together."""
    order = list(steps)
    for key, step in steps.items():
        path = f"actions.{key}"
        if any(place[:2] == ("steps", key) for place in step.references):
            fix = "Refer to another action, or keep what it gave with state.set."
            yield error(path, "ACTION_REFERS_TO_ITSELF", f"{key} reads its own output.", fix)
        if step.kind is not None and step.kind.asks_person:
            yield from _approval_problems(path, step, steps, order)
    yield from _never_run(steps)


def _approval_problems(path: str, step: Step, steps: Mapping[str, Step], order: Sequence[str]) -> Iterator[Problem]:
    at = order.index(step.key)
    before = [key for key in order[:at] if steps[key].effect in _OUTSIDE]
    after = [key for key in order[at + 1 :] if steps[key].effect in _OUTSIDE]
    if not after:
        message = "Nothing after this approval reaches outside, so it guards nothing."
        fix = f"Move it before {before[-1]}." if before else "Add the action that it should guard, or remove it."
        yield error(path, "APPROVAL_GUARDS_NOTHING", message, fix)
    shown = {place[1] for place in step.references if place[0] == "steps" and len(place) > 1}
    for key in before:
        if key in shown and steps[key].effect == "write":
            message = f"It shows what {key} has already changed by then."
            fix = f"Move it before {key} and show what {key} will send."
            yield warning(path, "APPROVAL_AFTER_WRITE", message, fix)


def _never_run(steps: Mapping[str, Step]) -> Iterator[Problem]:
    """Conditions that do not depend on anything, and what can never run because of them."""
    dead: set[str] = set()
    for key, step in steps.items():  # in document order; a reference to a later action is caught on the second look
        text = (step.action.condition or "").strip()
        if text == "false":
            dead.add(key)
            message = "Its condition is always false, so it never runs."
            yield error(
                f"actions.{key}.condition", "ACTION_UNREACHABLE", message, "Remove the action or the condition."
            )
        elif text and not step.condition and not _CLOCK.search(text):
            message = "This condition depends on nothing, so it is always the same."
            yield warning(f"actions.{key}.condition", "CONDITION_CONSTANT", message, "Compare something that changes.")
    for key, step in _readers(steps, dead):
        named = sorted({place[1] for place in step.references if place[:1] == ("steps",)} & dead)
        message = f"It reads the output of {named[0]}, which never runs."
        yield error(f"actions.{key}", "ACTION_UNREACHABLE", message, f"Mend {named[0]} first.")


def _readers(steps: Mapping[str, Step], dead: set[str]) -> Iterator[tuple[str, Step]]:
    """Steps that read what never comes, `dead` growing by each."""
    grown = True
    while grown and dead:
        grown = False
        for key, step in steps.items():
            outputs = {p[1] for p in step.references if p[0] == "steps" and len(p) > 1 and p[2:3] in ((), ("output",))}
            if key not in dead and outputs & dead:
                yield key, step
                dead.add(key)
                grown = True
