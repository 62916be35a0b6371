"""Problems that the shape of a definition shows by itself. The compiler will find the others."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.definition import Action, Definition, Trigger
from construction_mcp.workflow.problems import Problem

_TRIGGER_NEEDS = {"schedule": ("cron", "timezone"), "webhook": ("source",), "poll": ("resources",), "manual": ()}
_TRIGGER_TAKES: Mapping[str, frozenset[str]] = {
    "manual": frozenset(),
    "schedule": frozenset({"cron", "timezone", "catch_up", "overlap", "calendar"}),
    "webhook": frozenset({"source", "resources", "events", "filter"}),
    "poll": frozenset({"resources", "events", "filter", "every_s"}),
}


def structural_problems(definition: Definition) -> list[Problem]:
    """Every structural problem, in the order of the document."""
    return [*_trigger_problems(definition.trigger), *_action_problems(definition.actions or ())]


def _trigger_problems(trigger: Trigger | None) -> Iterator[Problem]:
    if trigger is None:
        yield Problem(
            "trigger",
            "TRIGGER_MISSING",
            "error",
            "Nothing starts this workflow.",
            "Set a trigger: manual, schedule, webhook or poll.",
        )
        return
    given = trigger.written()
    for name in _TRIGGER_NEEDS[trigger.type]:
        if name not in given:
            fix = f"Add trigger.{name}."
            yield Problem(f"trigger.{name}", "TRIGGER_FIELD_MISSING", "error", f"A {trigger.type} needs {name}.", fix)
    for name in sorted(given.keys() - _TRIGGER_TAKES[trigger.type] - {"type"}):
        message = f"A {trigger.type} trigger does not use {name}."
        yield Problem(f"trigger.{name}", "TRIGGER_FIELD_UNUSED", "error", message, "Remove it or change trigger.type.")


def _action_problems(actions: Sequence[Action]) -> Iterator[Problem]:
    if not actions:
        yield Problem(
            "actions", "ACTIONS_MISSING", "error", "The workflow does nothing yet.", "Add at least one action."
        )
    keys = [action.key for action in actions]
    for key, count in Counter(keys).items():
        if count > 1:
            message = f"{count} actions are called {key!r}."
            yield Problem(f"actions.{key}", "ACTION_KEY_DUPLICATE", "error", message, "Give each its own key.")
    for action in actions:
        for name in action.depends_on or ():
            yield from _dependency_problem(action.key, name, keys)


def _dependency_problem(key: str, name: str, keys: Sequence[str]) -> Iterator[Problem]:
    path = f"actions.{key}.depends_on"
    if name == key:
        yield Problem(path, "ACTION_DEPENDS_ON_ITSELF", "error", f"{key} waits for itself.", "Remove the reference.")
    elif name not in keys:
        near = nearest(name, keys)
        fix = f"Did you mean {near[0]}?" if near else "Name an action of this workflow."
        yield Problem(path, "ACTION_UNKNOWN", "error", f"There is no action {name[:100]!r}.", fix)
