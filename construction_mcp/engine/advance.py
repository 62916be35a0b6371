"""What to do next in one execution: pure, so that it can be tested by the thousand and replayed.

No I/O, no clock, no randomness, no memory: the same standing, signals and moment give the same commands, on whatever
engine. An engine makes each command durable, carries it out, and asks again with what came of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

from construction_mcp.engine.standing import Fanned, Outcome, Outcomes, Standing, Status, StepId
from construction_mcp.workflow.plan import Node

Ending = Literal["completed", "failed", "cancelled", "needs_review"]

_GAVE = ("completed", "simulated")
_WORST: Sequence[tuple[Ending, Status]] = (("needs_review", "uncertain"), ("failed", "failed"))


class Signals(NamedTuple):
    """What came from outside. cancel: end as soon as nothing is under way; look: something waited for has happened."""

    cancel: bool = False
    look: bool = False


class Begin(NamedTuple):
    """Make the intent of a further try of this step durable, then run its body."""

    step: StepId
    attempt: int


class End(NamedTuple):
    """Record this outcome, which took no body."""

    step: StepId
    outcome: Outcome


class Park(NamedTuple):
    """Nothing can be done now: wait for a signal, or for the moment."""

    due_at: datetime | None


class Finish(NamedTuple):
    """The execution is over."""

    status: Ending
    error: Mapping[str, Any] | None = None


Command: TypeAlias = Begin | End | Park | Finish


def advance(standing: Standing, signals: Signals, now: datetime) -> list[Command]:
    """The commands that follow from where an execution stands; none while all there is to do is under way.

    All of one kind: `End` commands change what can begin, so whoever applies them asks again; `Begin`; or a single
    `Park` or `Finish`.
    """
    is_stopped = signals.cancel or bool(standing.stopping)
    free = () if is_stopped else standing.free()
    fanned = standing.fanned()
    if ends := _ends(standing, free, fanned, is_stopped=is_stopped):
        return ends
    if not is_stopped and (begins := _begins(standing, free, fanned, signals, now)):
        return begins
    if standing.bodies:
        return []
    if standing.waiting:
        return [Park(min((one.due_at for one in standing.waiting.values() if one.due_at is not None), default=None))]
    return [_finish(standing, signals)]


def _ends(standing: Standing, free: Sequence[Node], fanned: Sequence[Fanned], *, is_stopped: bool) -> list[Command]:
    """Steps whose outcome follows from those of others. What never began has no outcome when everything stops."""
    ends: list[Command] = [
        End(StepId(node.key), Outcome("skipped", because=because))
        for node in free
        if (because := _why_not(node, standing.outcomes)) is not None
    ]
    for one in fanned:
        ends += _ends_of_items(one, standing.outcomes, is_stopped=is_stopped)
    if is_stopped:
        ends += [End(step, _given_up(outcome)) for step, outcome in standing.waiting_nodes()]
    return ends


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


def _ends_of_items(fanned: Fanned, outcomes: Outcomes, *, is_stopped: bool) -> Iterator[End]:
    """Items that were waiting when everything stopped, then the whole once no item is under way."""
    node, halted = fanned.node, is_stopped or fanned.is_broken
    if halted and fanned.waiting:
        yield from (End(StepId(node.key, at), _given_up(one)) for at, one in sorted(fanned.waiting.items()))
    elif not fanned.under_way and (halted or fanned.known == fanned.count):
        known = [outcomes.get(StepId(node.key, at)) for at in range(fanned.count)]
        yield End(StepId(node.key), _whole_of(node, known, fanned.whole))


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


def _begins(
    standing: Standing, free: Sequence[Node], fanned: Sequence[Fanned], signals: Signals, now: datetime
) -> list[Command]:
    begins: list[Command] = [Begin(StepId(node.key), 1) for node in free]
    for step, outcome in standing.waiting_nodes():
        if _is_due(outcome, signals, now):
            begins.append(Begin(step, outcome.attempts + 1))
    for one in fanned:
        if not one.is_broken:
            begins += _begins_of_items(one, standing.outcomes, signals, now)
    return begins


def _begins_of_items(fanned: Fanned, outcomes: Outcomes, signals: Signals, now: datetime) -> Iterator[Begin]:
    """As many items as may be under way at once, in their order; one that waits has its place already."""
    key = fanned.node.key
    for at, outcome in sorted(fanned.waiting.items()):
        if _is_due(outcome, signals, now):
            yield Begin(StepId(key, at), outcome.attempts + 1)
    fresh = (step for at in range(fanned.fresh, fanned.count) if (step := StepId(key, at)) not in outcomes)
    for step in islice(fresh, max(0, fanned.concurrency - fanned.under_way)):
        yield Begin(step, 1)


def _is_due(outcome: Outcome, signals: Signals, now: datetime) -> bool:
    """A timer that has come, or a signal for what waits for one; a retry's pause is not cut short by signals."""
    if outcome.due_at is not None and outcome.due_at <= now:
        return True
    return signals.look and (outcome.waits_for or {}).get("what") != "retry"


def _finish(standing: Standing, signals: Signals) -> Finish:
    """How it ends, by the worst that happened."""
    stopping = [(node, standing.outcomes[StepId(node.key)]) for node in standing.stopping_nodes()]
    for ending, status in _WORST:
        for node, outcome in stopping:
            if outcome.status == status:
                return Finish(ending, _of_step(node, outcome))
    return Finish("cancelled" if signals.cancel else "completed")


def _of_step(node: Node, outcome: Outcome) -> Mapping[str, Any]:
    """The step's own error, and which step it was."""
    error = dict(outcome.error or {"code": "EXECUTION_STEP_FAILED", "message": "The step failed."})
    return {**error, "step": node.key}
