"""Why executions that have not ended do not go on, and what moves each. Pure: reads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.holding import bears, release
from construction_mcp.store.evidence import Odd, Open, Run

Reason = Literal["held", "review", "person", "timer", "overdue", "queue", "other_execution", "running"]

_LATE = timedelta(minutes=5)  # an engine that is there looks within seconds of the time


@dataclass(frozen=True, slots=True)
class Stuck:
    """One execution that has not ended. overdue: its time has come and nobody carries it out.

    moves_at: when it goes on by itself; absent where something else has to happen first.
    """

    execution_id: str
    workflow_id: str
    status: str
    started_at: datetime
    reason: Reason
    explanation: str
    moves_at: datetime | None = None
    step: str | None = None
    next: Call | None = None


def explain(found: Open, now: datetime) -> list[Stuck]:
    """Every one of them, oldest first; each has an answer (PRODUCT.md section 6, guarantee 4)."""
    return [
        _explained(run, found, [step for step in found.steps if step.execution_id == run.id], now) for run in found.runs
    ]


def _explained(run: Run, found: Open, steps: Sequence[Odd], now: datetime) -> Stuck:
    uncertain = next((step for step in steps if step.status == "uncertain"), None)
    if run.status == "needs_review":
        return _review(run, uncertain)
    hold = next((one for one in found.holds if bears(one, run.project_id, run.run_as)), None)
    if hold is not None and run.status != "running":
        why = f"pause_all holds it, by {hold.held_by} since {hold.held_at.isoformat()}."
        return _of(run, "held", why, call=release(hold))
    if run.status == "queued":
        is_late = run.started_at + _LATE < now
        why = (
            "No engine took it for minutes: none runs, or all places are taken." if is_late else "It waits for a place."
        )
        return _of(run, "overdue" if is_late else "queue", why, call=_health() if is_late else None)
    asked = next((one for one in found.asked if one.execution_id == run.id and one.status == "pending"), None)
    if asked is not None and asked.expires_at > now:
        call = Call("decide_approval", {"approval_id": asked.id}, "show what is asked, to the person who decides")
        why = f"A person has to decide at step {asked.step}."
        return _of(run, "person", why, moves_at=asked.expires_at, step=asked.step, call=call)
    if run.status == "running":
        return _of(run, "running", "An engine carries it out.", call=_look(run))
    return _waiting(run, steps, now)


def _waiting(run: Run, steps: Sequence[Odd], now: datetime) -> Stuck:
    """Parked: by a timer, behind another execution, or past its time."""
    waits = [step for step in steps if step.status == "waiting"]
    first = min(waits, key=lambda one: (one.due_at is None, one.due_at or now), default=None)
    step = None if first is None else first.key
    if run.due_at is not None and run.due_at + _LATE < now:
        why = f"It was to go on at {run.due_at.isoformat()} and no engine did it: none runs, or all places are taken."
        return _of(run, "overdue", why, step=step, call=_health())
    if run.due_at is not None:
        return _of(run, "timer", _until(first), moves_at=run.due_at, step=step)
    why = "It waits for another execution to end." if first is not None else "Nothing is known that moves it."
    return _of(run, "other_execution" if first is not None else "overdue", why, step=step, call=_look(run))


def _until(step: Odd | None) -> str:
    error = (step.error or {}) if step is not None else {}
    if step is not None and error.get("code"):
        return f"Step {step.key} is tried again after {error['code']}."
    return "Its timer has not fired yet."


def _review(run: Run, step: Odd | None) -> Stuck:
    if step is None:
        return _of(run, "review", "A person has to look at it.", call=_look(run))
    outcome = "<done, not_done or skip: as the person who looked says>"
    call = Call(
        "resolve_step",
        {"execution_id": run.id, "step": step.key, "outcome": outcome},
        "settle it, once a person has looked in Procore",
    )
    return _of(run, "review", f"Nobody knows whether step {step.key} was carried out.", step=step.key, call=call)


def _of(
    run: Run,
    reason: Reason,
    explanation: str,
    *,
    moves_at: datetime | None = None,
    step: str | None = None,
    call: Call | None = None,
) -> Stuck:
    return Stuck(run.id, run.workflow_id, run.status, run.started_at, reason, explanation, moves_at, step, call)


def _look(run: Run) -> Call:
    return Call("observe_workflow_execution", {"execution_id": run.id}, "see its steps and what happened")


def _health() -> Call:
    return Call("get_system_health", {}, "see whether an engine runs and how long the queue is")
