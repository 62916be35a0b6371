"""Values for variables, as far as a goal says them; what it does not say is asked for and never made up."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from construction_mcp.insight.advice import Missing
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.vocabulary import concepts
from construction_mcp.workflow.definition import Variable
from construction_mcp.workflow.variables import ALL_ACTIVE, KINDS

_NEAR_CHARS = 40  # how far before an address the person it belongs to is named
_DAYS = re.compile(r"(?:^|_)days?(?:_|$)")


def fill(variables: Mapping[str, Variable], goal: Goal) -> tuple[dict[str, Any], list[Missing]]:
    """A value for each variable that the goal gives one for, and a question for each other one that needs one."""
    values: dict[str, Any] = {}
    free = list(goal.addresses)
    for name, variable in sorted(variables.items(), key=lambda one: (not one[1].required, not _named(one[0], goal))):
        found = _value(name, variable, goal, free)
        if found is not None and variable.type in KINDS and KINDS[variable.type].fits(found):
            values[name] = found
            free = [one for one in free if one != found and not (isinstance(found, list) and one in found)]
    asked = [_question(name, one) for name, one in variables.items() if name not in values and _needs(one)]
    return {name: values[name] for name in variables if name in values}, asked


def _needs(variable: Variable) -> bool:
    return bool(variable.required) and variable.default is None and variable.value is None


def _question(name: str, variable: Variable) -> Missing:
    what = variable.description or f"What is {name.replace('_', ' ')}?"
    kind = KINDS.get(variable.type)
    return Missing(f"variables.{name}", f"{what} ({kind.words})" if kind else what)


def _named(name: str, goal: Goal) -> bool:
    """Whether the goal speaks of somebody that the variable's name speaks of."""
    return bool(set(concepts(name.replace("_", " "))) & set(goal.concepts))


def _value(name: str, variable: Variable, goal: Goal, free: Sequence[str]) -> Any:
    reader = _READERS.get(variable.type)
    return reader(name, goal, free) if reader else None


def _email(name: str, goal: Goal, free: Sequence[str]) -> str | None:
    """The address that stands near whom the variable is about, else the next one."""
    people = set(concepts(name.replace("_", " ")))
    near = (one for one in free if people & set(concepts(_before(one, goal.text))))
    return next(near, free[0] if free else None)


def _before(address: str, text: str) -> str:
    at = text.find(address)
    return text[max(0, at - _NEAR_CHARS) : at]


def _emails(_name: str, _goal: Goal, free: Sequence[str]) -> list[str] | None:
    return list(free) or None


def _project(_name: str, goal: Goal, _free: Sequence[str]) -> int | None:
    return goal.projects[0] if goal.projects else None


def _projects(_name: str, goal: Goal, _free: Sequence[str]) -> Any:
    return list(goal.projects) or (ALL_ACTIVE if goal.all_projects else None)


def _number(name: str, goal: Goal, _free: Sequence[str]) -> int | None:
    return goal.days if _DAYS.search(name) else None


_READERS: Mapping[str, Callable[[str, Goal, Sequence[str]], Any]] = {
    "email": _email,
    "user": _email,
    "emails": _emails,
    "project_id": _project,
    "project_ids": _projects,
    "number": _number,
    "time_zone": lambda _name, goal, _free: goal.zone,
    "url": lambda _name, goal, _free: goal.urls[0] if goal.urls else None,
}
