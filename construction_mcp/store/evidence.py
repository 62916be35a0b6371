"""What is kept that tells why a workflow does not do what somebody expects: read together, in one hop."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from construction_mcp.core.errors import NotFound
from construction_mcp.store.columns import json_text, optional_time_from, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.holds import Hold, held
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import not_found

_sql = load("evidence")

_RUNS_MAX, _STEPS_MAX, _ASKED_MAX = 20, 500, 100
_KEPT_ASIDE_MAX, _TOLD_MAX, _LOOKED_BACK_MAX = 50, 50, 500
_AFTER_ALL = "9999"  # later than any moment, as text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workflow stands. What its version says is None before it is deployed.

    due_at: its next start or look. is_connected: the account it runs as is linked in its environment.
    run_as_revoked_at: since when whoever it runs as has no access to this workspace any more. skipped: how many due
    times overlap left out since the deployment, skipped_at the last of them. good_version: the newest version before
    the active one of which a late run went well. definition: what the active version was written as.
    """

    id: str
    name: str
    status: str
    status_reason: str | None
    environment: str
    active_version: int | None
    deployed_at: datetime | None
    run_as: str | None
    project_id: int | None
    trigger_type: str | None
    trigger_source: str | None
    due_at: datetime | None
    acts_in_procore: bool
    is_connected: bool
    run_as_revoked_at: datetime | None = None
    skipped: int = 0
    skipped_at: datetime | None = None
    good_version: int | None = None
    definition: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution, as far as it tells what is wrong. `error` is the public shape of what ended it."""

    id: str
    workflow_id: str
    status: str
    started_at: datetime
    due_at: datetime | None
    error: Mapping[str, Any] | None
    project_id: int | None
    run_as: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Odd:
    """A step that failed, waits, was skipped, or of which nobody knows what became."""

    execution_id: str
    key: str
    status: str
    error: Mapping[str, Any] | None = None
    because: Mapping[str, Any] | None = None
    waits_for: Mapping[str, Any] | None = None
    due_at: datetime | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to people: pending, or expired without an answer. told_at: when its approvers were last told."""

    id: str
    execution_id: str
    step: str
    status: str
    expires_at: datetime
    created_at: datetime | None = None
    told_at: datetime | None = None
    approvers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many deliveries ended in one way for one reason, and when the last of them came."""

    outcome: str
    reason: str
    many: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Hooked:
    """What is posted to, and what was turned away there; last_delivery_at: when something was last accepted."""

    id: str
    source: str
    company_id: int | None
    project_id: int | None
    procore_id: str | None
    principal: str
    refused: int = 0
    refused_reason: str = ""
    refused_at: datetime | None = None
    last_delivery_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptAside:
    """One delivery that started nothing, with its event."""

    outcome: str
    reason: str
    event: Mapping[str, Any]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What the owner had to hear."""

    kind: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of one workflow. `runs` newest first; `open_runs` have not ended, oldest first."""

    place: Place
    holds: Sequence[Hold] = ()
    runs: Sequence[Run] = ()
    open_runs: Sequence[Run] = ()
    steps: Sequence[Odd] = ()
    asked: Sequence[Asked] = ()
    arrived: Sequence[Arrived] = ()
    hook: Hooked | None = None
    kept_aside: Sequence[KeptAside] = ()
    told: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """What has not ended, oldest first, with what its steps wait for, what people are asked and what is held."""

    runs: Sequence[Run]
    steps: Sequence[Odd]
    asked: Sequence[Asked]
    holds: Sequence[Hold]


def of_workflow(tx: Tx, workflow_id: str, since: datetime, execution_id: str | None = None) -> Evidence:
    """All that tells of a workflow, deliveries since a moment; of its runs only this one where it is named.

    Ten statements at most.

    Raises:
        NotFound: WORKFLOW_NOT_FOUND; EXECUTION_NOT_FOUND, also for a run of another workflow.
    """
    row = tx.one(_sql.place, id=workflow_id, most=_LOOKED_BACK_MAX)
    if row is None:
        raise not_found(workflow_id)
    if execution_id is not None:
        runs = _runs(tx.all(_sql.one, id=execution_id, workflow_id=workflow_id))
        if not runs:
            raise NotFound(
                "That workflow has no execution by that id.",
                code="EXECUTION_NOT_FOUND",
                details={"execution_id": execution_id[:64], "workflow_id": workflow_id},
            )
        open_runs = [run for run in runs if run.status in ("queued", "running", "waiting", "needs_review")]
    else:
        runs = _runs(tx.all(_sql.latest, workflow_id=workflow_id, most=_RUNS_MAX))
        open_runs = _runs(tx.all(_sql.open, workflow_id=workflow_id, before=_AFTER_ALL, most=_RUNS_MAX))
    steps, asked = _inside(tx, [*runs, *open_runs])
    about = {"workflow_id": workflow_id, "since": time_text(since)}
    arrived = [Arrived(**{**dict(one), "last_at": time_from(one["last_at"])}) for one in tx.all(_sql.arrived, **about)]
    kept_aside = tx.all(_sql.kept_aside, most=_KEPT_ASIDE_MAX, **about) if arrived else []
    told = tx.all(_sql.told, most=_TOLD_MAX, **about)
    return Evidence(
        _place(row),
        held(tx),
        runs,
        open_runs,
        steps,
        asked,
        arrived,
        _hook(tx, workflow_id),
        [_kept_aside(one) for one in kept_aside],
        [Told(one["kind"], one["text"], time_from(one["created_at"])) for one in told],
    )


def of_open(tx: Tx, before: datetime, most: int, workflow_id: str | None = None) -> Open:
    """What started before a moment and has not ended; four statements."""
    runs = _runs(tx.all(_sql.open, workflow_id=workflow_id, before=time_text(before), most=most))
    return Open(runs, *_inside(tx, runs), held(tx))


def _inside(tx: Tx, runs: Sequence[Run]) -> tuple[list[Odd], list[Asked]]:
    executions = json_text(sorted({run.id for run in runs}))
    steps = [_odd(row) for row in tx.all(_sql.steps, executions=executions, most=_STEPS_MAX)]
    asked = [
        Asked(
            **{
                **dict(row),
                "created_at": time_from(row["created_at"]),
                "expires_at": time_from(row["expires_at"]),
                "told_at": optional_time_from(row["told_at"]),
                "approvers": json.loads(row["approvers"]),
            }
        )
        for row in tx.all(_sql.asked, executions=executions, most=_ASKED_MAX)
    ]
    return steps, asked


def _place(row: sqlite3.Row) -> Place:
    times = {
        name: optional_time_from(row[name]) for name in ("deployed_at", "due_at", "run_as_revoked_at", "skipped_at")
    }
    flags = {name: bool(row[name]) for name in ("acts_in_procore", "is_connected")}
    more = {"skipped": row["skipped"] or 0, "definition": _json(row["definition"])}
    return Place(**{**dict(row), **times, **flags, **more})


def _hook(tx: Tx, workflow_id: str) -> Hooked | None:
    row = tx.one(_sql.hook, workflow_id=workflow_id)
    if row is None:
        return None
    times = {name: optional_time_from(row[name]) for name in ("refused_at", "last_delivery_at")}
    return Hooked(
        **{**dict(row), **times, "refused": row["refused"] or 0, "refused_reason": row["refused_reason"] or ""}
    )


def _kept_aside(row: sqlite3.Row) -> KeptAside:
    event = json.loads(row["event"])
    return KeptAside(row["outcome"], row["reason"] or "", event, time_from(row["received_at"]))


def _runs(rows: Sequence[sqlite3.Row]) -> list[Run]:
    return [
        Run(
            **{
                **dict(row),
                "started_at": time_from(row["started_at"]),
                "due_at": optional_time_from(row["due_at"]),
                "error": _json(row["error"]),
            }
        )
        for row in rows
    ]


def _odd(row: sqlite3.Row) -> Odd:
    documents = {name: _json(row[name]) for name in ("error", "because", "waits_for")}
    return Odd(**{**dict(row), **documents, "due_at": optional_time_from(row["due_at"])})


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
