"""Making drafts, and what every tool that makes or changes one answers with (PRODUCT.md section 4.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import NextCall, NotFound
from construction_mcp.core.types import Principal
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.store import workflows as store
from construction_mcp.store.idempotency import Once
from construction_mcp.store.workflows import Status, Workflows
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.problems import Problem
from construction_mcp.workflow.structure import structural_problems


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole workflow. `draft_version` counts edits; pass it as `expected_version` to change only what you read."""

    id: str
    name: str
    description: str
    status: Status
    environment: str
    company_id: int | None
    project_id: int | None
    run_as: str | None
    trigger: Mapping[str, Any] | None
    variables: Mapping[str, Any]
    actions: Sequence[Mapping[str, Any]]
    draft_version: int
    active_version: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NextStep:
    """The call that usually follows."""

    tool: str
    arguments: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow after a change, with every problem found so far.

    `checked` says how far: `structure` means names, shapes and references between actions; `plan` means all that shows
    without asking Procore, so that permissions, people and projects are judged when it is deployed.
    """

    workflow: Workflow
    problems: list[Problem]
    checked: Literal["structure", "plan"] = "structure"
    next_step: NextStep | None = None


def workflow_of(stored: store.Workflow) -> Workflow:
    """The public shape of a stored workflow."""
    return Workflow(
        id=stored.id,
        name=stored.name,
        description=stored.description,
        status=stored.status,
        environment=stored.environment,
        company_id=stored.company_id,
        project_id=stored.project_id,
        run_as=stored.run_as,
        trigger=stored.trigger,
        variables=stored.variables,
        actions=[action.definition for action in stored.actions],
        draft_version=stored.draft_version,
        active_version=stored.active_version,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def draft_of(stored: store.Workflow) -> Draft:
    """A workflow after a change."""
    problems = structural_problems(definition_of(stored))
    return Draft(workflow_of(stored), problems, next_step=_next_step(stored, problems))


def _next_step(stored: store.Workflow, problems: Sequence[Problem]) -> NextStep | None:
    """The first thing that is still missing, as a call to make."""
    codes = {problem.code for problem in problems}
    if "TRIGGER_MISSING" in codes:
        arguments = {"workflow_id": stored.id, "trigger": {"type": "manual"}}
        return NextStep("configure_workflow_trigger", arguments, "say what starts it")
    if "ACTIONS_MISSING" in codes:
        return NextStep("add_workflow_actions", {"workflow_id": stored.id, "actions": []}, "say what it does")
    return None


async def create_draft(
    definition: Definition,
    tool_name: str,
    key: str | None,
    workflows: Workflows,
    principal: Principal,
    settings: Settings,
) -> Draft:
    """Store a new draft as the principal's own; the same key and tool give the first one again."""
    return draft_of(await store_draft(definition, tool_name, key, workflows, principal, settings))


async def store_draft(
    definition: Definition,
    tool_name: str,
    key: str | None,
    workflows: Workflows,
    principal: Principal,
    settings: Settings,
) -> store.Workflow:
    """As `create_draft`, the row alone: for who has more to say about it than its structure."""
    written = definition.written()
    draft = store.Draft(
        name=definition.name,
        description=definition.description or "",
        environment=settings.environment,
        company_id=settings.company_id,
        project_id=definition.project_id,
        run_as=principal.id,
        trigger=written.get("trigger"),
        variables=written.get("variables", {}),
        created_by=principal.id,
    )
    once = once_of(principal, tool_name, key, written)
    return await workflows.create(draft, written.get("actions", []), once=once)


def once_of(principal: Principal, tool_name: str, key: str | None, arguments: Any) -> Once | None:
    """The idempotency of one call, where it has a key."""
    return None if key is None else Once.of(principal.id, tool_name, key, arguments)


async def existing(workflows: Workflows, workflow_id: str) -> store.Workflow:
    """The stored workflow. Raises: NotFound: WORKFLOW_NOT_FOUND."""
    found = await workflows.get([workflow_id])
    if not found:
        raise NotFound(
            f"There is no workflow {workflow_id[:64]!r}.",
            code="WORKFLOW_NOT_FOUND",
            next_call=NextCall("list_workflows", {}, "see which workflows exist"),
        )
    return found[0]
