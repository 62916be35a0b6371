"""An execution as it happens, what ran of a workflow, and the ids a client can complete."""

from typing import Any

from construction_mcp.core.toolset import completes, resource
from construction_mcp.insight.executions import shown, timeline
from construction_mcp.store.execution_reads import ExecutionReads, Filters

TRACE, LOGS = "execution://{id}/trace", "workflow://{id}/logs"
_LOGGED_MAX = 50  # executions of one answer
_SHOWN_MAX = 100  # values of one completion (MCP, "Completion")


@resource(TRACE, title="What happened in an execution", subscribable=True)
async def execution_trace(id: str, *, reads: ExecutionReads) -> dict[str, Any]:
    """One execution with its steps, their outputs, and a line for whatever happened."""
    whole = await reads.whole(id, items=True)
    return {"execution": shown(whole, outputs=True), "timeline": timeline(whole)}


@resource(LOGS, title="What ran of a workflow")
async def workflow_logs(id: str, *, reads: ExecutionReads) -> dict[str, Any]:
    """The latest executions of a workflow, newest first; one statement."""
    found = await reads.page(Filters(workflow_id=id), most=_LOGGED_MAX + 1)
    return {"items": found[:_LOGGED_MAX], "truncated": len(found) > _LOGGED_MAX}


@completes(TRACE, "id")
async def execution_ids(prefix: str, *, reads: ExecutionReads) -> list[str]:
    """Ids of executions, the latest first."""
    return [one for one in await reads.ids(_SHOWN_MAX) if one.startswith(prefix)]
