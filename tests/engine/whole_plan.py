"""`advance` as it is defined: by a look at the whole plan every time, which is slow and plain to see.

What `Standing` keeps along the way has to lead to the same commands (test_advance.py).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from construction_mcp.engine.advance import Begin, Command, End, Finish, Park, Signals
from construction_mcp.engine.standing import WHOLE, Outcome, Outcomes, Status, StepId
from construction_mcp.workflow.plan import Node, Plan

_GAVE = ("completed", "simulated")


def commands(plan: Plan, outcomes: Outcomes, signals: Signals, now: datetime) -> list[Command]:
    stopped = signals.cancel or any(_stops(node, outcomes.get(StepId(node.key))) for node in plan.nodes)
    skips = [] if stopped else _skips(plan, outcomes)
    ends = [*skips, *_ends(plan, outcomes, stopped=stopped)]
    if ends:
        return list(ends)
    begins = [] if stopped else list(_begins(plan, outcomes, signals, now))
    if begins:
        return list(begins)
    if any(one.status == "running" and one.items is None for one in outcomes.values()):
        return []
    waiting = [one for one in outcomes.values() if one.status == "waiting"]
    if waiting:
        return [Park(min((one.due_at for one in waiting if one.due_at is not None), default=None))]
    return [_finish(plan, outcomes, signals)]


def _stops(node: Node, outcome: Outcome | None) -> bool:
    if outcome is None:
        return False
    return outcome.status == "uncertain" or (outcome.status == "failed" and node.on_error == "fail")


def _is_free(node: Node, outcomes: Outcomes) -> bool:
    before = [outcomes.get(StepId(key)) for key in node.after]
    return StepId(node.key) not in outcomes and all(one is not None and one.is_over for one in before)


def _unfit(node: Node, outcomes: Outcomes) -> str | None:
    """The first step whose output it needs and does not get."""
    return next((key for key in node.needs if outcomes[StepId(key)].status not in _GAVE), None)


def _skips(plan: Plan, outcomes: Outcomes) -> Iterator[End]:
    for node in plan.nodes:
        if _is_free(node, outcomes) and (key := _unfit(node, outcomes)) is not None:
            because = {"step": key, "status": outcomes[StepId(key)].status}
            yield End(StepId(node.key), Outcome("skipped", because=because))


def _fans(plan: Plan, outcomes: Outcomes) -> Iterator[tuple[Node, Outcome, list[Outcome | None]]]:
    for node in plan.nodes:
        whole = outcomes.get(StepId(node.key))
        if whole is not None and whole.status == "running" and whole.items is not None:
            yield node, whole, [outcomes.get(StepId(node.key, at)) for at in range(len(whole.items))]


def _ends(plan: Plan, outcomes: Outcomes, *, stopped: bool) -> Iterator[End]:
    for node, whole, items in _fans(plan, outcomes):
        halted = stopped or any(_stops(node, one) for one in items)
        waiting = [(at, one) for at, one in enumerate(items) if one is not None and one.status == "waiting"]
        if halted and waiting:
            yield from (End(StepId(node.key, at), Outcome("cancelled", attempts=one.attempts)) for at, one in waiting)
        elif all(one is None or one.is_over for one in items) and (halted or None not in items):
            yield End(StepId(node.key), _whole(node, whole, items))
    for node in plan.nodes if stopped else ():
        one = outcomes.get(StepId(node.key))
        if one is not None and one.status == "waiting":
            yield End(StepId(node.key), Outcome("cancelled", attempts=one.attempts))


def _whole(node: Node, whole: Outcome, items: Sequence[Outcome | None]) -> Outcome:
    statuses = [None if one is None else one.status for one in items]
    if "uncertain" in statuses:
        return Outcome("uncertain", items=whole.items, attempts=whole.attempts)
    if "failed" in statuses and node.on_error == "fail":
        return Outcome("failed", attempts=whole.attempts)
    if None in statuses or "cancelled" in statuses:
        return Outcome("cancelled", attempts=whole.attempts)
    results = [one.output if one is not None and one.status in _GAVE else None for one in items]
    status: Status = "simulated" if "simulated" in statuses else "completed"
    return Outcome(status, {"results": results}, attempts=whole.attempts)


def _begins(plan: Plan, outcomes: Outcomes, signals: Signals, now: datetime) -> Iterator[Begin]:
    yield from (Begin(StepId(node.key), 1) for node in plan.nodes if _is_free(node, outcomes))
    for node in plan.nodes:
        one = outcomes.get(StepId(node.key))
        if one is not None and one.status == "waiting" and _is_due(one, signals, now):
            yield Begin(StepId(node.key), one.attempts + 1)
    for node, _, items in _fans(plan, outcomes):
        assert node.for_each is not None
        if any(_stops(node, one) for one in items):
            continue
        for at, one in enumerate(items):
            if one is not None and one.status == "waiting" and _is_due(one, signals, now):
                yield Begin(StepId(node.key, at), one.attempts + 1)
        room = node.for_each.concurrency - sum(one is not None and not one.is_over for one in items)
        fresh = [at for at, one in enumerate(items) if one is None]
        yield from (Begin(StepId(node.key, at), 1) for at in fresh[: max(0, room)])


def _is_due(one: Outcome, signals: Signals, now: datetime) -> bool:
    return signals.look or (one.due_at is not None and one.due_at <= now)


def _finish(plan: Plan, outcomes: Outcomes, signals: Signals) -> Finish:
    for ending, status in (("needs_review", "uncertain"), ("failed", "failed")):
        for node in plan.nodes:
            one = outcomes.get(StepId(node.key, WHOLE))
            if one is not None and one.status == status and _stops(node, one):
                error = {"code": "EXECUTION_STEP_FAILED", "message": "The step failed.", "step": node.key}
                return Finish(ending, error)  # type: ignore[arg-type]  # one of the two above
    return Finish("cancelled" if signals.cancel else "completed")
