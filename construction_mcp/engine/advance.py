"""What to do next in one execution: pure, so that it can be tested by the thousand and replayed.

No I/O, no clock, no randomness, no memory: the same plan, outcomes, signals and moment give the same commands, on
whatever engine. An engine makes each command durable, carries it out, and asks again with what came of it.

A step is a node of the plan or, with `for_each`, one item of it: `StepId(key, item)`, item -1 being the node itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from construction_mcp.workflow.plan import Node, Plan

WHOLE = -1

Status = Literal["running", "waiting", "completed", "simulated", "failed", "skipped", "cancelled", "uncertain"]
Ending = Literal["completed", "failed", "cancelled", "needs_review"]

_UNDER_WAY = ("running", "waiting")
_GAVE = ("completed", "simulated")


class StepId(NamedTuple):
    """A step of an execution; `item` counts from 0 inside a for_each."""

    key: str
    item: int = WHOLE


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a step stands. `running` with `items` is a for_each whose list is known.

    because: why it was skipped, or what a simulated one would have done. error: the public shape of what went wrong.
    waits_for, due_at: what a waiting one waits for, and when its timer fires.
    """

    status: Status
    output: Any = None
    error: Mapping[str, Any] | None = None
    because: Mapping[str, Any] | None = None
    items: Sequence[Any] | None = None
    attempts: int = 0
    waits_for: Mapping[str, Any] | None = None
    due_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.status not in _UNDER_WAY


@dataclass(frozen=True, slots=True)
class Signals:
    """What came from outside. cancel: end as soon as nothing is under way; look: something waited for has happened."""

    cancel: bool = False
    look: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """Make the intent of a further try of this step durable, then run its body."""

    step: StepId
    attempt: int


@dataclass(frozen=True, slots=True)
class End:
    """Record this outcome, which took no body."""

    step: StepId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Park:
    """Nothing can be done now: wait for a signal, or for the moment."""

    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Finish:
    """The execution is over."""

    status: Ending
    error: Mapping[str, Any] | None = field(default=None)


Command: TypeAlias = Begin | End | Park | Finish
Outcomes: TypeAlias = Mapping[StepId, Outcome]


def advance(plan: Plan, outcomes: Outcomes, signals: Signals, now: datetime) -> list[Command]:
    """The commands that follow from where an execution stands; none while all there is to do is under way.

    `End` commands change what can begin, so whoever applies them asks again. At most one of `Park` and `Finish`, last.
    """
    seen = _look(plan, outcomes)
    is_stopped = signals.cancel or seen.is_stopped
    ends = list(_ends(seen, outcomes, is_stopped=is_stopped))
    if ends:
        return list(ends)
    if not is_stopped:
        begins = list(_begins(seen, outcomes, signals, now))
        if begins:
            return list(begins)
    if any(one.status == "running" and one.items is None for one in outcomes.values()):
        return []
    waiting = [one for one in outcomes.values() if one.status == "waiting"]
    if waiting:
        return [Park(min((one.due_at for one in waiting if one.due_at is not None), default=None))]
    return [_finish(plan, outcomes, signals)]


@dataclass(slots=True)
class _Seen:
    """The nodes that something may have to be done about: free to begin, waiting, and fanned out; in document order."""

    is_stopped: bool
    free: list[Node]
    waiting: list[tuple[Node, Outcome]]
    fanned: list[tuple[Node, Outcome]]


def _look(plan: Plan, outcomes: Outcomes) -> _Seen:
    """One pass over the plan; what is over, or waits for others, costs a look-up."""
    seen = _Seen(is_stopped=False, free=[], waiting=[], fanned=[])
    for node in plan.nodes:
        outcome = outcomes.get((node.key, WHOLE))  # type: ignore[call-overload]  # as in _is_free
        if outcome is None:
            if _is_free(node, outcomes):
                seen.free.append(node)
        elif outcome.status == "waiting":
            seen.waiting.append((node, outcome))
        elif outcome.status == "running":
            if outcome.items is not None:
                seen.fanned.append((node, outcome))
        elif outcome.status == "uncertain" or (outcome.status == "failed" and node.on_error == "fail"):
            seen.is_stopped = True
    return seen


def _ends(seen: _Seen, outcomes: Outcomes, *, is_stopped: bool) -> Iterator[End]:
    """Steps whose outcome follows from those of others. What never began has no outcome when everything stops."""
    for node in () if is_stopped else seen.free:
        if (because := _why_not(node, outcomes)) is not None:
            yield End(StepId(node.key), Outcome("skipped", because=because))
    for node, outcome in seen.fanned:
        yield from _ends_of_items(node, outcome, outcomes, is_stopped=is_stopped)
    for node, outcome in seen.waiting if is_stopped else ():
        yield End(StepId(node.key), _given_up(outcome))


def _given_up(waiting: Outcome) -> Outcome:
    """What becomes of a waiting step when everything stops: a write that nobody knows of is not undone by that."""
    if (waiting.waits_for or {}).get("what") == "outcome":
        return Outcome("uncertain", error=waiting.error, attempts=waiting.attempts)
    return Outcome("cancelled", attempts=waiting.attempts)


def _why_not(node: Node, outcomes: Outcomes) -> Mapping[str, Any] | None:
    """Why a step that is free to begin will not run; None where it will."""
    for key in node.needs:
        status = outcomes[StepId(key)].status
        if status not in _GAVE:
            return {"step": key, "status": status}
    for key in node.guarded_by:
        outcome = outcomes.get(StepId(key))
        decision = (outcome.output or {}).get("decision") if outcome is not None else None
        if decision != "approve":
            return {"approval": key, "decision": decision}
    return None


def _is_free(node: Node, outcomes: Outcomes) -> bool:
    for key in node.after:
        before = outcomes.get((key, WHOLE))  # type: ignore[call-overload]  # a StepId is a tuple, and dearer to make
        if before is None or before.status in _UNDER_WAY:
            return False
    return True


def _ends_of_items(node: Node, whole: Outcome, outcomes: Outcomes, *, is_stopped: bool) -> Iterator[End]:
    """Items that were waiting when everything stopped, then the whole once no item is under way."""
    assert whole.items is not None
    steps = [StepId(node.key, at) for at in range(len(whole.items))]
    known = [outcomes.get(step) for step in steps]
    broken = node.on_error == "fail" and any(one is not None and one.status == "failed" for one in known)
    halted = is_stopped or broken or any(one is not None and one.status == "uncertain" for one in known)
    if halted:
        waiting = [(step, one) for step, one in zip(steps, known, strict=True) if one and one.status == "waiting"]
        yield from (End(step, _given_up(one)) for step, one in waiting)
        if waiting:
            return
    if any(one is not None and not one.is_over for one in known) or (not halted and None in known):
        return
    yield End(StepId(node.key), _whole_of(node, known, whole))


def _whole_of(node: Node, items: Sequence[Outcome | None], whole: Outcome) -> Outcome:
    """What a for_each gives: its results in the order of the items, null where an item gave none."""
    statuses = [None if one is None else one.status for one in items]
    if "uncertain" in statuses:
        return Outcome("uncertain", error=_first_error(items, "uncertain"), items=whole.items, attempts=whole.attempts)
    if "failed" in statuses and node.on_error == "fail":
        return Outcome("failed", error=_first_error(items, "failed"), attempts=whole.attempts)
    if None in statuses or "cancelled" in statuses:
        return Outcome("cancelled", attempts=whole.attempts)
    results = [one.output if one is not None and one.status in _GAVE else None for one in items]
    return Outcome(
        "simulated" if "simulated" in statuses else "completed", {"results": results}, attempts=whole.attempts
    )


def _first_error(items: Sequence[Outcome | None], status: Status) -> Mapping[str, Any] | None:
    return next(one.error for one in items if one is not None and one.status == status)


def _begins(seen: _Seen, outcomes: Outcomes, signals: Signals, now: datetime) -> Iterator[Begin]:
    for node in seen.free:
        yield Begin(StepId(node.key), 1)
    for node, outcome in seen.waiting:
        if _is_due(outcome, signals, now):
            yield Begin(StepId(node.key), outcome.attempts + 1)
    for node, outcome in seen.fanned:
        yield from _begins_of_items(node, outcome, outcomes, signals, now)


def _begins_of_items(
    node: Node, whole: Outcome, outcomes: Outcomes, signals: Signals, now: datetime
) -> Iterator[Begin]:
    """As many items as may be under way at once, in their order; a failure that fails the step stops the rest."""
    assert whole.items is not None
    assert node.for_each is not None
    steps = [StepId(node.key, at) for at in range(len(whole.items))]
    known = {step: outcomes[step] for step in steps if step in outcomes}
    if any(one.status == "uncertain" or (one.status == "failed" and node.on_error == "fail") for one in known.values()):
        return
    free = node.for_each.concurrency - sum(not one.is_over for one in known.values())
    for step in steps:
        outcome = known.get(step)
        if outcome is not None and outcome.status == "waiting" and _is_due(outcome, signals, now):
            yield Begin(step, outcome.attempts + 1)  # it has its place already
        elif outcome is None and free > 0:
            free -= 1
            yield Begin(step, 1)


def _is_due(outcome: Outcome, signals: Signals, now: datetime) -> bool:
    """A timer that has come, or a signal for what waits for one; a retry's pause is not cut short by signals."""
    if outcome.due_at is not None and outcome.due_at <= now:
        return True
    return signals.look and (outcome.waits_for or {}).get("what") != "retry"


def _finish(plan: Plan, outcomes: Outcomes, signals: Signals) -> Finish:
    """How it ends, by the worst that happened."""
    for node in plan.nodes:
        outcome = outcomes.get(StepId(node.key))
        if outcome is not None and outcome.status == "uncertain":
            return Finish("needs_review", _of_step(node, outcome))
    for node in plan.nodes:
        outcome = outcomes.get(StepId(node.key))
        if outcome is not None and outcome.status == "failed" and node.on_error == "fail":
            return Finish("failed", _of_step(node, outcome))
    return Finish("cancelled" if signals.cancel else "completed")


def _of_step(node: Node, outcome: Outcome) -> Mapping[str, Any]:
    """The step's own error, and which step it was."""
    error = dict(outcome.error or {"code": "EXECUTION_STEP_FAILED", "message": "The step failed."})
    return {**error, "step": node.key}
