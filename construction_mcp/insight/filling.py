"""Values for variables, as far as a goal says them; what it does not say is asked for and never made up."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.insight.advice import Missing
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.vocabulary import concepts
from construction_mcp.workflow.definition import Variable
from construction_mcp.workflow.variables import KINDS

_BEFORE_CHARS, _AFTER_CHARS = 60, 20  # how far from an address its role is said
_DAYS = re.compile(r"(?:^|_)days?(?:_|$)")
_PEOPLE = ("email", "emails", "user")
_DECIDES = frozenset({"ask_person", "escalate"})  # nobody is made to decide for an address that merely stands there


@dataclass(frozen=True, slots=True)
class Filled:
    """Values by variable, and a question for each other one that needs one."""

    values: Mapping[str, Any]
    asked: Sequence[Missing]


def fill(variables: Mapping[str, Variable], goal: Goal) -> Filled:
    """What the goal says of these variables."""
    people = {name: one for name, one in variables.items() if one.type in _PEOPLE}
    found = {**dict(_plain(variables, goal)), **_addressed(people, goal)}
    values = {
        name: found[name] for name, one in variables.items() if name in found and KINDS[one.type].fits(found[name])
    }
    asked = [_question(name, one) for name, one in variables.items() if name not in values and _needs(one)]
    return Filled(values, asked)


def _needs(variable: Variable) -> bool:
    return bool(variable.required) and variable.default is None and variable.value is None


def _question(name: str, variable: Variable) -> Missing:
    what = variable.description or f"What is {name.replace('_', ' ')}"
    kind = KINDS.get(variable.type)
    return Missing(f"variables.{name}", f"{what}? ({kind.words})" if kind else f"{what}?")


def _plain(variables: Mapping[str, Variable], goal: Goal) -> Iterator[tuple[str, Any]]:
    """Everything but people."""
    days = goal.days
    for name, variable in variables.items():
        if variable.type == "number" and _DAYS.search(name) and days is not None:
            yield name, days
            days = None
        elif variable.type == "project_id" and goal.projects:
            yield name, goal.projects[0]
        elif variable.type == "project_ids" and (goal.projects or goal.all_projects):
            yield name, list(goal.projects) or ALL_ACTIVE
        elif variable.type == "time_zone" and goal.zone:
            yield name, goal.zone
        elif variable.type == "url" and goal.urls:
            yield name, goal.urls[0]


def _addressed(people: Mapping[str, Variable], goal: Goal) -> dict[str, Any]:
    """Each address for whom it is said to be; those of nobody in particular for whoever is simply told."""
    roles = {name: frozenset(concepts(name.replace("_", " "))) for name in people}
    given: dict[str, list[str]] = {name: [] for name in people}
    rest: list[str] = []
    for address, said in _in_context(goal):
        fitting = max(roles, key=lambda name: len(roles[name] & said), default=None)
        (given[fitting] if fitting is not None and roles[fitting] & said else rest).append(address)
    told = [name for name in people if not given[name] and not roles[name] & _DECIDES]
    if rest and told:
        given[told[0]] = rest
    return {name: found if people[name].type == "emails" else found[0] for name, found in given.items() if found}


def _in_context(goal: Goal) -> Iterator[tuple[str, frozenset[str]]]:
    """Every address with the known words around it, and in it: pm@builder.com."""
    end = 0
    for address in goal.addresses:
        at = goal.text.find(address, end)
        at = at if at >= 0 else goal.text.find(address)
        before = goal.text[max(end if end <= at else 0, at - _BEFORE_CHARS) : at]
        end = at + len(address)
        after = re.split(r"[,;]| and ", goal.text[end : end + _AFTER_CHARS])[0]
        name = re.sub(r"[._+-]", " ", address.partition("@")[0])
        yield address, frozenset(concepts(f"{before} . {name} . {after}"))
