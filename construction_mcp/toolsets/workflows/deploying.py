"""Putting a draft to work, and taking it back."""

from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.core.errors import Invalid
from construction_mcp.core.ports import Ask, Changes
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal
from construction_mcp.deployment.deploy import Deployments
from construction_mcp.deployment.results import Deployment, Switched
from construction_mcp.deployment.writing import tell_changed
from construction_mcp.toolsets.workflows.arguments import ExpectedVersion, WorkflowId


@tool(effect="workspace", listed=True, destructive=True, idempotent=True, open_world=True)
async def deploy_workflow(
    workflow_id: WorkflowId,
    dry_run: Annotated[bool, "Say what would happen and change nothing"] = False,
    expected_version: ExpectedVersion = None,
    *,
    deployments: Deployments,
    principal: Principal,
    ask: Ask,
    changes: Changes,
) -> Deployment:
    """Check a draft against Procore and let it run from now on as the next version, all or nothing.

    Deploying agrees to exactly the effects and recipients it lists. Try dry_run first; rollback_workflow undoes it.
    """
    done = await deployments.deploy(workflow_id, principal, dry_run=dry_run, expected_version=expected_version, ask=ask)
    if done.status == "deployed":
        await tell_changed(changes, workflow_id)
    return done


@tool(effect="workspace", listed=True, destructive=True, idempotent=True, open_world=True)
async def rollback_workflow(
    workflow_id: WorkflowId,
    action: Annotated[
        Literal["pause", "resume", "rollback"], "pause stops it, resume continues, rollback goes to another version"
    ],
    to_version: Annotated[int | None, Field(ge=1), "For rollback: the version that shall run"] = None,
    *,
    deployments: Deployments,
    principal: Principal,
    changes: Changes,
) -> Switched:
    """Pause a workflow, resume it, or let an earlier version run again; the draft stays as it is.

    Use deploy_workflow to put the draft to work.
    """
    if (action == "rollback") != (to_version is not None):
        raise Invalid("to_version goes with rollback, and rollback needs it.", details={"field": "to_version"})
    if action == "pause":
        done = await deployments.pause(workflow_id, principal)
    elif to_version is None:
        done = await deployments.resume(workflow_id, principal)
    else:
        done = await deployments.rollback(workflow_id, to_version, principal)
    await tell_changed(changes, workflow_id)
    return done
