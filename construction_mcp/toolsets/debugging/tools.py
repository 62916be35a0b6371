"""`get_workflow_guidance` and `get_sample_event`; what is wrong with what runs is in `diagnosing`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal
from construction_mcp.deployment.checks import Checks
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.deployment.writing import existing
from construction_mcp.insight.advice import Call, Guidance, Missing, Offer
from construction_mcp.insight.goal import read_goal
from construction_mcp.insight.guidance import Draft, guide_to_end, guide_to_new
from construction_mcp.insight.matching import TemplateSearch
from construction_mcp.insight.remedies import advised, remedies
from construction_mcp.procore.access import Accounts
from construction_mcp.procore.event_names import named, names_like
from construction_mcp.procore.sample_events import posted
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.workflows import Workflows
from construction_mcp.toolsets.debugging.reaching import reachable
from construction_mcp.toolsets.debugging.sites import sites_of
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.sample_event import sample_event

WorkflowId = Annotated[str | None, Field(min_length=1, max_length=64), "Draft to finish; it starts with wf_"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Calls to make in this order, templates that fit best first, and what to ask the person or tell them."""

    steps: Sequence[Call]
    templates: Sequence[Offer]
    missing: Sequence[Missing]


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """An event as the workflow sees it under `trigger`, and as Procore posts it.

    is_real: it came once, at received_at; otherwise it is made up, and its record does not exist.
    """

    trigger: Mapping[str, Any]
    is_real: bool
    delivery: Mapping[str, Any] | None = None
    received_at: datetime | None = None


@tool(effect="read", listed=True, open_world=True)
async def get_workflow_guidance(
    goal: Annotated[str, Field(min_length=1, max_length=2000), "What should happen and when, in words"],
    workflow_id: WorkflowId = None,
    what_tried: Annotated[str | None, Field(max_length=2000), "What was done so far"] = None,
    what_failed: Annotated[str | None, Field(max_length=2000), "Error code or message met"] = None,
    *,
    workflows: Workflows,
    templates: TemplateSearch,
    checks: Checks,
    types: Catalogue,
    catalog: Catalog,
    view: View,
    accounts: Accounts,
    principal: Principal,
    limits: Limits,
) -> Advice:
    """Turn a goal in words into the next calls, templates that fit, and what to ask the person.

    Start here; with workflow_id it says how to finish that draft.
    """
    stored = await existing(workflows, workflow_id) if workflow_id else None
    said = read_goal(goal, await sites_of(accounts, principal, limits))
    if stored is not None:
        definition = definition_of(stored)
        guidance = guide_to_end(said, Draft(stored.id, definition, checks.of(definition).problems), types)
    else:
        guidance = guide_to_new(said, templates, types, what_tried or "")
    if what_failed:
        _remedied(guidance, what_failed, stored.id if stored else None, catalog)
    return Advice([reachable(one, catalog, view) for one in guidance.steps], guidance.templates, guidance.missing)


@tool(effect="read")
async def get_sample_event(
    resource_name: Annotated[str | None, Field(min_length=1, max_length=100), "Procore's name of it, as RFIs"] = None,
    workflow_id: Annotated[str | None, Field(min_length=1, max_length=64), "Or a workflow, for its trigger"] = None,
    *,
    workflows: Workflows,
    types: Catalogue,
    hooks: Hooks,
    settings: Settings,
    clock: Clock,
) -> SampleEvent:
    """Return an example of what starts a workflow: the last real event, else a realistic one.

    Give resource_name or workflow_id; its trigger is what expressions see.
    """
    if (resource_name is None) == (workflow_id is None):
        raise Invalid("Give either resource_name or workflow_id.", details={"field": "resource_name"})
    project_id = None
    trigger = Trigger(type="webhook", source="procore", resources=[str(resource_name)])
    if workflow_id is not None:
        stored = await existing(workflows, workflow_id)
        trigger, project_id = definition_of(stored).trigger or Trigger(type="manual"), stored.project_id
    if trigger.type == "poll" or trigger.source == "procore":
        name = _resource(trigger)
        trigger = trigger.model_copy(update={"resources": [name]})
        real = await _last_event(trigger, name, hooks, settings)
        if real is not None:
            return real
    made = sample_event(trigger, types, clock.now(), company_id=settings.company_id, project_id=project_id)
    delivery = posted(made["event"], clock.now()) if "event" in made else None
    return SampleEvent(made, is_real=False, delivery=delivery)


def _remedied(guidance: Guidance, failure: str, workflow_id: str | None, catalog: Catalog) -> None:
    """What mends the failure comes before everything else."""
    required = {name: tuple(one.input_schema.get("required", ())) for name, one in catalog.tools.items()}
    known = {"workflow_id": workflow_id} if workflow_id else {}
    steps, open_ones = advised(remedies(failure), required, known)
    guidance.steps[:0] = steps
    guidance.ask(open_ones)


async def _last_event(trigger: Trigger, name: str, hooks: Hooks, settings: Settings) -> SampleEvent | None:
    for known in await hooks.of_environment(settings.environment):
        found = await hooks.last_event(known.hook.id, name) if name in known.hook.resource_names else None
        if found is not None:
            return SampleEvent(_seen(trigger, found[0], found[1]), is_real=True, received_at=found[1])
    return None


def _seen(trigger: Trigger, event: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
    """What expressions see; the record itself is read from Procore when the workflow runs."""
    return {"type": trigger.type, "at": at.isoformat(), "event": {name: event.get(name) for name in _EVENT}}


_EVENT = ("id", "resource_name", "event_type", "resource_id", "project_id", "company_id", "user_id", "at")


def _resource(trigger: Trigger) -> str:
    """The first resource of a trigger as Procore spells it.

    Raises:
        Invalid: Procore has no events of it.
    """
    given = next(iter(trigger.resources or ()), "RFIs")
    name = named(given) or next(iter(names_like(given)), None)
    if name is None:
        raise Invalid(
            f"Procore sends no events of {given[:100]!r}.",
            hint="Name what it is about as Procore does, as RFIs, Submittals or Punch Items.",
            details={"field": "resource_name"},
        )
    return name
