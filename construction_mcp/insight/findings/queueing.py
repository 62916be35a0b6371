"""Runs that nobody carries out: the engine's places are taken, or there is no engine."""

from collections.abc import Iterator
from datetime import timedelta

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, grown
from construction_mcp.insight.findings.holding import bears

_LATE = timedelta(minutes=5)  # an engine with a free place takes a run within a second


def found(case: Case) -> Iterator[Finding]:
    """Queued for minutes, though nothing holds it."""
    place = case.evidence.place
    if any(bears(one, place.project_id, place.run_as) for one in case.evidence.holds):
        return
    late = [run for run in case.evidence.open_runs if run.status == "queued" and run.started_at + _LATE < case.here.now]
    if not late:
        return
    running = [run for run in case.evidence.open_runs if run.status == "running"]
    seen = [f"{len(late)} runs are queued, the first since {late[0].started_at.isoformat()}."]
    seen += [f"{run.id} has been running since {run.started_at.isoformat()}." for run in running[:3]]
    cause = "Its runs wait for a place: all that it may have at once are taken, or no engine is there."
    fix = "End what takes a place and does not get on; or let more run at once with CONSTRUCTION_MCP_MAX_PER_WORKFLOW."
    call = Call("get_system_health", {}, "see whether an engine runs and how long the queue is")
    if running:
        call = Call("cancel_execution", {"execution_id": running[0].id}, "make room, if it does not get on")
    yield Finding("QUEUE_HELD_UP", "error", grown(len(late)), seen, cause, fix, call)
