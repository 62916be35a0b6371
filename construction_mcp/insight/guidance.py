"""From a goal in words to the exact next calls (PRODUCT.md section 4.3, `get_workflow_guidance`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.action import ActionTypes
from construction_mcp.insight.advice import CREATED, Call, Guidance, Missing, Offer, deploying
from construction_mcp.insight.filling import fill
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.matching import Match, TemplateSearch
from construction_mcp.insight.mending import Mending, mend
from construction_mcp.insight.skeleton import skeleton_of
from construction_mcp.insight.starting import Start, start_of
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
        _from_template(guidance, matches[0].template, goal)
    elif goal.kind is not None:
        draft = skeleton_of(goal, types)
        guidance.steps.append(Call("create_workflow", draft.arguments, _FIRST_DRAFT))
        guidance.ask(draft.missing)
    else:
        guidance.steps.append(
            Call("list_templates", {}, "see what can be automated, then say which records it is about")
        )
        guidance.ask([Missing("goal", _WHAT)])
        return guidance
    guidance.steps += deploying(CREATED)
    return guidance


_FIRST_DRAFT = "no template does this, so it is a first draft: complete it with what `missing` asks for"
_WHAT = (
    "Which records is it about (RFIs, submittals, daily logs, punch items, inspections, observations, meetings, change "
    "events), what about them, when, and who should be told?"
)


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


def _from_template(guidance: Guidance, template: Template, goal: Goal) -> None:
    filled = fill(template.variables, goal)
    arguments: dict[str, Any] = {"template_id": template.id, "variables": filled.values}
    start = _own_start(template, goal)
    if start is not None:
        arguments |= {name: start.trigger[name] for name in ("cron", "timezone")}
    if goal.projects:
        arguments["project_id"] = goal.projects[0]
    why = f"the template {template.title!r} does this"
    guidance.steps.append(Call("create_workflow_from_template", arguments, why))
    guidance.ask([*filled.asked, *_apart(template, goal), *(start.missing if start else ())])


def _own_start(template: Template, goal: Goal) -> Start | None:
    """The template's schedule at the goal's own times, or in its own zone, where those differ."""
    trigger = template.definition.trigger
    if trigger is None or trigger.type != "schedule":
        return None
    if goal.when is not None:
        start = start_of(goal, trigger)
    else:
        start = Start({**trigger.written(), "timezone": goal.zone}) if goal.zone else None
    return start if start and start.trigger != trigger.written() else None


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
