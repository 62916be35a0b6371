"""Executions as the engine keeps them: accepted, claimed, their steps and how they ended.

Functions that take a `Tx` are for transactions that keep more than this, as accepting a delivery does. What people and
tools read of executions is in `execution_reads`.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from construction_mcp.core.ids import new_id
from construction_mcp.store.columns import json_text, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load
from construction_mcp.store.rollups import add_when_many

_sql = load("executions")

Mode = Literal["live", "simulate"]
ENDED = ("completed", "failed", "cancelled", "needs_review")
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


@dataclass(slots=True)  # not frozen: one is made for every step
class StepRow:
    """A step, or one item of its for_each (`item` from 0), as it is kept. text: its output, if it is JSON already."""

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
    due_at: datetime | None = None
    text: str | None = field(default=None)

    @property
    def name(self) -> str:
        """As `step_name`."""
        return step_name(self.key, self.item)


def step_name(key: str, item: int) -> str:
    """How a step is told to people, who give it back to `parts_named`: `notify`, or `notify[2]` for an item of it."""
    return key if item < 0 else f"{key}[{item}]"


class LeaseLost(Exception):
    """The execution is not this engine's any more; whatever it was about to do or to record must not be."""


def require_lease(tx: Tx, execution_id: str, lease: str) -> None:
    """Raises: LeaseLost."""
    if tx.value(_sql.hold_lease, id=execution_id, lease=lease) is None:
        raise LeaseLost(execution_id)


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
    """From a row of `by_id`."""
    shape = {name: row[name] for name in Execution.__slots__}
    return Execution(**{**shape, "trigger": json.loads(row["trigger"]), "started_at": time_from(row["started_at"])})


def step_of(row: sqlite3.Row) -> StepRow:
    """From a row of `steps`, or of `steps_under_way`."""
    shape = dict(row)
    shape.pop("execution_id", None)
    for name in ("output", "error", "because", "waits_for"):
        if shape[name] is not None:
            shape[name] = json.loads(shape[name])
    for name in ("started_at", "completed_at", "due_at"):
        if shape[name] is not None:
            shape[name] = time_from(shape[name])
    return StepRow(**shape)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An execution with all that carrying it out takes but its plan. is_revoked: whom it runs as has no access now."""

    execution: Execution
    workflow_name: str
    steps: list[StepRow]
    is_revoked: bool = False


class Child(NamedTuple):
    """A called workflow's run."""

    id: str
    status: str
    error: Mapping[str, Any] | None


class Queued(NamedTuple):
    """An execution in the queue, and whose places it would take."""

    id: str
    workflow_id: str
    project_id: int | None


class Seen(NamedTuple):
    """What could be carried out now, and when the next timer fires. `held`: of those nudged, what pause_all keeps, and
    suspects that wait for another."""

    due: list[str]
    queued: list[Queued]
    nudged: list[str]
    held: set[str]
    next_due: datetime | None


def look(
    tx: Tx,
    environment: str,
    now: datetime,
    most: int,
    ends_max: int,
    nudged: Sequence[str] = (),
    full: Sequence[str] = (),
) -> Seen:
    """At most `most` whose timer has come, as many of the queue, urgent ones first and without the workflows in `full`,
    and those of `nudged` that wait. Of those that `ends_max` ends of the process met, one at a time."""
    suspects = [row["id"] for row in tx.all(_sql.suspects, environment=environment, most=ends_max)][1:]
    found = tx.all(_sql.nudged, ids=json_text(list(nudged)), environment=environment) if nudged else []
    waiting = {"environment": environment, "now": time_text(now), "suspects": json_text(suspects)}
    due = [row["id"] for row in tx.all(_sql.due, most=most, **waiting)]
    rows = tx.all(_sql.queued, environment=environment, most=most, full=json_text(list(full)))
    queued = [Queued(*row) for row in rows]
    next_due = tx.value(_sql.next_due, environment=environment, now=time_text(now))
    held = {row["id"] for row in found if row["is_held"] or row["id"] in suspects}
    free = [row["id"] for row in found if row["id"] not in held]
    return Seen(due, queued, free, held, None if next_due is None else time_from(next_due))


def under_way(tx: Tx, execution_ids: Sequence[str]) -> list[Loaded]:
    """Those of them that exist and have not ended, in their order."""
    ids = json_text(execution_ids)
    rows = {row["id"]: row for row in tx.all(_sql.under_way, ids=ids)}
    steps: dict[str, list[StepRow]] = {execution_id: [] for execution_id in rows}
    for row in tx.all(_sql.steps_under_way, ids=json_text(list(rows))):
        steps[row["execution_id"]].append(step_of(row))
    return [
        Loaded(execution_of(row), row["workflow_name"], steps[row["id"]], bool(row["is_revoked"]))
        for row in (rows[one] for one in execution_ids if one in rows)
    ]


def steps_of(tx: Tx, execution_id: str) -> list[StepRow]:
    """Its steps and their items, as they are kept."""
    return [step_of(one) for one in tx.all(_sql.steps, execution_id=execution_id)]


def plan_text(tx: Tx, execution: Execution) -> str | None:
    """The plan it keeps, as JSON."""
    if execution.version is None:
        return _text(tx.value(_sql.draft_plan, hash=execution.plan_hash))
    return _text(tx.value(_sql.version_plan, workflow_id=execution.workflow_id, version=execution.version))


def keep_draft_plan(tx: Tx, plan_hash: str, plan: str) -> None:
    """Keep the plan of a draft that is tested without being deployed."""
    tx.run(_sql.keep_draft_plan, hash=plan_hash, plan=plan)


def note(
    tx: Tx, execution_id: str, kind: str, step: str | None, text: str, now: datetime, *, by: str | None = None
) -> None:
    """A line in the execution's log; by: the person who did it, None for the engine."""
    at = time_text(now)
    tx.run(_sql.note, execution_id=execution_id, kind=kind, step=step, text=text, now=at, actor=by)


def wake(tx: Tx, execution_id: str, now: datetime) -> None:
    """Something that it waits for has come: it is due now."""
    tx.run(_sql.wake, id=execution_id, now=time_text(now))


def failed_in_a_row(tx: Tx, workflow_id: str, most: int) -> int:
    """How many of the latest live runs failed; at most `most`, and 0 where one of those did not."""
    row = tx.one(_sql.failed_in_a_row, workflow_id=workflow_id, most=most)
    assert row is not None
    return int(row["failed"]) if row["failed"] == row["runs"] else 0


def stop_workflow(tx: Tx, workflow_id: str, now: datetime) -> bool:
    """Let it start nothing further until a person resumes it; whether it was active."""
    return tx.run(_sql.stop_workflow, id=workflow_id, now=time_text(now)) > 0


def alert(tx: Tx, workflow_id: str, kind: str, text: str, now: datetime) -> None:
    """Something that its owner has to hear of."""
    tx.run(_sql.alert, id=new_id("alr"), workflow_id=workflow_id, kind=kind, text=text, now=time_text(now))


def child_of(tx: Tx, workflow_id: str, key: str) -> Child | None:
    """The run that a step started."""
    row = tx.one(_sql.child_of, workflow_id=workflow_id, key=key)
    return None if row is None else Child(row["id"], row["status"], row["error"] and json.loads(row["error"]))


def by_id(tx: Tx, execution_id: str) -> Execution | None:
    """The execution, whatever its state."""
    row = tx.one(_sql.by_id, id=execution_id)
    return None if row is None else execution_of(row)


def give_up(tx: Tx, execution_id: str, error: Mapping[str, Any], now: datetime) -> None:
    """End one that cannot be carried out; its owner hears of it, and whoever called it goes on."""
    row = tx.one(_sql.by_id, id=execution_id)
    if row is None or not tx.run(_sql.quarantine, id=execution_id, error=json_text(error), now=time_text(now)):
        return
    add_when_many(tx)
    alert(tx, row["workflow_id"], "failed", f"Execution {execution_id}: {error['message']}", now)
    if row["parent_id"] is not None:
        tx.run(_sql.wake, id=row["parent_id"], now=time_text(now))


def let_go(tx: Tx, execution_id: str, lease: str, now: datetime) -> None:
    """Its driver is gone: it is due at once."""
    tx.run(_sql.let_go, id=execution_id, lease=lease, now=time_text(now))


def leave(tx: Tx, lease: str, now: datetime) -> None:
    """An engine was asked to end: what it carried out is due at once, for the next."""
    tx.run(_sql.leave, lease=lease, now=time_text(now))


def children_of(tx: Tx, parent_id: str) -> list[str]:
    """The runs that it started and that are under way."""
    return [row["id"] for row in tx.all(_sql.children_of, parent_id=parent_id)]


def ask_to_end(tx: Tx, execution_id: str) -> str | None:
    """Ask it to end; its status before, None where there is none such."""
    status = _text(tx.value(_sql.status_of, id=execution_id))
    tx.run(_sql.ask_to_end, id=execution_id)
    return status


def status_of(tx: Tx, execution_id: str) -> str | None:
    """Its status; None where there is none such."""
    return _text(tx.value(_sql.status_of, id=execution_id))


def recover(
    tx: Tx, lease: str, alone_max: int, company_max: int, error: Mapping[str, Any], now: datetime
) -> tuple[int, list[str]]:
    """Take over what a process that is gone was carrying out: how many are due now, and those that are given up.

    alone_max, company_max: ends of the process in a row that a step may be at work at before one more ends its
    execution: one at which nothing else was at work, or any.
    """
    abandoned = [row["id"] for row in tx.all(_sql.abandoned, lease=lease)]
    at_work = [one for one in abandoned if tx.run(_sql.blame, execution_id=one)]
    ends_max = alone_max if len(at_work) == 1 else company_max
    given_up = [one for one in at_work if tx.value(_sql.most_ends, execution_id=one) > ends_max]
    for execution_id in abandoned:
        tx.run(_sql.recover, id=execution_id, now=time_text(now))
        if execution_id in given_up:
            give_up(tx, execution_id, error, now)
        else:
            note(tx, execution_id, "recovered", None, "The process that carried it out had ended; it goes on.", now)
    for row in tx.all(_sql.decided_meanwhile):
        tx.run(_sql.wake, id=row["id"], now=time_text(now))
    return len(abandoned) - len(given_up), given_up


def wait_turn(
    tx: Tx, execution_id: str, lease: str, step: tuple[str, int], waits_for: Mapping[str, Any] | None
) -> None:
    """A body of it waits for its turn, and no end of the process is held against it; None: it goes on now. Nothing
    happens to what is somebody else's by now."""
    key, item = step
    place = {"execution_id": execution_id, "key": key, "item": item, "lease": lease}
    tx.run(_sql.wait_turn, **place, waits_for=None if waits_for is None else json_text(waits_for))


class Queue(NamedTuple):
    """How much waits to run, and since when the first of it."""

    length: int
    oldest_at: datetime | None


def queue(tx: Tx) -> Queue:
    """The queue now."""
    row = tx.one(_sql.queue)
    assert row is not None
    return Queue(row["length"], None if row["oldest_at"] is None else time_from(row["oldest_at"]))


def copy_steps(tx: Tx, source: str, target: str, keys: Sequence[str], now: datetime) -> None:
    """Let a new execution take over the outcomes of these steps."""
    places = {"source": source, "target": target, "now": time_text(now)}
    tx.run_each(_sql.copy_step, [{**places, "key": key} for key in keys])


class Part(NamedTuple):
    """Something uncertain of a step: all of it (`item` -1), or one item of its for_each."""

    key: str
    item: int
    type: str


def uncertain_parts(tx: Tx, execution_id: str, name: str) -> list[Part]:
    """What is uncertain of the step of that name. A for_each whose items are uncertain is told by them."""
    parts = [Part(*row) for row in tx.all(_sql.uncertain_parts, execution_id=execution_id, name=name)]
    return [one for one in parts if one.item >= 0] or parts


def settle_parts(
    tx: Tx, execution_id: str, parts: Sequence[Part], status: str, output: Any, now: datetime
) -> list[Part]:
    """Say what became of parts of one step. What is still uncertain of it; once nothing is, a for_each goes on."""
    place = {"execution_id": execution_id, "key": parts[0].key}
    columns = {"status": status, "output": None if output is None else json_text(output), "now": time_text(now)}
    tx.run(_sql.settle_parts, **place, **columns, items=json_text([one.item for one in parts]))
    left = [one for one in uncertain_parts(tx, execution_id, parts[0].key) if one.item >= 0]
    if not left:
        tx.run(_sql.open_fan, **place)
    return left


def reopen(tx: Tx, execution_id: str, now: datetime) -> None:
    """Let one that needed a review go on."""
    tx.run(_sql.reopen, id=execution_id, now=time_text(now))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def has_work(tx: Tx) -> bool:
    """Whether an engine has anything to do in this directory."""
    return bool(tx.value(_sql.has_work))
