"""The workspace at a glance, for a page: workflows with how they beat, what is open, what broke. One hop each."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from construction_mcp.store.approvals import Approval, page
from construction_mcp.store.columns import json_text, optional_time_from, time_from
from construction_mcp.store.evidence import Open, of_open
from construction_mcp.store.executions import Queue, queue
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import globbed

_sql = load("overview")

BEATS = 24  # runs of one sparkline: more are narrower than an eye tells apart
_START = ("9999", "")  # later than any time, before any id


@dataclass(frozen=True, slots=True)
class Beat:
    """One run of a sparkline. duration_ms: None while it runs."""

    status: str
    started_at: datetime
    duration_ms: float | None


@dataclass(frozen=True, slots=True)
class Pulse:
    """A workflow with its latest live runs, oldest first. due_at: its next start or look by itself."""

    id: str
    name: str
    status: str
    status_reason: str | None
    active_version: int | None
    updated_at: datetime
    trigger_type: str | None
    due_at: datetime | None
    beats: Sequence[Beat]


@dataclass(frozen=True, slots=True)
class Pulses:
    """One page; `next_position` continues it, None at the end."""

    items: Sequence[Pulse]
    next_position: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Broken:
    """A live run that failed, and the step at fault where one was. `error` has code and message."""

    execution_id: str
    workflow_id: str
    workflow_name: str
    at: datetime
    step: str | None
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Which workflow an execution is of."""

    workflow_id: str
    workflow_name: str
    mode: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything of the first page. `counts`: executions that have not ended, `standings`: workflows, by status."""

    pulses: Pulses
    counts: Mapping[str, int]
    standings: Mapping[str, int]
    queue: Queue
    open: Open
    broken: Sequence[Broken]
    pending: Sequence[Approval]
    names: Mapping[str, str]
    origins: Mapping[str, Origin]


def overview(tx: Tx, now: datetime, *, workflows: int, rows: int, broken: int, pending: int) -> Overview:
    """At most so many workflows, open runs (`rows`), failed ones and pending approvals."""
    found, asked = of_open(tx, now, rows), page(tx, "pending", pending)
    return Overview(
        pulses=pulses(tx, workflows),
        counts={row["status"]: row["many"] for row in tx.all(_sql.counts)},
        standings={row["status"]: row["many"] for row in tx.all(_sql.standings)},
        queue=queue(tx),
        open=found,
        broken=[_broken(row) for row in tx.all(_sql.broken, most=broken)],
        pending=asked,
        names=names(tx, [run.workflow_id for run in found.runs]),
        origins=origins(tx, asked),
    )


def pulses(tx: Tx, most: int, *, text: str = "", after: tuple[str, str] | None = None) -> Pulses:
    """Workflows, last changed first, whose name or description has `text`, whatever its case."""
    before_at, after_id = after or _START
    where = {"before_at": before_at, "after_id": after_id, "pattern": globbed(text)}
    rows = tx.all(_sql.workflows, **where, beats=BEATS, most=most + 1)
    last = rows[most - 1] if len(rows) > most else None
    return Pulses([_pulse(row) for row in rows[:most]], None if last is None else (last["updated_at"], last["id"]))


def names(tx: Tx, ids: Sequence[str]) -> dict[str, str]:
    """What these workflows are called."""
    return {row["id"]: row["name"] for row in tx.all(_sql.names, ids=json_text(sorted(set(ids))))}


def origins(tx: Tx, asked: Sequence[Approval]) -> dict[str, Origin]:
    """By the execution's id; what a tool called directly asks has none."""
    ids = sorted({one.execution_id for one in asked if one.execution_id is not None})
    return {
        row["id"]: Origin(row["workflow_id"], row["workflow_name"], row["mode"])
        for row in tx.all(_sql.origins, ids=json_text(ids))
    }


def plan_of(tx: Tx, execution_id: str) -> Mapping[str, Any] | None:
    """The plan that a deployed version's execution carries out; None for a test of a draft."""
    text = tx.value(_sql.plan_of, execution_id=execution_id)
    return None if text is None else dict(json.loads(text))


def _pulse(row: sqlite3.Row) -> Pulse:
    beats = [Beat(one["status"], time_from(one["started_at"]), one["duration_ms"]) for one in json.loads(row["beats"])]
    times = {"updated_at": time_from(row["updated_at"]), "due_at": optional_time_from(row["due_at"])}
    return Pulse(**{**dict(row), **times, "beats": beats[::-1]})


def _broken(row: sqlite3.Row) -> Broken:
    step = json.loads(row["step"]) if row["step"] is not None else {}
    error = step.get("error") or json.loads(row["error"] or "{}")
    at = optional_time_from(row["completed_at"]) or time_from(row["started_at"])
    return Broken(row["id"], row["workflow_id"], row["workflow_name"], at, step.get("key"), error)
