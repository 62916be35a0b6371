"""What was deployed of a workflow: numbered versions that never change, and which of them is active.

Each change of what runs is one transaction with its audit row: the version, the workflow's status, and whatever starts
it (a due time, a look at Procore, a hook). The number of statements does not depend on the workflow's size.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NotFound
from construction_mcp.store import audit
from construction_mcp.store.alerts import raise_alert
from construction_mcp.store.columns import json_text, optional_time_from, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.hooks import settle
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import Status, Workflows, not_found, require_changed

_versions = load("versions")
_schedules = load("schedules")
_polls = load("polls")

_WORKSPACE = "workspace"  # who did what nobody asked for


@dataclass(frozen=True, slots=True)
class AtTime:
    """Starts by a schedule, next at `due_at`."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class ByLooking:
    """Starts by what a look at Procore finds, every so many seconds from now on."""

    every_s: int


@dataclass(frozen=True, slots=True)
class ByHook:
    """Starts by what is posted to this hook."""

    hook_id: str


Start: TypeAlias = AtTime | ByLooking | ByHook | None
"""What starts a version by itself; None for one that is started by hand."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version before it has a number. `plan`, `consent` and `definition` are JSON."""

    plan_hash: str
    plan: Mapping[str, Any]
    consent_digest: str
    consent: Sequence[Mapping[str, Any]]
    definition: Mapping[str, Any]
    requests_per_hour: int
    environment: str
    company_id: int | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version whole, as it was deployed."""

    workflow_id: str
    number: int
    plan_hash: str
    consent_digest: str
    requests_per_hour: int
    deployed_by: str
    deployed_at: datetime
    consent: Sequence[Mapping[str, Any]]
    definition: Mapping[str, Any]
    plan: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What a version says, as far as people compare it."""

    number: int
    plan_hash: str
    deployed_by: str
    deployed_at: datetime
    definition: Mapping[str, Any]
    consent: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a workflow stands: what is active of it, and what starts it.

    plan_hash: of the active version; due_at: the next start or look; hook_id, hook_source: the live hook.
    """

    id: str
    name: str
    status: Status
    status_reason: str | None
    environment: str
    company_id: int | None
    draft_version: int
    active_version: int | None
    plan_hash: str | None
    hook_id: str | None
    hook_source: str | None
    due_at: datetime | None

    def runs(self, plan_hash: str, start: "Start") -> bool:
        """Whether exactly this plan is active already and starts that way; a plan names its environment and company."""
        hook_id = start.hook_id if isinstance(start, ByHook) else None
        return self.status == "active" and (self.plan_hash, self.hook_id) == (plan_hash, hook_id)


@dataclass(frozen=True, slots=True)
class Others:
    """The other active workflows: their names by id, and what they may take of Procore's hour together."""

    names: Mapping[str, str]
    requests_per_hour: int


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """One run in a list. `error` is the public shape of what ended it."""

    id: str
    version: int | None
    mode: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Health:
    """How the latest live runs went: `completed` and `failed` count those of the window that ended so.

    success_rate: from 0 to 1; None before anything has ended.
    """

    completed: int
    failed: int
    success_rate: float | None
    last_run_at: datetime | None
    last_error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class WorkflowStatus:
    """All that is shown of a workflow at a glance. `actions` have sequence, key and type."""

    id: str
    name: str
    description: str
    status: Status
    status_reason: str | None
    environment: str
    company_id: int | None
    project_id: int | None
    run_as: str | None
    trigger: Mapping[str, Any] | None
    draft_version: int
    active_version: int | None
    created_at: datetime
    updated_at: datetime
    actions: Sequence[Mapping[str, Any]]
    deployed_at: datetime | None
    due_at: datetime | None
    hook_id: str | None
    executions: Sequence[ExecutionSummary]
    health: Health


class Versions:
    """The versions of one data directory. Kept definitions are dropped with every change made here."""

    def __init__(
        self,
        database: Database,
        workflows: Workflows,
        clock: Clock,
        limits: Limits,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        """started: called after a version has been arranged to start by itself."""
        self._database = database
        self._workflows = workflows
        self._clock = clock
        self._limits = limits
        self._started = started

    async def activate(
        self, workflow_id: str, candidate: Candidate, start: Start, *, draft_version: int, principal: str
    ) -> int:
        """Make the candidate the workflow's next version and the active one; its number.

        Where exactly this is active already nothing is written. Where the active version has the same plan (the
        workflow was paused, or stopped by itself) it keeps its number and starts afresh.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. Conflict: WORKFLOW_VERSION_CONFLICT; it is not the draft that was compiled.
        """
        now = self._clock.now()
        columns = {
            "plan_hash": candidate.plan_hash,
            "consent_digest": candidate.consent_digest,
            "requests_per_hour": candidate.requests_per_hour,
            "consent": json_text(list(candidate.consent)),
            "definition": json_text(candidate.definition),
            "plan": json_text(candidate.plan),
        }
        place = {"environment": candidate.environment, "company_id": candidate.company_id}

        def write(tx: Tx) -> int:
            before = _standing(tx, workflow_id)
            number = before.active_version if before.plan_hash == candidate.plan_hash else None
            if number is not None and before.runs(candidate.plan_hash, start) and before.draft_version == draft_version:
                return number
            if number is None:
                made = {"workflow_id": workflow_id, "deployed_by": principal, "now": time_text(now)}
                number = int(tx.value(_versions.insert, **made, **columns))
            target = {"id": workflow_id, "number": number, "draft_version": draft_version, "now": time_text(now)}
            require_changed(tx, workflow_id, tx.run(_versions.activate, **target, **place))
            _start(tx, workflow_id, start, now, self._limits.poll_s)
            _tell(tx, principal, "deploy_workflow", f"Deploy version {number} of {before.name}", before, number, now)
            return number

        with self._workflows.changing(workflow_id):
            number = await self._database.write(write, durable=True)
        self._started()
        return number

    async def note_declined(self, workflow_id: str, name: str, *, principal: str) -> None:
        """Record that a person said no to deploying the draft; nothing else changes."""
        now = self._clock.now()
        entry = audit.Entry(principal, "deploy_workflow", "declined", f"Deploy {name}", [f"workflow:{workflow_id}"])
        await self._database.write(lambda tx: audit.append(tx, entry, now))

    async def switch(self, workflow_id: str, number: int, start: Start, *, principal: str, action: str) -> Standing:
        """Make an earlier version, or the one that was paused, active and start it afresh.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND, WORKFLOW_VERSION_NOT_FOUND.
        """
        now = self._clock.now()

        def write(tx: Tx) -> Standing:
            before = _standing(tx, workflow_id)
            _version(tx, workflow_id, number)
            tx.run(_versions.switch, id=workflow_id, number=number, now=time_text(now))
            _start(tx, workflow_id, start, now, self._limits.poll_s)
            words = f"{action.capitalize()} {before.name}, version {number}"
            _tell(tx, principal, "rollback_workflow", words, before, number, now)
            return _standing(tx, workflow_id)

        with self._workflows.changing(workflow_id):
            standing = await self._database.write(write, durable=True)
        self._started()
        return standing

    async def pause(self, workflow_id: str, *, principal: str) -> Standing:
        """Stop whatever starts it; a workflow that does not run stays as it is.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND.
        """
        now = self._clock.now()

        def write(tx: Tx) -> Standing:
            before = _standing(tx, workflow_id)
            if tx.run(_versions.pause, id=workflow_id, now=time_text(now)):
                words = f"Pause {before.name}"
                _tell(tx, principal, "rollback_workflow", words, before, before.active_version, now)
            return _standing(tx, workflow_id)

        with self._workflows.changing(workflow_id):
            return await self._database.write(write, durable=True)

    async def pause_foreign(self, environment: str, company_id: int | None, *, is_service: bool) -> Sequence[str]:
        """Pause what was deployed for another environment or company, with WORKFLOW_ENVIRONMENT_MISMATCH; the ids.

        company_id: the company of calls that name none; None pauses by environment and by people's own links only.
        """
        now = self._clock.now()
        place = {"environment": environment, "company_id": company_id, "is_service": is_service}

        def write(tx: Tx) -> list[str]:
            found = tx.all(_versions.pause_foreign, **place, now=time_text(now))
            paused = [row["id"] for row in found]
            for row in found:
                text = (
                    f"{row['name']} was paused: it was deployed for another environment or company than {environment}."
                )
                raise_alert(tx, row["id"], "stopped", text, now)
            if paused:
                words = f"Pause {len(paused)} deployed for another environment or company than {environment}"
                targets = [f"workflow:{workflow_id}" for workflow_id in paused]
                audit.append(tx, audit.Entry(_WORKSPACE, "pause_foreign_workflows", "done", words, targets), now)
            return paused

        with self._workflows.changing(None):
            return await self._database.write(write, durable=True)

    async def standing(self, workflow_id: str) -> Standing:
        """Raises: NotFound: WORKFLOW_NOT_FOUND."""
        return await self._database.read(lambda tx: _standing(tx, workflow_id))

    async def get(self, workflow_id: str, number: int) -> Version:
        """Raises: NotFound: WORKFLOW_VERSION_NOT_FOUND."""
        return await self._database.read(lambda tx: _version(tx, workflow_id, number))

    async def history(self, workflow_id: str, limit: int) -> Sequence[Written]:
        """The latest versions, newest first, to be compared; one statement."""
        place = {"workflow_id": workflow_id, "limit": limit}
        rows = await self._database.read(lambda tx: tx.all(_versions.history, **place))
        return [_written(row) for row in rows]

    async def others(self, workflow_id: str) -> Others:
        """What else is active."""
        rows = await self._database.read(lambda tx: tx.all(_versions.others, id=workflow_id))
        return Others({row["id"]: row["name"] for row in rows}, sum(row["requests_per_hour"] for row in rows))

    async def status(self, workflow_id: str) -> WorkflowStatus:
        """A workflow at a glance, in one statement.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND.
        """
        bounds = {"shown": self._limits.status_executions, "window": self._limits.health_executions}
        row = await self._database.read(lambda tx: tx.one(_versions.status, id=workflow_id, **bounds))
        if row is None:
            raise not_found(workflow_id)
        return _status(row)


def _start(tx: Tx, workflow_id: str, start: Start, now: datetime, poll_s: int) -> None:
    """Arrange that the version starts by this and by nothing else; behind a hook of Procore's it also looks."""
    if not isinstance(start, ByLooking):
        tx.run(_polls.remove, workflow_id=workflow_id)
    match start:
        case AtTime(due_at):
            tx.run(_schedules.put, workflow_id=workflow_id, due_at=time_text(due_at))
        case ByLooking(every_s):
            moments = {"now": time_text(now), "due_at": time_text(now + timedelta(seconds=every_s))}
            tx.run(_polls.put, workflow_id=workflow_id, every_s=every_s, **moments)
        case ByHook(hook_id):
            moments = {"now": time_text(now), "due_at": time_text(now + timedelta(seconds=poll_s))}
            place = {"workflow_id": workflow_id, "hook_id": hook_id}
            tx.run(_polls.put_behind_hook, every_s=poll_s, **place, **moments)
    if not isinstance(start, AtTime):
        tx.run(_schedules.remove, workflow_id=workflow_id)
    settle(tx, workflow_id, start.hook_id if isinstance(start, ByHook) else None)


def _tell(
    tx: Tx, principal: str, action: str, summary: str, workflow: Standing, number: int | None, now: datetime
) -> None:
    target = f"workflow:{workflow.id}" if number is None else f"workflow:{workflow.id}/version/{number}"
    audit.append(tx, audit.Entry(principal, action, "done", summary, [target]), now)


def _standing(tx: Tx, workflow_id: str) -> Standing:
    row = tx.one(_versions.standing, id=workflow_id)
    if row is None:
        raise not_found(workflow_id)
    return Standing(**{**dict(row), "due_at": optional_time_from(row["due_at"])})


def _version(tx: Tx, workflow_id: str, number: int) -> Version:
    row = tx.one(_versions.by_number, workflow_id=workflow_id, number=number)
    if row is None:
        raise NotFound(
            f"The workflow has no version {number}.",
            code="WORKFLOW_VERSION_NOT_FOUND",
            details={"workflow_id": workflow_id, "version": number},
        )
    documents = {name: json.loads(row[name]) for name in ("consent", "definition", "plan")}
    return Version(**{**dict(row), **documents, "deployed_at": time_from(row["deployed_at"])})


def _written(row: sqlite3.Row) -> Written:
    documents = {name: json.loads(row[name]) for name in ("definition", "consent")}
    return Written(**{**dict(row), **documents, "deployed_at": time_from(row["deployed_at"])})


def _status(row: sqlite3.Row) -> WorkflowStatus:
    shape = dict(row)
    told = json.loads(shape["health"])
    for name in ("created_at", "updated_at", "deployed_at", "due_at"):
        shape[name] = optional_time_from(shape[name])
    shape["trigger"] = None if shape["trigger"] is None else json.loads(shape["trigger"])
    shape["actions"] = json.loads(shape["actions"])
    shape["executions"] = [_execution(one) for one in told["executions"]]
    error = told["errors"][0] if told["errors"] else None
    ended = told["completed"] + told["failed"]
    rate = told["completed"] / ended if ended else None
    shape["health"] = Health(told["completed"], told["failed"], rate, optional_time_from(told["last_run_at"]), error)
    return WorkflowStatus(**shape)


def _execution(shape: Mapping[str, Any]) -> ExecutionSummary:
    times = {name: optional_time_from(shape[name]) for name in ("started_at", "completed_at")}
    return ExecutionSummary(**{**shape, **times})
