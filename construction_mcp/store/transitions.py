"""What an engine writes while it carries executions out: taken, their steps begun and ended, waiting, over.

Many executions move on at once, so a transition is never written alone: the same statement serves all that share a
commit, with its rows as one JSON text. So what SQLite does is done beside the event loop, in one go, and not between a
hundred hand-overs of the interpreter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from construction_mcp.store import approvals
from construction_mcp.store.columns import json_text, optional_time_text, time_text
from construction_mcp.store.executions import LeaseLost, StepRow, require_lease
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load
from construction_mcp.store.rollups import BATCH, add_when_many

_sql = load("transitions")

_OUTPUTS_AT_ONCE = 1_000_000  # characters in one statement: what it costs twice is memory, and large ones gain nothing


class Begun(NamedTuple):
    """The intent of a step: a further try of it is about to begin."""

    key: str
    item: int
    type: str
    attempt: int


class Finished(NamedTuple):
    """How an execution ended. error: the public shape of what went wrong; is_called: another waits for it."""

    execution_id: str
    status: str
    at: datetime
    duration_ms: float
    error: Mapping[str, Any] | None = None
    requests: int = 0
    is_called: bool = False


@dataclass(slots=True)  # not frozen: one is made for every step
class Transition:
    """What becomes of one execution in one transaction, in this order.

    is_first: it is taken with it. kept: where steps stand after their bodies. begun: intents of steps before theirs.
    then: what else belongs to it, as how intents ended, and notes. finished: its end. after: what an end brings along.
    """

    execution_id: str
    lease: str
    at: datetime
    is_first: bool
    kept: Sequence[StepRow]
    begun: Sequence[Begun]
    then: list[Callable[[Tx], None]] = field(default_factory=list)
    finished: Finished | None = None
    after: Sequence[Callable[[Tx], None]] = ()


def record(tx: Tx, transitions: Sequence[Transition]) -> None:
    """Make transitions of as many executions durable, all or none of them.

    Raises:
        LeaseLost: one of them is not this engine's any more.
    """
    _take(tx, transitions)
    keep_steps(tx, [(one.execution_id, row) for one in transitions for row in one.kept])
    begin_steps(tx, [(one.execution_id, one.at, begun) for one in transitions for begun in one.begun])
    for function in [function for one in transitions for function in one.then]:
        function(tx)
    finished = [one.finished for one in transitions if one.finished is not None]
    if finished:
        finish(tx, finished, transitions[0].lease)
    for function in [function for one in transitions for function in one.after]:
        function(tx)


def _take(tx: Tx, transitions: Sequence[Transition]) -> None:
    """Raises: LeaseLost."""
    lease = transitions[0].lease
    first = [one.execution_id for one in transitions if one.is_first]
    held = [one.execution_id for one in transitions if not one.is_first]
    if any(one.lease != lease for one in transitions):
        raise LeaseLost(", ".join(held))
    if len(held) == 1:  # a lone one need not wait for its JSON
        require_lease(tx, held[0], lease)
    elif held and tx.value(_sql.hold, ids=json_text(held), lease=lease) < len(held):
        raise LeaseLost(", ".join(held))
    if first:
        claim(tx, first, lease)


def claim(tx: Tx, execution_ids: Sequence[str], lease: str) -> None:
    """Take queued or waiting executions.

    Raises:
        LeaseLost: somebody else has one of them, or it has ended.
    """
    if tx.run(_sql.claim, ids=json_text(execution_ids), lease=lease) < len(execution_ids):
        raise LeaseLost(", ".join(execution_ids))


def begin_steps(tx: Tx, begun: Sequence[tuple[str, datetime, Begun]]) -> None:
    """Intents, each with its execution and moment, before their bodies run."""
    rows = [(execution_id, *one, time_text(at)) for execution_id, at, one in begun]
    if rows:
        tx.run(_sql.begin_steps, rows=json_text(rows))


def keep_steps(tx: Tx, kept: Sequence[tuple[str, StepRow]]) -> None:
    """Where steps stand after their bodies, each with its execution; an outcome is kept once, and what comes later
    changes nothing."""
    over = [_over(execution_id, row) for execution_id, row in kept if row.status not in ("waiting", "running")]
    for rows in _in_parts(over):
        tx.run(_sql.end_steps, rows=json_text(rows))
    for execution_id, row in kept:
        if row.status == "running":
            _expand(tx, execution_id, row)
        elif row.status == "waiting":
            _park_step(tx, execution_id, row)


_OUTPUT = 9  # its place in the row


def _over(execution_id: str, row: StepRow) -> tuple[Any, ...]:
    return (
        execution_id,
        row.key,
        row.item,
        row.type,
        row.status,
        row.attempts,
        time_text(row.started_at),
        time_text(row.completed_at or row.started_at),
        row.duration_ms,
        row.text or _json_or_none(row.output),
        _json_or_none(row.error),
        _json_or_none(row.because),
    )


def _in_parts(rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """As many at once as their outputs let."""
    part: list[tuple[Any, ...]] = []
    characters = 0
    for row in rows:
        part.append(row)
        characters += len(row[_OUTPUT] or "")
        if characters > _OUTPUTS_AT_ONCE:
            yield part
            part, characters = [], 0
    if part:
        yield part


def _expand(tx: Tx, execution_id: str, row: StepRow) -> None:
    output = row.text or json_text(row.output)
    tx.run(_sql.expand_step, execution_id=execution_id, key=row.key, item=row.item, output=output)


def _park_step(tx: Tx, execution_id: str, row: StepRow) -> None:
    place = {"execution_id": execution_id, "key": row.key, "item": row.item}
    waits_for, error, due_at = _json_or_none(row.waits_for), _json_or_none(row.error), optional_time_text(row.due_at)
    tx.run(_sql.park_step, **place, attempts=row.attempts, waits_for=waits_for, due_at=due_at, error=error)


def park(tx: Tx, execution_id: str, lease: str, due_at: datetime | None, requests: int) -> None:
    """It waits from now on and takes no place."""
    if not tx.run(_sql.park, id=execution_id, lease=lease, due_at=optional_time_text(due_at), requests=requests):
        raise LeaseLost(execution_id)


def finish(tx: Tx, finished: Sequence[Finished], lease: str) -> None:
    """The end of executions: nobody is asked any more for them, and whoever called them is woken.

    Raises:
        LeaseLost: somebody else carries one of them out.
    """
    ids, now = [one.execution_id for one in finished], finished[0].at
    if tx.run(_sql.finish, rows=json_text([_end(one) for one in finished]), lease=lease) < len(ids):
        raise LeaseLost(", ".join(ids))
    for _ in range(0, len(ids), BATCH):
        add_when_many(tx)
    approvals.cancel_of(tx, ids, now)
    if called := [one.execution_id for one in finished if one.is_called]:
        tx.run(_sql.wake_callers, ids=json_text(called), now=time_text(now))


def _end(one: Finished) -> tuple[Any, ...]:
    return one.execution_id, one.status, time_text(one.at), one.duration_ms, _json_or_none(one.error), one.requests


def _json_or_none(value: Any) -> str | None:
    return None if value is None else json_text(value)
