"""A workflow at a glance, as a picture and through time, and the ids a client can complete."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from construction_mcp.core.toolset import completes, resource
from construction_mcp.deployment.checks import Checks
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.deployment.writing import STATUS, existing
from construction_mcp.store.versions import Versions, WorkflowStatus, Written
from construction_mcp.store.workflows import Workflows
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.diagram import mermaid
from construction_mcp.workflow.diff import changes
from construction_mcp.workflow.plan import plan_from

DIAGRAM, VERSIONS = "workflow://{id}/diagram", "workflow://{id}/versions"
_VERSIONS_MAX = 20  # of one answer; what lies further back is rarely gone back to
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


@resource(VERSIONS, title="What was deployed of a workflow")
async def workflow_versions(id: str, *, workflows: Workflows, versions: Versions) -> dict[str, Any]:
    """The latest versions, newest first, each with what it changed, in words; one statement."""
    await existing(workflows, id)
    found = await versions.history(id, _VERSIONS_MAX + 1)
    items = [_version(one, before) for one, before in zip_longest(found, found[1:])]
    return {"items": items[:_VERSIONS_MAX], "truncated": len(found) > _VERSIONS_MAX}


def _version(one: Written, before: Written | None) -> dict[str, Any]:
    said: Sequence[str] = ()
    if before is not None:
        old, new = Definition.model_validate(before.definition), Definition.model_validate(one.definition)
        said = changes(old, new, before.consent, one.consent)
    shown = ("number", "plan_hash", "deployed_by", "deployed_at")
    return {**{name: getattr(one, name) for name in shown}, "changes": said}


@completes(STATUS, "id")
async def workflow_ids(prefix: str, *, workflows: Workflows) -> list[str]:
    """Ids of workflows, those changed last first."""
    found = await workflows.list(limit=_SHOWN_MAX)
    return [one.id for one in found.items if one.id.startswith(prefix)]


@completes(DIAGRAM, "id")
async def diagram_ids(prefix: str, *, workflows: Workflows) -> list[str]:
    """As for the status."""
    return await workflow_ids(prefix, workflows=workflows)


@completes(VERSIONS, "id")
async def version_ids(prefix: str, *, workflows: Workflows) -> list[str]:
    """As for the status."""
    return await workflow_ids(prefix, workflows=workflows)
