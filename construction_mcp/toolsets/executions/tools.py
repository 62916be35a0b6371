"""Tools over executions: see them, stop them, run them again. What they ask of people is decided in `deciding`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Conflict, Invalid, NextCall, NotFound, NotPermitted
from construction_mcp.core.ports import Ask
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page, Principal, Role
from construction_mcp.engine.port import EnginePort
from construction_mcp.insight.executions import Execution, Moment, shown, timeline
from construction_mcp.store.columns import time_text
from construction_mcp.store.execution_reads import ExecutionReads, Filters, Line
from construction_mcp.store.statistics import Bucket, Statistics, StepStats, Window

ExecutionId = Annotated[str, Field(min_length=1, max_length=64), "Id from list_executions"]
_MaybeId = Annotated[str | None, Field(min_length=1, max_length=64), "Only this workflow"]

_WINDOWS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
_BUCKETS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_BUCKETS_MAX = 200  # of one answer: more than a chart shows

_QUESTION = "resolve"
_FORM = {
    "type": "object",
    "properties": {"agree": {"type": "boolean", "title": "I looked", "description": "Yes, that is what became of it"}},
    "required": ["agree"],
}


@dataclass(frozen=True, slots=True)
class Observed:
    """One execution and what happened in it, in order of time."""

    execution: Execution
    timeline: Sequence[Moment]


@dataclass(frozen=True, slots=True)
class Cancelling:
    """`ended`: it had ended before it could be asked. `cancelling`: what is under way may finish, nothing starts."""

    status: Literal["cancelling", "ended"]
    execution_id: str


@dataclass(frozen=True, slots=True)
class Retried:
    """The new execution; the old one stays as it ended."""

    execution_id: str
    retry_of: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """declined: the person did not agree, and nothing changed. left: items of the step that nobody settled yet."""

    status: Literal["resolved", "declined"]
    execution_id: str
    step: str
    left: list[str] | None = None


@dataclass(frozen=True, slots=True)
class WorkflowStats:
    """How live runs went. success_rate: from 0 to 1, of those that completed or failed.

    It is absent where none did, and so are durations. Mean and max are exact, percentiles less than 5 % off; those of
    steps are exact, of the latest 200 runs. per_run: mean requests and ms waited. queue: length, age_s.
    """

    counts: Mapping[str, int]
    success_rate: float | None
    duration_ms: Mapping[str, float]
    series: Sequence[Bucket]
    approvals: Mapping[str, int]
    per_run: Mapping[str, float]
    steps: Sequence[StepStats]
    queue: Mapping[str, float]


@tool(effect="read", listed=True, fields=True)
async def list_executions(
    workflow_id: _MaybeId = None,
    status: Annotated[
        Literal["queued", "running", "waiting", "completed", "failed", "cancelled", "needs_review", "any"],
        "Only this status",
    ] = "any",
    project_id: Annotated[int | None, Field(ge=1), "Only this Procore project"] = None,
    mode: Annotated[Literal["live", "simulate", "any"], "simulate is a test"] = "any",
    since: Annotated[datetime | None, "Started since, with its time zone"] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    reads: ExecutionReads,
    cursors: Cursors,
    principal: Principal,
) -> Page[Line]:
    """List executions, newest first. Use observe_workflow_execution for the steps of one."""
    if since is not None and since.tzinfo is None:
        raise Invalid("since needs a time zone.", details={"field": "since"}, hint="Write it as 2026-03-02T09:00:00Z.")
    only = Filters(workflow_id, None if status == "any" else status, project_id, None if mode == "any" else mode, since)
    started = None if since is None else time_text(since)
    query = ["executions", workflow_id, status, project_id, mode, started, principal.id]
    before = tuple(cursors.read(cursor, query)) if cursor else None
    found = await reads.page(only, most=limit + 1, before=before)
    last = found[limit - 1] if len(found) > limit else None
    more = None if last is None else cursors.sign([time_text(last.started_at), last.id], query)
    return Page(found[:limit], more)


@tool(effect="read", listed=True)
async def observe_workflow_execution(
    execution_id: Annotated[str | None, Field(min_length=1, max_length=64), "Id from list_executions"] = None,
    delivery_id: Annotated[str | None, Field(min_length=1, max_length=64), "Or the delivery that started it"] = None,
    detail: Annotated[Literal["summary", "full"], "full adds outputs and every item"] = "summary",
    *,
    reads: ExecutionReads,
) -> Observed:
    """Show one execution: each step, why it was skipped or failed, what it waits for, and what happened when.

    Use diagnose_workflow for what to do about it.
    """
    if (execution_id is None) == (delivery_id is None):
        raise Invalid("Give either execution_id or delivery_id.", details={"field": "execution_id"})
    if delivery_id is not None:
        execution_id = await reads.of_delivery(delivery_id)
    if execution_id is None:
        raise NotFound(
            "That delivery started no execution, or there is none by that id.",
            code="EXECUTION_NOT_FOUND",
            next_call=NextCall("list_executions", {}, "see what ran"),
        )
    whole = await reads.whole(execution_id, items=detail == "full")
    return Observed(shown(whole, outputs=detail == "full"), timeline(whole))


@tool(effect="workspace", destructive=True, idempotent=True)
async def cancel_execution(execution_id: ExecutionId, *, engine: EnginePort, principal: Principal) -> Cancelling:
    """Ask an execution to end: what is under way may finish, nothing further starts. Its approvals are withdrawn."""
    asked = await engine.cancel(execution_id, principal.id)
    return Cancelling("cancelling" if asked else "ended", execution_id)


@tool(effect="workspace", destructive=True, open_world=True)
async def retry_execution(
    execution_id: ExecutionId,
    from_step: Annotated[
        str | None, Field(min_length=1, max_length=64), "Repeat from this step; without it, what did not complete"
    ] = None,
    plan: Annotated[Literal["same", "active"], "same version again, or the active one"] = "same",
    *,
    engine: EnginePort,
    principal: Principal,
) -> Retried:
    """Run an ended execution again as a new one that takes over what completed. Use run_workflow to start afresh."""
    made = await engine.retry(execution_id, principal.id, from_step=from_step, plan=plan)
    return Retried(made, execution_id)


@tool(effect="workspace", role=Role.APPROVER, destructive=True, open_world=True)
async def resolve_step(
    execution_id: ExecutionId,
    step: Annotated[str, Field(min_length=1, max_length=80), "Key of the uncertain step, or of one item: key[2]"],
    outcome: Annotated[Literal["done", "not_done", "skip"], "not_done sends it again, skip goes on without it"],
    evidence: Annotated[str | None, Field(min_length=1, max_length=2000), "What was seen in Procore"] = None,
    *,
    engine: EnginePort,
    reads: ExecutionReads,
    principal: Principal,
    ask: Ask,
) -> Resolved:
    """Settle a step whose outcome nobody knows, as the person who looked says, and let the execution go on.

    The person is asked; a model cannot answer for them.
    """
    whole = await reads.whole(execution_id)
    unknown = [one for one in whole.steps if one.status == "uncertain"]
    of_step = [one for one in unknown if one.key == step.partition("[")[0]]  # an item may be beyond what is told
    row = next((one for one in of_step if one.name == step), of_step[0] if of_step else None)
    if row is None:  # the engine, which asks nobody, is not asked either
        raise Conflict(f"The outcome of step {step[:64]!r} is not unknown.", code="EXECUTION_STEP_NOT_UNCERTAIN")
    if not ask.can_form:
        raise NotPermitted(
            "Only a person may say what became of a step, and this client has no way to ask one.",
            code="AUTH_PERSON_REQUIRED",
            hint="Repeat it with a client that shows forms.",
        )
    state = f"{execution_id}/{step}/{outcome}"
    before = ask.state
    answer = await ask.form(_QUESTION, _question(step, outcome, row.error, evidence), _FORM, state=state)
    is_same = before in (None, state)  # on 2026-07-28 the answer comes with a second call
    if not is_same or answer.action != "accept" or (answer.content or {}).get("agree") is not True:
        return Resolved("declined", execution_id, step)
    left = await engine.resolve(execution_id, step, outcome, principal.id, evidence)
    return Resolved("resolved", execution_id, step, left or None)


@tool(effect="read")
async def get_workflow_stats(
    workflow_id: _MaybeId = None,
    project_id: Annotated[int | None, Field(ge=1), "Only this Procore project"] = None,
    window: Annotated[Literal["24h", "7d", "30d", "90d"], "How far back"] = "7d",
    bucket: Annotated[Literal["hour", "day", "week"], "Width of the series' steps"] = "day",
    *,
    statistics: Statistics,
    clock: Clock,
) -> WorkflowStats:
    """Count live runs by how they ended, with durations, a series over time, and what people decided.

    By step, or without workflow_id by action type. Use list_executions for the runs themselves.
    """
    now = clock.now()
    shape = _window(now, _WINDOWS[window], _BUCKETS[bucket])
    if shape.buckets > _BUCKETS_MAX:
        raise Invalid(
            f"{window} in steps of one {bucket} are {shape.buckets} values; at most {_BUCKETS_MAX}.",
            details={"field": "bucket"},
            hint="Choose a wider bucket.",
        )
    found = await statistics.of(shape, workflow_id=workflow_id, project_id=project_id)
    ended = found.counts["completed"] + found.counts["failed"]
    queue: dict[str, float] = {"length": found.queue.length}
    if found.queue.oldest_at is not None:
        queue["age_s"] = max(0.0, (now - found.queue.oldest_at).total_seconds())
    return WorkflowStats(
        counts=found.counts,
        success_rate=found.counts["completed"] / ended if ended else None,
        duration_ms=found.duration_ms,
        series=found.series,
        approvals=found.approvals,
        per_run=found.per_run,
        steps=found.steps,
        queue=queue,
    )


def _window(now: datetime, length: timedelta, width: timedelta) -> Window:
    """The last full days with today, or hours with this one where days say too little; in UTC."""
    unit = _BUCKETS["hour"] if length <= _BUCKETS["day"] or width < _BUCKETS["day"] else _BUCKETS["day"]
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + ((now - midnight) // unit + 1) * unit
    return Window(end - length, width, -(-length // width))


def _question(step: str, outcome: str, error: Mapping[str, Any] | None, evidence: str | None) -> str:
    means = {
        "done": "It was made; the execution goes on after it.",
        "not_done": "It was not made; it is sent again.",
        "skip": "The execution goes on without it.",
    }
    lines = [f"Nobody knows whether the step {step} changed something in Procore.", "", means[outcome]]
    if error and error.get("message"):
        lines += ["", f"What is known: {error['message']}"]
    if evidence:
        lines += ["", f"What was seen: {evidence}"]
    return "\n".join([*lines, "", "Agree only if you looked there yourself."])
