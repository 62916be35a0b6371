"""Executions as people and tools read them: pages, and one whole with what happened."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core.errors import NotFound
from construction_mcp.store.columns import optional_time_from, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.executions import StepRow, step_of
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import Query, load

_sql = load("execution_reads")

Status = Literal["queued", "running", "waiting", "completed", "failed", "cancelled", "needs_review"]
STATUSES: tuple[Status, ...] = ("queued", "running", "waiting", "completed", "failed", "cancelled", "needs_review")

_STEPS_MAX, _EVENTS_MAX = 500, 200  # of one answer: what a person can still read
_AFTER_ALL = "9999"  # later than any moment, as text


@dataclass(frozen=True, slots=True)
class Filters:
    """Which executions; None is any."""

    workflow_id: str | None = None
    status: str | None = None
    project_id: int | None = None
    mode: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One execution in a list; `error_code` is the public code of what ended it."""

    id: str
    workflow_id: str
    version: int | None
    mode: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    duration_ms: float | None
    project_id: int | None
    trigger_type: str | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """What the steps' own rows do not tell; actor: the person who did it, None for the engine."""

    at: datetime
    kind: str
    step: str | None
    text: str
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of people in it, whom, and the answer; `edits` are what they changed."""

    step: str
    summary: str
    status: str
    approvers: Sequence[str]
    created_at: datetime
    told_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    decided_how: str | None
    edits: Mapping[str, Any] | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Whole:
    """One execution with its steps in the order they began and its latest events, oldest first.

    lease: the engine that carries it out; is_held: pause_all keeps it from going on; due_at: its next timer.
    """

    id: str
    workflow_id: str
    version: int | None
    mode: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    duration_ms: float | None
    trigger: Mapping[str, Any]
    error: Mapping[str, Any] | None
    project_id: int | None
    run_as: str
    requested_by: str
    lease: str | None
    recoveries: int
    due_at: datetime | None
    ending: str | None
    parent_id: str | None
    requests: int
    is_held: bool
    steps: Sequence[StepRow]
    events: Sequence[Event]
    questions: Sequence[Question] = ()


@dataclass(frozen=True, slots=True)
class UsageOf:
    """What the runs of one workflow sent to Procore."""

    workflow_id: str
    name: str
    executions: int
    requests: int


class ExecutionReads:
    """Reads of one data directory's executions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, only: Filters, *, most: int, before: tuple[str, str] | None = None) -> list[Line]:
        """Newest first, those older than `before` (a start as text, and id); one statement."""
        before_at, before_id = before or (_AFTER_ALL, "")
        shared = {
            "before_at": before_at,
            "before_id": before_id,
            "since": time_text(only.since) if only.since else "",
            "most": most,
        }
        query, filters = _filtered(only)
        return [_line(row) for row in await self._database.read(lambda tx: tx.all(query, **filters, **shared))]

    async def whole(self, execution_id: str, *, items: bool = False) -> Whole:
        """One execution; with `items` also every item of a for_each that went well. One hop, four statements.

        Raises:
            NotFound: EXECUTION_NOT_FOUND.
        """

        def read(tx: Tx) -> Whole:
            row = tx.one(_sql.whole, id=execution_id)
            if row is None:
                raise not_found(execution_id)
            steps = tx.all(_sql.steps, execution_id=execution_id, items=items, most=_STEPS_MAX)
            events = tx.all(_sql.events, execution_id=execution_id, most=_EVENTS_MAX)
            asked = tx.all(_sql.questions, execution_id=execution_id, most=_EVENTS_MAX)
            told = [_event(one) for one in reversed(events)]
            return _whole(row, [step_of(step) for step in steps], told, [_question(one) for one in asked])

        return await self._database.read(read)

    async def of_delivery(self, delivery_id: str) -> str | None:
        """The id of the execution that a delivery started; None where it started none."""
        found = await self._database.read(lambda tx: tx.value(_sql.of_delivery, id=delivery_id))
        return None if found is None else str(found)

    async def ids(self, most: int) -> list[str]:
        """The latest executions' ids."""
        return [row["id"] for row in await self._database.read(lambda tx: tx.all(_sql.ids, most=most))]

    async def usage(self, since: datetime, most: int) -> list[UsageOf]:
        """What workflows cost in requests to Procore since a moment, the dearest first; also across restarts."""
        place = {"since": time_text(since), "most": most}
        return [UsageOf(**dict(row)) for row in await self._database.read(lambda tx: tx.all(_sql.usage, **place))]


def not_found(execution_id: str) -> NotFound:
    """What every question about an execution that does not exist is answered with."""
    return NotFound(
        "No execution by that id exists here.",
        code="EXECUTION_NOT_FOUND",
        details={"execution_id": execution_id[:64]},
    )


def _filtered(only: Filters) -> tuple[Query, dict[str, Any]]:
    """The page whose index serves these filters best, and their parameters."""
    filters = {"status": only.status, "mode": only.mode}
    if only.workflow_id is not None:
        return _sql.page_by_workflow, {"workflow_id": only.workflow_id, "project_id": only.project_id, **filters}
    if only.project_id is not None:
        return _sql.page_by_project, {"project_id": only.project_id, **filters}
    if only.mode == "simulate":
        return _sql.page_of_tests, {"status": only.status}
    if only.status is not None:
        return _sql.page_by_status, filters
    return _sql.page, {"mode": only.mode}


def _line(row: sqlite3.Row) -> Line:
    times = {"started_at": time_from(row["started_at"]), "completed_at": optional_time_from(row["completed_at"])}
    return Line(**{**dict(row), **times})


def _event(row: sqlite3.Row) -> Event:
    return Event(time_from(row["at"]), row["kind"], row["step"], row["text"], row["actor"])


def _question(row: sqlite3.Row) -> Question:
    times = {name: optional_time_from(row[name]) for name in ("told_at", "decided_at")}
    edits = None if row["edits"] is None else json.loads(row["edits"])
    shape = {**dict(row), **times, "created_at": time_from(row["created_at"]), "edits": edits}
    return Question(**{**shape, "approvers": json.loads(row["approvers"])})


def _whole(row: sqlite3.Row, steps: Sequence[StepRow], events: Sequence[Event], questions: Sequence[Question]) -> Whole:
    shape = dict(row)
    for name in ("started_at", "completed_at", "due_at"):
        shape[name] = optional_time_from(shape[name])
    for name in ("trigger", "error"):
        shape[name] = None if shape[name] is None else json.loads(shape[name])
    return Whole(
        **{**shape, "is_held": bool(shape["is_held"]), "steps": steps, "events": events, "questions": questions}
    )
