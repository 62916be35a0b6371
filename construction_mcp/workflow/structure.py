"""Problems that the shape of a definition shows by itself. The compiler will find the others."""

from collections import Counter
from collections.abc import Iterator, Sequence

from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.definition import Action, Definition
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.problems import Problem
from construction_mcp.workflow.triggers import trigger_problems

_NO_FACTS = Facts(environment="", company_id=None)  # a host that can do everything: nobody has been asked


def structural_problems(definition: Definition) -> list[Problem]:
    """Every structural problem, in the order of the document."""
    return [*trigger_problems(definition.trigger, _NO_FACTS), *_action_problems(definition.actions or ())]


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
