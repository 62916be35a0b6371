"""Making drafts, and what every tool that makes or changes one answers with (PRODUCT.md section 4.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import NextCall, NotFound
from construction_mcp.core.ports import Changes
from construction_mcp.core.types import Principal
from construction_mcp.deployment.checks import Checks
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.store import workflows as store
from construction_mcp.store.idempotency import Once
from construction_mcp.store.workflows import Status, Workflows
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.problems import Problem

STATUS = "workflow://{id}/status"


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
    """A workflow after a change, with every problem that shows without asking Procore; deploying looks there too.

    effects: what it could do, in words.
    """

    workflow: Workflow
    problems: Sequence[Problem]
    effects: Sequence[str]
    next_step: NextStep


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


class Drafts:
    """Makes drafts, and answers for every tool that makes or changes one."""

    def __init__(self, workflows: Workflows, checks: Checks, changes: Changes, settings: Settings) -> None:
        self._workflows = workflows
        self._checks = checks
        self._changes = changes
        self._settings = settings

    async def create(self, definition: Definition, principal: Principal, once: Once | None) -> Draft:
        """Store a new draft as the principal's own."""
        written = definition.written()
        draft = store.Draft(
            name=definition.name,
            description=definition.description or "",
            environment=self._settings.environment,
            company_id=self._settings.company_id,
            project_id=definition.project_id,
            run_as=principal.id,
            trigger=written.get("trigger"),
            variables=written.get("variables", {}),
            created_by=principal.id,
        )
        return await self.changed(await self._workflows.create(draft, written.get("actions", []), once=once))

    async def changed(self, stored: store.Workflow) -> Draft:
        """What to answer after a change; whoever watches the workflow is told."""
        await tell_changed(self._changes, stored.id)
        compiled = self._checks.of(definition_of(stored))
        return Draft(workflow_of(stored), compiled.problems, compiled.effects, _next_step(stored, compiled.problems))

    def problems(self, stored: store.Workflow) -> Sequence[Problem]:
        """Every problem of a draft that shows without asking anybody."""
        return self._checks.of(definition_of(stored)).problems


def _next_step(stored: store.Workflow, problems: Sequence[Problem]) -> NextStep:
    """The first thing that is still missing, as a call to make."""
    codes = {problem.code for problem in problems if problem.severity == "error"}
    if "TRIGGER_MISSING" in codes:
        arguments = {"workflow_id": stored.id, "trigger": {"type": "manual"}}
        return NextStep("configure_workflow_trigger", arguments, "say what starts it")
    if "ACTIONS_MISSING" in codes:
        return NextStep("add_workflow_actions", {"workflow_id": stored.id, "actions": []}, "say what it does")
    if codes:
        arguments = {"goal": stored.name, "workflow_id": stored.id}
        return NextStep("get_workflow_guidance", arguments, "get the call that mends each problem")
    return NextStep("deploy_workflow", {"workflow_id": stored.id, "dry_run": True}, "see what it would do")


async def tell_changed(changes: Changes, workflow_id: str) -> None:
    """Tell whoever watches this workflow."""
    await changes.resource_updated(STATUS.format(id=workflow_id))


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
