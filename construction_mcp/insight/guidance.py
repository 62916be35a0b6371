"""From a goal in words to the exact next calls (PRODUCT.md section 4.3, `get_workflow_guidance`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.action import ActionTypes
from construction_mcp.insight.advice import CREATED, Call, Guidance, Missing, Offer, deploying
from construction_mcp.insight.filling import fill
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.matching import Match, TemplateSearch
from construction_mcp.insight.mending import Mending, mend
from construction_mcp.insight.skeleton import skeleton_of
from construction_mcp.insight.starting import open_points, trigger_of
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.problems import Problem
from construction_mcp.workflow.template import Template

OFFERS_MAX = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """A half-built workflow and what is wrong with it."""

    workflow_id: str
    definition: Definition
    problems: Sequence[Problem]


def guide_to_new(goal: Goal, templates: TemplateSearch, types: ActionTypes, tried: str = "") -> Guidance:
    """How to make the workflow: from the template that fits best, else from a skeleton.

    tried: in words, what did not help; templates it names are not offered again.
    """
    matches = [one for one in templates.fitting(goal, OFFERS_MAX + 1) if one.template.id not in tried][:OFFERS_MAX]
    guidance = Guidance(templates=[_offer(one, goal) for one in matches])
    if matches:
        best = matches[0].template
        guidance.steps.append(_from_template(best, goal))
        guidance.ask(fill(best.variables, goal).asked)
        guidance.ask(_apart(best, goal))
    else:
        draft = skeleton_of(goal, types)
        why = "no template fits, so this is a first draft: its messages and what is listed as missing need your words"
        guidance.steps.append(Call("create_workflow", draft.arguments, why))
        guidance.ask(draft.missing)
        guidance.ask(_unfilled(draft.arguments["variables"]))
    guidance.ask(open_points(goal))
    guidance.steps += deploying(CREATED)
    return guidance


def guide_to_end(goal: Goal, draft: Draft, types: ActionTypes) -> Guidance:
    """How to finish a workflow that exists: one call for each part that has problems, then deploying it."""
    mending = Mending(draft.workflow_id, draft.definition, goal, types)
    mend(mending, draft.problems)
    guidance = Guidance(steps=mending.steps)
    guidance.ask(mending.missing)
    guidance.steps += deploying(draft.workflow_id)
    return guidance


def _offer(match: Match, goal: Goal) -> Offer:
    values = fill(match.template.variables, goal).values
    shared = ", ".join(word.replace("_", " ") for word in match.shared)
    return Offer(match.template.id, match.template.title, f"{match.template.summary} It fits by: {shared}.", values)


def _from_template(template: Template, goal: Goal) -> Call:
    arguments: dict[str, Any] = {"template_id": template.id, "variables": fill(template.variables, goal).values}
    trigger = _own_trigger(template, goal)
    if trigger is not None:
        arguments["trigger"] = trigger
    if goal.projects:
        arguments["project_id"] = goal.projects[0]
    return Call("create_workflow_from_template", arguments, f"the template {template.title!r} does this")


def _own_trigger(template: Template, goal: Goal) -> Mapping[str, Any] | None:
    """The template's schedule at the goal's own times, or in its own zone."""
    trigger = template.definition.trigger
    if trigger is None or trigger.type != "schedule":
        return None
    wanted = trigger_of(goal) or {}
    if wanted.get("type") != "schedule":
        wanted = {"timezone": goal.zone} if goal.zone else {}
    changed = {**trigger.written(), **wanted}
    return changed if changed != trigger.written() else None


def _apart(template: Template, goal: Goal) -> list[Missing]:
    """Where the template is not quite what was said, and which project it is about."""
    found: list[Missing] = []
    trigger = template.definition.trigger
    is_clocked = trigger is not None and trigger.type == "schedule"
    if trigger is not None and goal.when is not None and not is_clocked:
        found.append(Missing("trigger", "They name times; is this right?", assumed=_STARTS[trigger.type]))
    if is_clocked and goal.on_event:
        found.append(Missing("trigger", "They want it at once; is this right?", assumed=_STARTS["schedule"]))
    if trigger is not None and is_clocked and goal.zone is None:
        found.append(Missing("trigger.timezone", "Which time zone is that in?", assumed=trigger.timezone))
    if template.needs_project and not goal.projects:
        found.append(Missing("project_id", "Which project is it about? list_procore_projects shows them."))
    return found


_STARTS = {
    "schedule": "it looks at set times, not at the moment something happens",
    "webhook": "it runs whenever Procore tells of a change, not at set times",
    "poll": "it runs whenever it finds a change, not at set times",
    "manual": "it runs when somebody starts it, not at set times",
}


def _unfilled(variables: Mapping[str, Mapping[str, Any]]) -> list[Missing]:
    return [
        Missing(f"variables.{name}", f"{one.get('description') or name.replace('_', ' ')}?")
        for name, one in variables.items()
        if one.get("required") and one.get("value") is None
    ]
