"""`diagnose_workflow` and `explain_stuck_executions`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.cache import Cache
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.reach import Reach
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal
from construction_mcp.deployment.checks import Checks
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.deployment.writing import existing
from construction_mcp.insight.advice import Call
from construction_mcp.insight.diagnose import diagnose
from construction_mcp.insight.findings.finding import Case, Finding, Here, Live
from construction_mcp.insight.goal import read_goal
from construction_mcp.insight.guidance import Draft, guide_to_end
from construction_mcp.insight.stuck import Stuck, explain
from construction_mcp.procore.access import Accounts
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.store.database import Database
from construction_mcp.store.evidence import Evidence, of_open, of_workflow
from construction_mcp.store.workflows import Workflows
from construction_mcp.toolsets.debugging.looking import look
from construction_mcp.toolsets.debugging.reaching import reachable
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.problems import Problem

_LOOK_BACK = timedelta(days=30)  # at deliveries


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, worst first; empty where nothing is."""

    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class StuckOnes:
    """Oldest first. truncated: there are more."""

    items: Sequence[Stuck]
    truncated: bool


@tool(effect="read", listed=True)
async def diagnose_workflow(
    workflow_id: Annotated[str, Field(min_length=1, max_length=64), "Id from list_workflows"],
    symptom: Annotated[str | None, Field(max_length=2000), "What is wrong, in words"] = None,
    execution_id: Annotated[str | None, Field(min_length=1, max_length=64), "Judge by this run alone"] = None,
    context: Annotated[str | None, Field(max_length=2000), "What changed before"] = None,
    *,
    database: Database,
    workflows: Workflows,
    checks: Checks,
    types: Catalogue,
    reach: Reach,
    settings: Settings,
    accounts: Accounts,
    cache: Cache,
    principal: Principal,
    limits: Limits,
    clock: Clock,
    catalog: Catalog,
    view: View,
) -> Diagnosis:
    """Find why a workflow fails or does not start, worst first, with evidence, the fix and the next call."""
    now = clock.now()
    evidence = await database.read(lambda tx: of_workflow(tx, workflow_id, now - _LOOK_BACK, execution_id))
    here = Here(
        now,
        settings.environment,
        settings.serve_url is not None,
        accounts.is_service,
        "email" in settings.channels,
        lambda hook_id: f"{reach.webhooks}/{hook_id}" if reach.webhooks else None,
    )
    tools = {step.type: tool for step in evidence.steps if (tool := _tool_of(types, step.type)) is not None}
    live = await look(accounts, cache, evidence, principal, tools, limits)
    case = await _case(evidence, here, live, workflows, checks, types)
    found = diagnose(case, f"{symptom or ''} {context or ''}")
    return Diagnosis(
        [one if one.next is None else replace(one, next=reachable(one.next, catalog, view)) for one in found]
    )


async def _case(
    evidence: Evidence,
    here: Here,
    live: Live,
    workflows: Workflows,
    checks: Checks,
    types: Catalogue,
) -> Case:
    """The case with what is written and what runs, and what the compiler says against the former."""
    place = evidence.place
    draft = definition_of(await existing(workflows, place.id))
    active = None
    if place.definition is not None:
        active = Definition.model_validate(place.definition)
    problems: Sequence[Problem] = ()
    if active is None or draft.written() != active.written():
        problems = checks.of(draft).errors
    return Case(
        evidence,
        here,
        live,
        draft,
        active,
        problems=[f"{one.path}: {one.message} {one.fix}" for one in problems],
        first_aid=_first_aid(place.id, draft, problems, types),
        compiles=lambda definition: not checks.of(definition).errors,
        tool_of=lambda type_: _tool_of(types, type_),
    )


def _first_aid(workflow_id: str, draft: Definition, problems: Sequence[Problem], types: Catalogue) -> Call | None:
    """The first call towards a draft without problems, as guidance gives it."""
    if not problems:
        return None
    goal = read_goal(f"{draft.name} {draft.description or ''}")
    steps = guide_to_end(goal, Draft(workflow_id, draft, problems), types).steps
    if steps and steps[0].tool != "deploy_workflow":
        return steps[0]
    return Call("get_workflow_guidance", {"goal": draft.name, "workflow_id": workflow_id}, "see what to mend and how")


def _tool_of(types: Catalogue, type_: str) -> str | None:
    """The Procore tool that an action type works in."""
    found = types.get(type_)
    return found.procore_tool if found is not None else None


@tool(effect="read")
async def explain_stuck_executions(
    workflow_id: Annotated[str | None, Field(min_length=1, max_length=64), "Only this workflow"] = None,
    older_than_minutes: Annotated[int, Field(ge=0, le=525_600), "Only what started this long ago"] = 5,
    limit: Annotated[int, Field(ge=1, le=100), "Most executions shown"] = 25,
    *,
    database: Database,
    clock: Clock,
    catalog: Catalog,
    view: View,
) -> StuckOnes:
    """Explain for each execution that has not ended what it waits for and what moves it, oldest first.

    Use diagnose_workflow for why runs fail.
    """
    now = clock.now()
    before = now - timedelta(minutes=older_than_minutes)
    found = await database.read(lambda tx: of_open(tx, before, limit + 1, workflow_id))
    items = [
        one if one.next is None else replace(one, next=reachable(one.next, catalog, view))
        for one in explain(found, now)[:limit]
    ]
    return StuckOnes(items, len(found.runs) > limit)
