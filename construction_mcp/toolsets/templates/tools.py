"""`list_templates`, `get_template` and `create_workflow_from_template`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.core.errors import Invalid, NextCall
from construction_mcp.core.toolset import completes, tool
from construction_mcp.core.types import Principal
from construction_mcp.deployment.checks import Checks
from construction_mcp.deployment.writing import Draft, Drafts, NextStep, once_of
from construction_mcp.insight.goal import read_goal
from construction_mcp.insight.matching import TemplateSearch
from construction_mcp.insight.mending import Mending, mend
from construction_mcp.toolsets.templates.shapes import Found, Whole, needs_of, summary_of
from construction_mcp.workflow import document
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.template import Template, Templates, fill

TemplateId = Annotated[str, Field(min_length=1, max_length=100), "Id that list_templates gives, as rfi_overdue_alert"]


@tool(effect="read")
async def list_templates(
    words: Annotated[str | None, Field(min_length=1, max_length=500), "What it should do, in a few words"] = None,
    tag: Annotated[str | None, Field(min_length=1, max_length=50), "Only with this tag, as rfi or approval"] = None,
    limit: Annotated[int, Field(ge=1, le=100), "Most templates to return"] = 25,
    *,
    templates: Templates,
    search: TemplateSearch,
) -> Found:
    """List workflow templates with what each needs to know, best match first when words are given.

    Use get_template to see one in full.
    """
    every = templates.all()
    found = search.find(words, len(every)) if words else every
    fitting = [one for one in found if tag is None or tag.lower() in one.tags]
    return Found([summary_of(one) for one in fitting[:limit]], len(fitting))


@tool(effect="read")
async def get_template(template_id: TemplateId, *, templates: Templates, checks: Checks) -> Whole:
    """Return a workflow template in full: document, variables, what it can do in words, and diagram.

    Use create_workflow_from_template to make a workflow of it.
    """
    one = _existing(templates, template_id)
    return Whole(
        id=one.id,
        title=one.title,
        needs=needs_of(one),
        variables={name: variable.written() for name, variable in one.variables.items()},
        effects=checks.of(one.definition).effects,
        document=document.write(one.definition, "yaml"),
        diagram=checks.drawn(one.definition),
    )


@tool(effect="workspace")
async def create_workflow_from_template(
    template_id: TemplateId,
    variables: Annotated[
        dict[str, Any] | None, Field(max_length=100), "Values by variable name; absent ones become problems"
    ] = None,
    name: Annotated[str | None, Field(min_length=1, max_length=200), "Another name than the template's"] = None,
    project_id: Annotated[int | None, Field(ge=1), "Procore project its actions use"] = None,
    cron: Annotated[str | None, Field(min_length=1, max_length=200), "Other times than its own, as 0 9 * * 1-5"] = None,
    timezone: Annotated[str | None, Field(min_length=1, max_length=64), "IANA zone of them, as America/Chicago"] = None,
    idempotency_key: Annotated[
        str | None, Field(min_length=1, max_length=200), "Same key and arguments: the first result again"
    ] = None,
    *,
    templates: Templates,
    drafts: Drafts,
    checks: Checks,
    principal: Principal,
) -> Draft:
    """Create a draft from a template and return it with its problems and the next call.

    Nothing runs before deploy_workflow. Use create_workflow where no template fits.
    """
    template = _existing(templates, template_id)
    given = {"name": name, "project_id": project_id, "cron": cron, "timezone": timezone}
    definition = _filled(template, variables or {}, {key: one for key, one in given.items() if one is not None})
    once = once_of(principal, "create_workflow_from_template", idempotency_key, definition.written())
    draft = await drafts.create(definition, principal, once)
    return replace(draft, next_step=_mending_step(draft, definition, checks) or draft.next_step)


@completes("*", "template_id")
async def template_ids(prefix: str, *, templates: Templates) -> list[str]:
    """Ids of templates."""
    return [one.id for one in templates.all() if one.id.startswith(prefix.strip().lower())]


def _existing(templates: Templates, template_id: str) -> Template:
    try:
        return templates.get(template_id)
    except Invalid as problem:
        next_call = NextCall("list_templates", {"words": template_id.replace("_", " ")[:100]}, "find the one you mean")
        raise _said_again(problem, next_call) from None


def _filled(template: Template, values: Mapping[str, Any], given: Mapping[str, Any]) -> Definition:
    """The template's workflow with these values; a mistake names the same call without it."""
    try:
        trigger = {key: given[key] for key in ("cron", "timezone") if key in given}
        return fill(template, values, name=given.get("name"), project_id=given.get("project_id"), trigger=trigger)
    except Invalid as problem:
        better = _corrected(values, problem.details)
        arguments = {"template_id": template.id, "variables": better, **given}
        why = "leaves out what does not fit; its answer says which values are still to be given"
        raise _said_again(problem, NextCall("create_workflow_from_template", arguments, why)) from None


def _corrected(values: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that are wrong; a misspelt name is spelt as its nearest."""
    wrong = {str(one["field"]) for one in details.get("problems", ())} or {str(details.get("field"))}
    nearest: Sequence[str] = details.get("nearest", ())
    misspelt = next((name for name in values if name in wrong), None)
    renamed = {nearest[0]: values[misspelt]} if nearest and misspelt is not None else {}
    return {**renamed, **{name: value for name, value in values.items() if name not in wrong}}


def _said_again(problem: Invalid, next_call: NextCall) -> Invalid:
    return Invalid(problem.message, code=problem.code, hint=problem.hint, details=problem.details, next_call=next_call)


def _mending_step(draft: Draft, definition: Definition, checks: Checks) -> NextStep | None:
    """The call that mends what is wrong, where there is one."""
    mending = Mending(draft.workflow.id, definition, read_goal(""), checks.types)
    mend(mending, draft.problems)
    first = next(iter(mending.steps), None)
    return NextStep(first.tool, first.arguments, first.why) if first else None
