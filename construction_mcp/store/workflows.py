"""Workflows and their actions, as written. What was deployed of them is in `versions`.

Every write is one transaction that bumps `draft_version` and `updated_at` and returns the workflow as it then is.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict, Invalid, NotFound
from construction_mcp.core.ids import new_id
from construction_mcp.core.meters import CacheCounts
from construction_mcp.core.trace import current_trace
from construction_mcp.store import audit
from construction_mcp.store.columns import json_text, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.hooks import settle
from construction_mcp.store.idempotency import Once, perform_once
from construction_mcp.store.kept import Kept
from construction_mcp.store.queries import Query, load
from construction_mcp.store.rollups import add_batch

_sql = load("workflows")

Status = Literal["draft", "active", "paused", "error"]

EDITABLE = ("name", "description", "project_id", "run_as", "trigger", "variables")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is needed to write a workflow down."""

    name: str
    environment: str
    created_by: str
    description: str = ""
    company_id: int | None = None
    project_id: int | None = None
    run_as: str | None = None
    trigger: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of a workflow: `definition` is the whole action as written, its key and type included."""

    sequence: int
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with its actions in order. `draft_version` counts edits.

    status_reason: the code of why it stopped by itself; None when a person stopped it, or nobody did.
    """

    id: str
    name: str
    description: str
    status: Status
    environment: str
    company_id: int | None
    project_id: int | None
    run_as: str | None
    trigger: Mapping[str, Any] | None
    variables: Mapping[str, Any]
    draft_version: int
    active_version: int | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    actions: tuple[Action, ...]
    status_reason: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A workflow in a list, without its actions and variables."""

    id: str
    name: str
    description: str
    status: Status
    environment: str
    company_id: int | None
    project_id: int | None
    run_as: str | None
    trigger_type: str | None
    action_count: int
    draft_version: int
    active_version: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WorkflowName:
    """A workflow as it is mentioned elsewhere."""

    id: str
    name: str
    status: Status


@dataclass(frozen=True, slots=True)
class Listing:
    """One page; `next_position` continues it (None at the end) and is signed into a cursor by the caller."""

    items: list[WorkflowSummary]
    next_position: tuple[str, str] | None
    total: int


_START = ("9999", "")  # later than any time, before any id
_END = ("", "")  # before any time: nothing comes after it
_ANYTHING = "*"


class Workflows:
    """The workflows of one data directory."""

    def __init__(self, database: Database, clock: Clock, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._database = database
        self._clock = clock
        self._kept: Kept[Workflow] = Kept(limits.cache_entries_max, limits.workflow_cache_s, clock.monotonic)
        self.cache_counts = CacheCounts()

    async def create(
        self, draft: Draft, actions: Sequence[Mapping[str, Any]] = (), *, once: Once | None = None
    ) -> Workflow:
        """Write a new workflow down, with its first actions.

        Raises:
            Invalid: two actions share a key.
            Conflict: IDEMPOTENCY_CONFLICT.
        """
        workflow_id = new_id("wf")

        def write(tx: Tx, now: str) -> None:
            columns = {name: getattr(draft, name) for name in ("environment", "company_id", "created_by")}
            tx.run(_sql.insert, id=workflow_id, now=now, **columns, **_editable_columns(draft))
            if actions:
                _add_actions(tx, workflow_id, actions)

        made = await self._write(workflow_id, write, once)
        if made.id == workflow_id:  # else the answer of an earlier request with this key
            meters.WORKFLOWS_CREATED.add()
        return made

    async def get(self, ids: Sequence[str]) -> list[Workflow]:
        """The workflows that exist among `ids`, in that order; one statement, or none where all were read lately."""
        found = {workflow_id: kept for workflow_id in ids if (kept := self._kept.get(workflow_id))}
        missing = [workflow_id for workflow_id in ids if workflow_id not in found]
        if missing:
            moment = self._kept.moment
            for row in await self._database.read(lambda tx: tx.all(_sql.by_ids, ids=json_text(missing))):
                found[row["id"]] = _workflow(row)
                self._kept.keep(row["id"], found[row["id"]], moment)
        self.cache_counts.hit += len(ids) - len(missing)
        self.cache_counts.miss += len(missing)
        _note_cache("miss" if missing else "hit")
        return [found[workflow_id] for workflow_id in ids if workflow_id in found]

    @property
    def kept(self) -> int:
        """Definitions in the cache."""
        return len(self._kept)

    async def running_as(self, principal: str, environment: str) -> Sequence[WorkflowName]:
        """The workflows that act through this principal's Procore account, by name."""
        rows = await self._database.read(lambda tx: tx.all(_sql.running_as, run_as=principal, environment=environment))
        return [WorkflowName(**dict(row)) for row in rows]

    async def list(
        self,
        *,
        status: Status | None = None,
        project_id: int | None = None,
        text: str = "",
        limit: int,
        after: tuple[str, str] | None = None,
    ) -> Listing:
        """Workflows, last changed first. `text` is looked for in name and description, whatever its case.

        One hop; one statement, and a second one to count when the first page does not hold everything.
        """
        page, count, filters = _filtered(status, project_id, globbed(text))
        before_at, after_id = after or _START
        position = {"before_at": before_at, "after_id": after_id}

        def read(tx: Tx) -> tuple[list[sqlite3.Row], int]:
            rows = tx.all(page, **position, **filters, limit=limit + 1)
            if after is None and len(rows) <= limit:
                return rows, len(rows)
            if "pattern" not in filters:
                return rows, tx.value(count, **filters)
            last_at, last_id = (rows[-1]["updated_at"], rows[-1]["id"]) if len(rows) > limit else _END
            return rows, len(rows) + tx.value(count, **position, **filters, last_at=last_at, last_id=last_id)

        rows, total = await self._database.read(read)
        items = [_summary(row) for row in rows[:limit]]
        more = len(rows) > limit
        return Listing(items, (rows[limit - 1]["updated_at"], items[-1].id) if more else None, total)

    async def update(
        self,
        workflow_id: str,
        changes: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        once: Once | None = None,
    ) -> Workflow:
        """Change the fields named in `changes` (of EDITABLE) and leave the others.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. Conflict: WORKFLOW_VERSION_CONFLICT, IDEMPOTENCY_CONFLICT.
        """
        unknown = set(changes) - set(EDITABLE)
        assert not unknown, f"not editable: {unknown}"

        def write(tx: Tx, now: str) -> None:
            current = _get(tx, workflow_id)
            merged = Draft(
                environment=current.environment,
                created_by=current.created_by,
                **{name: changes.get(name, getattr(current, name)) for name in EDITABLE},
            )
            version = current.draft_version if expected_version is None else expected_version
            changed = tx.run(_sql.update, id=workflow_id, version=version, now=now, **_editable_columns(merged))
            require_changed(tx, workflow_id, changed)

        return await self._write(workflow_id, write, once)

    async def add_actions(
        self,
        workflow_id: str,
        actions: Sequence[Mapping[str, Any]],
        *,
        expected_version: int | None = None,
        once: Once | None = None,
    ) -> Workflow:
        """Append actions in the order given; their sequence numbers are assigned in one statement.

        Raises:
            Invalid: a key is used twice. NotFound: WORKFLOW_NOT_FOUND. Conflict: as for `update`.
        """
        return await self._edit(workflow_id, lambda tx: _add_actions(tx, workflow_id, actions), expected_version, once)

    async def update_action(
        self,
        workflow_id: str,
        key: str,
        action: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        once: Once | None = None,
    ) -> Workflow:
        """Put `action` in the place of the one with `key`.

        Raises:
            Invalid: its new key is taken. NotFound: WORKFLOW_NOT_FOUND, WORKFLOW_ACTION_NOT_FOUND.
            Conflict: as for `update`.
        """

        def replace(tx: Tx) -> None:
            columns = {"new_key": action["key"], "type": action["type"], "action": json_text(action)}
            try:
                changed = tx.run(_sql.replace_action, workflow_id=workflow_id, key=key, **columns)
            except sqlite3.IntegrityError:
                raise _key_taken([action["key"]]) from None
            _require_action(changed, key)

        return await self._edit(workflow_id, replace, expected_version, once)

    async def remove_action(
        self, workflow_id: str, key: str, *, expected_version: int | None = None, once: Once | None = None
    ) -> Workflow:
        """Remove the action with `key`; the others keep their places.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND, WORKFLOW_ACTION_NOT_FOUND. Conflict: as for `update`.
        """

        def remove(tx: Tx) -> None:
            _require_action(tx.run(_sql.remove_action, workflow_id=workflow_id, key=key), key)

        return await self._edit(workflow_id, remove, expected_version, once)

    async def delete(self, workflow_id: str, *, principal: str, expected_version: int | None = None) -> None:
        """Delete a workflow with its actions, versions and executions, and end what starts it; the audit row is left.

        A hook at Procore stays there, ended, until it is removed there too.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. Conflict: WORKFLOW_VERSION_CONFLICT.
        """

        now = self._clock.now()

        def remove(tx: Tx) -> None:
            while add_batch(tx):  # what ran counts among all, whatever becomes of its workflow
                pass
            gone = tx.one(_sql.remove, id=workflow_id, expected_version=expected_version)
            require_changed(tx, workflow_id, gone is not None)
            assert gone is not None
            settle(tx, workflow_id, None)
            said = f"Delete {gone['name']}"
            audit.append(tx, audit.Entry(principal, "delete_workflow", "done", said, [f"workflow:{workflow_id}"]), now)

        with self._kept.writing(workflow_id):
            await self._database.write(remove)

    def changing(self, workflow_id: str | None) -> AbstractContextManager[None]:
        """Around a write of somebody else's to this workflow, or (None) to whichever it picks: nothing old is kept."""
        return self._kept.writing_any() if workflow_id is None else self._kept.writing(workflow_id)

    async def _edit(
        self, workflow_id: str, edit: Callable[[Tx], None], expected_version: int | None, once: Once | None
    ) -> Workflow:
        def write(tx: Tx, now: str) -> None:
            changed = tx.run(_sql.touch, id=workflow_id, now=now, expected_version=expected_version)
            require_changed(tx, workflow_id, changed)
            edit(tx)

        return await self._write(workflow_id, write, once)

    async def _write(self, workflow_id: str, write: Callable[[Tx, str], object], once: Once | None) -> Workflow:
        now = self._clock.now()

        def perform(tx: Tx) -> dict[str, Any]:
            write(tx, time_text(now))
            return to_json(_get(tx, workflow_id))

        with self._kept.writing(workflow_id):
            return from_json(await self._database.write(lambda tx: perform_once(tx, once, now, lambda: perform(tx))))


def _note_cache(how: str) -> None:
    trace = current_trace.get()
    if trace is not None:
        trace.cache = how


def to_json(workflow: Workflow) -> dict[str, Any]:
    """The workflow as JSON values; `actions` carry their definition's fields and their sequence."""
    shape: dict[str, Any] = {item.name: getattr(workflow, item.name) for item in fields(workflow)}
    shape["created_at"] = time_text(workflow.created_at)
    shape["updated_at"] = time_text(workflow.updated_at)
    shape["actions"] = [{"sequence": action.sequence, "action": action.definition} for action in workflow.actions]
    return shape


def from_json(shape: Mapping[str, Any]) -> Workflow:
    """What `to_json` wrote."""
    times = {name: time_from(shape[name]) for name in ("created_at", "updated_at")}
    actions = tuple(Action(entry["sequence"], entry["action"]) for entry in shape["actions"])
    return Workflow(**{**shape, **times, "actions": actions})


def _filtered(status: str | None, project_id: int | None, pattern: str) -> tuple[Query, Query, dict[str, Any]]:
    """The page and count queries whose index serves these filters, and their parameters."""
    if pattern != _ANYTHING:
        return _sql.page_by_text, _sql.count_by_text, {"pattern": pattern, "status": status, "project_id": project_id}
    if project_id is not None:
        return _sql.page_by_project, _sql.count_by_project, {"project_id": project_id, "status": status}
    if status is not None:
        return _sql.page_by_status, _sql.count_by_status, {"status": status}
    return _sql.page, _sql.count_all, {}


def globbed(text: str) -> str:
    """A GLOB pattern for texts that contain `text` literally."""
    literal = re.sub(r"([*?\[])", r"[\1]", text.casefold())
    return f"*{literal}*" if literal else _ANYTHING


def _add_actions(tx: Tx, workflow_id: str, actions: Sequence[Mapping[str, Any]]) -> None:
    keys = [action["key"] for action in actions]
    try:
        tx.run(_sql.add_actions, workflow_id=workflow_id, actions=json_text(list(actions)))
    except sqlite3.IntegrityError:
        taken = {row["key"] for row in tx.all(_sql.action_keys, workflow_id=workflow_id)}
        raise _key_taken(sorted({key for key in keys if key in taken or keys.count(key) > 1})) from None


def _get(tx: Tx, workflow_id: str) -> Workflow:
    rows = tx.all(_sql.by_ids, ids=json_text([workflow_id]))
    if not rows:
        raise not_found(workflow_id)
    return _workflow(rows[0])


def require_changed(tx: Tx, workflow_id: str, changed: int) -> None:
    """Explain a guarded statement that matched nothing."""
    if changed:
        return
    version = tx.value(_sql.version, id=workflow_id)
    if version is None:
        raise not_found(workflow_id)
    raise Conflict(
        f"The workflow is at version {version} by now.",
        details={"workflow_id": workflow_id, "draft_version": version},
    )


def _require_action(changed: int, key: str) -> None:
    if not changed:
        raise NotFound(
            "The workflow has no action with that key.", code="WORKFLOW_ACTION_NOT_FOUND", details={"key": key}
        )


def not_found(workflow_id: str) -> NotFound:
    """What every question about a workflow that does not exist is answered with."""
    return NotFound(
        "No workflow by that id exists here.", code="WORKFLOW_NOT_FOUND", details={"workflow_id": workflow_id}
    )


def _key_taken(keys: Sequence[str]) -> Invalid:
    return Invalid("Every action of a workflow has its own key.", details={"keys": list(keys)})


def _editable_columns(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "description": draft.description,
        "project_id": draft.project_id,
        "run_as": draft.run_as,
        "trigger": None if draft.trigger is None else json_text(draft.trigger),
        "variables": json_text(draft.variables),
        "search_text": f"{draft.name}\n{draft.description}".casefold(),
    }


def _workflow(row: sqlite3.Row) -> Workflow:
    shape = dict(row)
    for name in ("trigger", "variables", "actions"):
        shape[name] = None if shape[name] is None else json.loads(shape[name])
    return from_json(shape)


def _summary(row: sqlite3.Row) -> WorkflowSummary:
    times = {name: time_from(row[name]) for name in ("created_at", "updated_at")}
    return WorkflowSummary(**{**dict(row), **times})
