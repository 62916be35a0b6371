"""From what the compiler found wrong with a draft to the calls that mend it.

What a fix spells out ("Did you mean x?") or the goal says is put in; everything else is asked for, and the call that
takes the answer is named.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.actions.action import ActionTypes
from construction_mcp.core.nearest import nearest
from construction_mcp.insight.advice import Call, Missing
from construction_mcp.insight.filling import fill
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.skeleton import skeleton_of
from construction_mcp.insight.starting import start_of
from construction_mcp.workflow.definition import Definition, Variable
from construction_mcp.workflow.problems import Problem
from construction_mcp.workflow.variables import KINDS

_PROPOSED = re.compile(r"Did you mean ([\w.#@/+-]+?)(?:,| or |\?)")
_BARE = re.compile(r"^Write '(.+)' without the braces\.$")
_QUOTED = re.compile(r"'([^']{1,100})'")
_PART = re.compile(r"[^.\[\]]+")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_SUPERFLUOUS = frozenset({"TRIGGER_FIELD_UNUSED"})
_TRIGGER, _ADD, _UPDATE, _ACTION = (
    "configure_workflow_trigger",
    "add_workflow_actions",
    "update_workflow",
    "update_workflow_action",
)


@dataclass(slots=True)
class Mending:
    """A draft being mended: calls so far, in the order in which they are to be made, and what stays open."""

    workflow_id: str
    definition: Definition
    goal: Goal
    types: ActionTypes
    steps: list[Call] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def call(self, tool: str, arguments: Mapping[str, Any], problems: Sequence[Problem]) -> None:
        """One more step, for these problems."""
        why = " ".join(dict.fromkeys(f"{one.message} {one.fix}" for one in problems))
        self.steps.append(Call(tool, {"workflow_id": self.workflow_id, **arguments}, why))

    def ask(self, problem: Problem, tool: str) -> None:
        """What only a person can say."""
        self.missing.append(Missing(problem.path, f"{problem.message} {problem.fix} ({tool} takes it.)"))


def mend(mending: Mending, problems: Sequence[Problem]) -> None:
    """Adds the steps that mend these problems and asks for what they cannot."""
    errors = [one for one in problems if one.severity == "error"]
    _mend_trigger(mending, [one for one in errors if one.path.split(".")[0] == "trigger"])
    _mend_variables(mending, [one for one in errors if one.path.split(".")[0] == "variables"])
    _mend_project(mending, [one for one in errors if one.path == "project_id" or one.code == "PROJECT_MISSING"])
    _mend_actions(mending, [one for one in errors if one.path.startswith("actions") and one.code != "PROJECT_MISSING"])
    for one in errors:
        if one.path.split(".")[0] not in ("trigger", "variables", "actions", "project_id"):
            mending.missing.append(Missing(one.path, f"{one.message} {one.fix}"))


def _mend_trigger(mending: Mending, problems: Sequence[Problem]) -> None:
    if not problems:
        return
    present = mending.definition.trigger.written() if mending.definition.trigger else None
    start = start_of(mending.goal, mending.definition.trigger if _is_schedule(present) else None)
    wanted = start.trigger if start else None
    if present is None:
        mending.call(_TRIGGER, {"trigger": wanted or {"type": "manual"}}, problems)
        asked = Missing("trigger", "When should it run? Until that is known it runs by hand.")
        mending.missing += start.missing if start else [asked]
        return
    if wanted is None and mending.goal.zone and present["type"] == "schedule":
        wanted = {**present, "timezone": mending.goal.zone}
    trigger = {**wanted, **present} if wanted and wanted["type"] == present["type"] else dict(present)
    for one in problems:
        trigger = mended({"trigger": trigger}, one, wanted and {"trigger": wanted})["trigger"]
    _call_or_ask(mending, _TRIGGER, {"trigger": trigger}, trigger != present, problems)


def _is_schedule(trigger: Mapping[str, Any] | None) -> bool:
    return trigger is not None and trigger["type"] == "schedule" and len(str(trigger.get("cron")).split()) == 5


def _mend_variables(mending: Mending, problems: Sequence[Problem]) -> None:
    if not problems:
        return
    present = {name: one.written() for name, one in (mending.definition.variables or {}).items()}
    named = {_parts(one.path)[1] for one in problems}
    changed: dict[str, Any] = {"variables": present}
    for one in problems:
        changed = mended(changed, one)
    variables = changed["variables"]
    open_ones = {
        name: Variable.model_validate({**one, "value": None}) for name, one in variables.items() if name in named
    }
    filled = fill(open_ones, mending.goal)
    values = {**_placeholders(open_ones, filled.asked), **filled.values}
    variables = {name: {**one, "value": values[name]} if name in values else one for name, one in variables.items()}
    mending.missing += filled.asked
    if variables != present:
        mending.call(_UPDATE, {"variables": variables}, problems)


def _placeholders(variables: Mapping[str, Variable], asked: Sequence[Missing]) -> dict[str, str]:
    """Where an answer goes, `<Who gets the mail?>`; only for types that refuse it, so that it never passes for one."""
    marks = {one.name.removeprefix("variables."): f"<{one.question}>" for one in asked}
    return {name: mark for name, mark in marks.items() if not KINDS[variables[name].type].fits(mark)}


def _mend_project(mending: Mending, problems: Sequence[Problem]) -> None:
    if not problems:
        return
    if mending.goal.projects:
        mending.call(_UPDATE, {"project_id": mending.goal.projects[0]}, problems)
    else:
        mending.ask(problems[0], _UPDATE)


def _mend_actions(mending: Mending, problems: Sequence[Problem]) -> None:
    if any(one.code == "ACTIONS_MISSING" for one in problems):
        return _add_actions(mending, problems)
    actions = {action.key: action.written() for action in mending.definition.actions or ()}
    for key, present in actions.items():
        own = [one for one in problems if _parts(one.path)[1:2] == [key]]
        if own:
            document: dict[str, Any] = {"actions": {key: deepcopy(present)}}
            for one in own:
                document = mended(document, one, said=_said(mending.goal))
            changed = document["actions"][key]
            _call_or_ask(mending, _ACTION, {"key": key, "action": changed}, changed != present, own)
    return None


def _add_actions(mending: Mending, problems: Sequence[Problem]) -> None:
    """Actions for the goal, and the variables they use before them: a draft is never left worse than it was."""
    draft = skeleton_of(mending.goal, mending.types)
    present = {name: one.written() for name, one in (mending.definition.variables or {}).items()}
    variables = {**draft.arguments["variables"], **present}
    before: dict[str, Any] = {"variables": variables} if variables != present else {}
    if mending.definition.project_id is None and "project_id" in draft.arguments:
        before["project_id"] = draft.arguments["project_id"]
    if before:
        mending.steps.append(Call(_UPDATE, {"workflow_id": mending.workflow_id, **before}, "what the actions will use"))
    mending.call(_ADD, {"actions": draft.arguments["actions"]}, problems)
    mending.missing += [one for one in draft.missing if not one.name.startswith("trigger")]


def _call_or_ask(
    mending: Mending, tool: str, arguments: Mapping[str, Any], is_mended: bool, problems: Sequence[Problem]
) -> None:
    if is_mended:
        mending.call(tool, arguments, problems)
    else:
        for one in problems:
            mending.ask(one, tool)


def _said(goal: Goal) -> Mapping[str, Any]:
    """Values for config fields that a goal gives outright."""
    found = {
        "to": list(goal.addresses),
        "approvers": list(goal.addresses),
        "projects": list(goal.projects),
        "project_id": goal.projects[0] if goal.projects else None,
    }
    return {name: value for name, value in found.items() if value}


def mended(document: Mapping[str, Any], problem: Problem, wanted: Any = None, said: Any = None) -> dict[str, Any]:
    """The document with one problem mended where the fix says how, else as it was.

    wanted: a document of the same shape to take a missing value from; said: values by the name of a field.
    """
    copy: dict[str, Any] = deepcopy(dict(document))
    *way, leaf = _parts(problem.path)
    parent = _at(copy, way)
    if not isinstance(parent, dict):
        if isinstance(parent, list) and leaf.isdigit() and int(leaf) < len(parent):
            parent[int(leaf)] = _corrected(parent[int(leaf)], problem)
        return copy
    if leaf not in parent:
        known = _at(wanted, _parts(problem.path)) if wanted else (said or {}).get(leaf)
        if known is not None:
            parent[leaf] = known
        return copy
    proposed = proposal(problem)
    if problem.code in _SUPERFLUOUS:
        del parent[leaf]
    elif problem.code == "CONFIG_FIELD_UNKNOWN" and proposed:
        parent[proposed] = parent.pop(leaf)
    elif problem.code == "ACTION_DEPENDS_ON_ITSELF":
        parent[leaf] = [one for one in parent[leaf] if one != way[-1]]
    else:
        parent[leaf] = _corrected(parent[leaf], problem)
    return copy


def proposal(problem: Problem) -> str | None:
    """What the fix of a problem proposes to write instead."""
    found = _BARE.match(problem.fix) or _PROPOSED.search(problem.fix)
    return found[1] if found else None


def _corrected(value: Any, problem: Problem) -> Any:
    """A value with what was misspelt in it replaced by what is proposed."""
    proposed = proposal(problem)
    if proposed is None:
        return value
    if isinstance(value, list):
        wrong = _wrong_word([str(one) for one in value], problem, proposed)
        return [proposed if one == wrong else one for one in value]
    if not isinstance(value, str):
        return int(proposed) if isinstance(value, int) and proposed.isdigit() else value
    if _BARE.match(problem.fix) or ("{{" not in value and problem.path.split(".")[-1] in _WHOLE):
        return proposed
    wrong = _wrong_word(_names_in(value), problem, proposed)
    return value if wrong is None else re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", proposed, value)


_WHOLE = frozenset({"type", "timezone", "status", "template", "level", "on_expiry", "log_type"})
"""Fields that hold one name and nothing else."""


def _names_in(text: str) -> list[str]:
    """Every name of a text with each of its beginnings and parts: `steps.x.output` is also `steps.x` and `output`."""
    found: list[str] = []
    for name in _NAME.findall(text):
        parts = name.split(".")
        found += [".".join(parts[: count + 1]) for count in range(len(parts))] + parts
    return list(dict.fromkeys(found))


def _wrong_word(words: Sequence[str], problem: Problem, proposed: str) -> str | None:
    """What the message quotes, else what is most like the proposal without being it."""
    quoted = [word for word in _QUOTED.findall(problem.message) if word in words]
    near = nearest(proposed, [word for word in words if word != proposed], 1)
    return next(iter([*quoted, *near]), None)


def _parts(path: str) -> list[str]:
    return _PART.findall(path)


def _at(document: Any, way: Sequence[str]) -> Any:
    for part in way:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document
