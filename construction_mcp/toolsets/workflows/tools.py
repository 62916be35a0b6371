"""Tools over workflow definitions. Nothing here lets a workflow run; `deploying` does."""

from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit
from construction_mcp.core.config import Limits
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page, Principal
from construction_mcp.deployment.deploy import Deployments
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.deployment.writing import Draft, Drafts, existing, once_of, workflow_of
from construction_mcp.store.workflows import Status, Workflows
from construction_mcp.toolsets.workflows.arguments import ExpectedVersion, IdempotencyKey, WorkflowId
from construction_mcp.toolsets.workflows.shapes import Deleted, Document, Read, WorkflowSummary, summary_of
from construction_mcp.workflow import document
from construction_mcp.workflow.definition import Action, Definition, Trigger, Variable


@tool(effect="workspace", listed=True)
async def create_workflow(
    name: Annotated[str, Field(min_length=1, max_length=200), "What people call it"],
    description: Annotated[str, Field(max_length=5000), "Its purpose, in words for people"] = "",
    project_id: Annotated[int | None, Field(ge=1), "Procore project its actions use"] = None,
    trigger: Annotated[Trigger | None, "What starts it; may be set later"] = None,
    actions: Annotated[list[Action] | None, Field(max_length=100), "What it does, in order; may be added later"] = None,
    variables: Annotated[dict[str, Variable] | None, Field(max_length=100), "Values filled in once, by name"] = None,
    idempotency_key: IdempotencyKey = None,
    *,
    drafts: Drafts,
    principal: Principal,
) -> Draft:
    """Create a workflow as a draft and return it with every problem found, what it could do, and the next step.

    Nothing runs or is sent. For an existing one use the update tools.
    """
    definition = Definition(
        name=name,
        description=description or None,
        project_id=project_id,
        trigger=trigger,
        variables=variables,
        actions=actions,
    )
    once = once_of(principal, "create_workflow", idempotency_key, definition.written())
    return await drafts.create(definition, principal, once)


@tool(effect="read", listed=True)
async def get_workflow(
    workflow_id: Annotated[str | None, Field(min_length=1, max_length=64), "One workflow id"] = None,
    ids: Annotated[list[str] | None, Field(min_length=1, max_length=50), "Or several ids, 1 to 50"] = None,
    *,
    workflows: Workflows,
    drafts: Drafts,
) -> Read:
    """Return a workflow in full: trigger, variables, actions, versions, and its problems.

    Give workflow_id for one, ids for several (without problems). Use list_workflows to find ids.
    """
    if (workflow_id is None) == (ids is None):
        raise Invalid("Give either workflow_id or ids.", details={"field": "workflow_id"})
    if workflow_id is not None:
        stored = await existing(workflows, workflow_id)
        return Read(workflow_of(stored), drafts.problems(stored))
    found = {stored.id: stored for stored in await workflows.get(ids or [])}
    items = [workflow_of(found[one]) for one in dict.fromkeys(ids or []) if one in found]
    return Read(items=items, missing=[one for one in dict.fromkeys(ids or []) if one not in found])


@tool(effect="read", listed=True, fields=True)
async def list_workflows(
    status: Annotated[Status | Literal["any"], "Only this status"] = "any",
    project_id: Annotated[int | None, Field(ge=1), "Only this Procore project"] = None,
    text: Annotated[
        str | None, Field(min_length=1, max_length=200), "Only names and descriptions containing this"
    ] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    workflows: Workflows,
    cursors: Cursors,
    principal: Principal,
) -> Page[WorkflowSummary]:
    """List workflows, last changed first, as summaries without their actions; total counts all that fit the filters.

    Use get_workflow for one in full.
    """
    query = {"list": "workflows", "status": status, "project_id": project_id, "text": text, "by": principal.id}
    after = tuple(cursors.read(cursor, query)) if cursor else None
    only = None if status == "any" else status
    found = await workflows.list(status=only, project_id=project_id, text=text or "", limit=limit, after=after)
    more = cursors.sign(found.next_position, query) if found.next_position else None
    return Page([summary_of(row) for row in found.items], more, found.total)


@tool(effect="workspace", idempotent=True)
async def update_workflow(
    workflow_id: WorkflowId,
    name: Annotated[str | None, Field(min_length=1, max_length=200), "New name for people"] = None,
    description: Annotated[str | None, Field(max_length=5000), "New description"] = None,
    project_id: Annotated[int | None, Field(ge=1), "New default project"] = None,
    variables: Annotated[
        dict[str, Variable] | None, Field(max_length=100), "All variables; replaces the old set"
    ] = None,
    expected_version: ExpectedVersion = None,
    *,
    workflows: Workflows,
    drafts: Drafts,
) -> Draft:
    """Change a workflow's name, description, project or variables; what is not given stays.

    For the trigger use configure_workflow_trigger, for actions the action tools.
    """
    values = None if variables is None else {key: variable.written() for key, variable in variables.items()}
    given = {"name": name, "description": description, "project_id": project_id, "variables": values}
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise Invalid("Nothing to change was given.", hint="Give name, description, project_id or variables.")
    return await drafts.changed(await workflows.update(workflow_id, changes, expected_version=expected_version))


@tool(effect="workspace", listed=True, idempotent=True)
async def configure_workflow_trigger(
    workflow_id: WorkflowId,
    trigger: Annotated[Trigger, "What starts it, shaped as in create_workflow"],
    expected_version: ExpectedVersion = None,
    *,
    workflows: Workflows,
    drafts: Drafts,
) -> Draft:
    """Set what starts a workflow, replacing its trigger, and return it with its problems.

    It takes effect only when the workflow is deployed.
    """
    changes = {"trigger": trigger.written()}
    return await drafts.changed(await workflows.update(workflow_id, changes, expected_version=expected_version))


@tool(effect="workspace", listed=True)
async def add_workflow_actions(
    workflow_id: WorkflowId,
    actions: Annotated[
        list[Action],
        Field(min_length=1, max_length=100),
        "1 to 100 actions in order, shaped as in create_workflow",
    ],
    expected_version: ExpectedVersion = None,
    idempotency_key: IdempotencyKey = None,
    *,
    workflows: Workflows,
    drafts: Drafts,
    principal: Principal,
) -> Draft:
    """Append actions to a workflow in one step, all or none, after those it has.

    Keys must be new to the workflow. To change an action use update_workflow_action.
    """
    written = [action.written() for action in actions]
    once = once_of(principal, "add_workflow_actions", idempotency_key, {"id": workflow_id, "actions": written})
    added = await workflows.add_actions(workflow_id, written, expected_version=expected_version, once=once)
    return await drafts.changed(added)


@tool(effect="workspace", idempotent=True)
async def update_workflow_action(
    workflow_id: WorkflowId,
    key: Annotated[str, Field(min_length=1, max_length=64), "Key of the action to replace"],
    action: Annotated[Action, "The whole new action, shaped as in create_workflow; its key may differ"],
    expected_version: ExpectedVersion = None,
    *,
    workflows: Workflows,
    drafts: Drafts,
) -> Draft:
    """Replace one action of a workflow, keeping its place in the order. Read it first with get_workflow."""
    written = action.written()
    stored = await workflows.update_action(workflow_id, key, written, expected_version=expected_version)
    return await drafts.changed(stored)


@tool(effect="workspace", destructive=True, idempotent=True)
async def remove_workflow_action(
    workflow_id: WorkflowId,
    key: Annotated[str, Field(min_length=1, max_length=64), "Key of the action to remove"],
    expected_version: ExpectedVersion = None,
    *,
    workflows: Workflows,
    drafts: Drafts,
) -> Draft:
    """Remove one action from a workflow. Actions that refer to it stay and are reported as problems."""
    return await drafts.changed(await workflows.remove_action(workflow_id, key, expected_version=expected_version))


@tool(effect="workspace", destructive=True, idempotent=True)
async def delete_workflow(
    workflow_id: WorkflowId,
    expected_version: ExpectedVersion = None,
    *,
    deployments: Deployments,
    principal: Principal,
) -> Deleted:
    """Delete a workflow with its versions and history for good; its webhook at Procore goes too.

    Use export_workflow first if it may be wanted again.
    """
    return Deleted(workflow_id, await deployments.delete(workflow_id, principal, expected_version=expected_version))


@tool(effect="read")
async def export_workflow(
    workflow_id: WorkflowId,
    format: Annotated[Literal["yaml", "json"], "How it is written"] = "yaml",
    *,
    workflows: Workflows,
) -> Document:
    """Return a workflow as a YAML or JSON document that import_workflow accepts, without ids or versions."""
    definition = definition_of(await existing(workflows, workflow_id))
    return Document(format, document.write(definition, format))


@tool(effect="workspace")
async def import_workflow(
    document_text: Annotated[str, Field(min_length=1, max_length=1_000_000), "A YAML or JSON workflow document"],
    idempotency_key: IdempotencyKey = None,
    *,
    drafts: Drafts,
    principal: Principal,
    limits: Limits,
) -> Draft:
    """Create a workflow from a YAML or JSON document and return it with its problems.

    Use create_workflow to build one from arguments instead.
    """
    definition = document.read(document_text, limits)
    once = once_of(principal, "import_workflow", idempotency_key, definition.written())
    return await drafts.create(definition, principal, once)
