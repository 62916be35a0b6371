"""Executions as the engine keeps them: accepted, claimed, their steps and how they ended.

Functions that take a `Tx` are for transactions that keep more than this, as accepting a delivery does. What people and
tools read of executions is in `execution_reads`.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from construction_mcp.core.ids import new_id
from construction_mcp.store.columns import json_text, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("executions")

Mode = Literal["live", "simulate"]
INTERACTIVE, EVENT, SCHEDULED = 20, 10, 0  # priorities: somebody waits, something happened, it was due


@dataclass(frozen=True, slots=True)
class NewExecution:
    """What starts. `version` is None for a test of the draft, whose plan is kept under `plan_hash` beforehand.

    trigger: what expressions see as `trigger` (`workflow/triggers.py`): type, at, input, and event, record or body.
    requested_by: a principal's id, or `schedule`, `webhook`, `poll`, `workflow`.
    key: the same start again finds this execution; depth: how many workflows set each other off to get here.
    deliver_to: where a test's messages go instead.
    """

    workflow_id: str
    version: int | None
    plan_hash: str
    trigger: Mapping[str, Any]
    environment: str
    company_id: int | None
    project_id: int | None
    run_as: str
    requested_by: str
    mode: Mode = "live"
    key: str | None = None
    priority: int = SCHEDULED
    depth: int = 0
    parent_id: str | None = None
    parent_step: str | None = None
    deliver_to: str | None = None


class Enqueued(NamedTuple):
    """An execution that is stored; not `is_new` when the same start came before."""

    id: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution as the engine works with it. `ending`: what was asked of it while it ran."""

    id: str
    workflow_id: str
    version: int | None
    mode: Mode
    started_at: datetime
    trigger: Mapping[str, Any]
    plan_hash: str
    environment: str
    company_id: int | None
    project_id: int | None
    run_as: str
    requested_by: str
    deliver_to: str | None
    priority: int
    depth: int
    parent_id: str | None
    parent_step: str | None
    ending: str | None
    recoveries: int
    requests: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step, or one item of its for_each (`item` from 0), as it is kept."""

    key: str
    item: int
    type: str
    status: str
    attempts: int
    started_at: datetime
    completed_at: datetime | None = None
    duration_ms: float | None = None
    output: Any = None
    error: Mapping[str, Any] | None = None
    because: Mapping[str, Any] | None = None
    waits_for: Mapping[str, Any] | None = None
    due_at: datetime | None = field(default=None)


def enqueue(tx: Tx, new: NewExecution, now: datetime) -> Enqueued:
    """Accept an execution in a transaction of the caller's, who wakes the engine after its commit."""
    if new.key is not None:
        known = tx.value(_sql.by_key, workflow_id=new.workflow_id, key=new.key)
        if known is not None:
            return Enqueued(known, is_new=False)
    execution_id = new_id("exe")
    columns = {name: getattr(new, name) for name in NewExecution.__slots__ if name != "trigger"}
    tx.run(_sql.enqueue, id=execution_id, now=time_text(now), trigger=json_text(dict(new.trigger)), **columns)
    return Enqueued(execution_id, is_new=True)


def execution_of(row: sqlite3.Row) -> Execution:
    """From a row of `queued` or `by_id`."""
    shape = {name: row[name] for name in Execution.__slots__}
    return Execution(**{**shape, "trigger": json.loads(row["trigger"]), "started_at": time_from(row["started_at"])})


def step_of(row: sqlite3.Row) -> StepRow:
    """From a row of `steps`."""
    shape = dict(row)
    for name in ("output", "error", "because", "waits_for"):
        if shape[name] is not None:
            shape[name] = json.loads(shape[name])
    for name in ("started_at", "completed_at", "due_at"):
        if shape[name] is not None:
            shape[name] = time_from(shape[name])
    return StepRow(**shape)
