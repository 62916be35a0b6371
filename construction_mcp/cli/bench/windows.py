"""Many executions at once before a Procore that enforces its documented rate windows: how often it has to refuse."""

import time
from collections.abc import Mapping
from typing import Any

from construction_mcp.cli.bench.effort import Effort
from construction_mcp.cli.bench.row import Budget, Row
from construction_mcp.cli.bench.sample import Sample, sampled
from construction_mcp.core.errors import Unavailable

_PATH = "/rest/v1.0/projects/{project}/rfis"
_PATIENCE_S = 150.0
_LOOK_S = 0.5


def windows(effort: Effort) -> list[Row]:
    """429s under so many concurrent executions, each with a read of its own."""
    places = effort.of(100, 10)
    at_once = {"CONSTRUCTION_MCP_MAX_EXECUTIONS": str(places), "CONSTRUCTION_MCP_MAX_PER_WORKFLOW": str(places)}
    # What waits for the rate window waits longer than tool calls are usually let wait for a place.
    patient = {"CONSTRUCTION_MCP_QUEUE_AGE_S": str(int(_PATIENCE_S))}
    with effort.room() as room, sampled(room, "docs", {**at_once, **patient}) as sample:
        began = time.perf_counter()
        ended = _run(sample, places)
        took = time.perf_counter() - began
        requests, refused = sample.refusals()
    note = f"{requests} requests, {ended.get('completed', 0)} of {places} executions completed in {took:.0f} s"
    name = f"429s under {places} concurrent executions, real windows"
    if ended.get("completed", 0) != places:
        return [Row("windows", name, None, "", Budget(0), note=f"{note}; the others: {ended}")]
    return [Row("windows", name, refused, "", Budget(0), note=note)]


def _run(sample: Sample, places: int) -> dict[str, int]:
    """How many executions ended in which way."""
    server = sample.server
    made = server.call("create_workflow", **_workflow(sample.project_id))["workflow"]["id"]
    deployed = server.call("deploy_workflow", workflow_id=made)
    if deployed["status"] != "deployed":
        raise Unavailable(f"The measured workflow was not deployed: {deployed['problems'][:2]}")
    for at in range(places):
        server.call("run_workflow", workflow_id=made, input={"at": at + 1}, wait_s=0.0)
    ended: dict[str, int] = {}
    until = time.monotonic() + _PATIENCE_S
    while sum(ended.values()) < places and time.monotonic() < until:
        time.sleep(_LOOK_S)
        found = server.call("list_executions", workflow_id=made, limit=100)["items"]
        ended = {}
        for one in found:
            if one["status"] in ("completed", "failed", "needs_review", "cancelled"):
                ended[one["status"]] = ended.get(one["status"], 0) + 1
    return ended


def _workflow(project_id: int) -> Mapping[str, Any]:
    """One read, which no two executions share: each asks for a page of its own, and none is kept from before."""
    config = {"method": "GET", "path": _PATH.format(project=project_id), "query": {"page": "{{ trigger.input.at }}"}}
    return {
        "name": "Read a page of RFIs",
        "project_id": project_id,
        "trigger": {"type": "manual"},
        "actions": [{"key": "rfis", "type": "procore.request", "config": config}],
    }
