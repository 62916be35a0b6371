"""A workflow at a glance and as a picture, and the ids a client can complete."""

from construction_mcp.core.toolset import completes, resource
from construction_mcp.deployment.checks import Checks
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.deployment.writing import STATUS, existing
from construction_mcp.store.versions import Versions, WorkflowStatus
from construction_mcp.store.workflows import Workflows
from construction_mcp.workflow.diagram import mermaid
from construction_mcp.workflow.plan import plan_from

DIAGRAM = "workflow://{id}/diagram"
_SHOWN_MAX = 100  # values of one completion (MCP, "Completion")


@resource(STATUS, title="A workflow at a glance", subscribable=True)
async def workflow_status(id: str, *, versions: Versions) -> WorkflowStatus:
    """What a workflow is, what starts it, its last runs and how they went; one statement."""
    return await versions.status(id)


@resource(DIAGRAM, title="A workflow as a Mermaid flowchart", mime_type="text/vnd.mermaid")
async def workflow_diagram(id: str, *, workflows: Workflows, versions: Versions, checks: Checks) -> str:
    """The draft; where it cannot be drawn yet, the version that runs."""
    stored = await existing(workflows, id)
    drawn = checks.drawn(definition_of(stored))
    if drawn is None and stored.active_version is not None:
        drawn = mermaid(plan_from((await versions.get(id, stored.active_version)).plan))
    return drawn or "flowchart TD\n  draft([not drawable yet: get_workflow names its problems])\n"


@completes(STATUS, "id")
async def workflow_ids(prefix: str, *, workflows: Workflows) -> list[str]:
    """Ids of workflows, those changed last first."""
    found = await workflows.list(limit=_SHOWN_MAX)
    return [one.id for one in found.items if one.id.startswith(prefix)]


@completes(DIAGRAM, "id")
async def diagram_ids(prefix: str, *, workflows: Workflows) -> list[str]:
    """As for the status."""
    return await workflow_ids(prefix, workflows=workflows)
