"""How an execution is shown (PRODUCT.md section 4.3), and what happened in it as lines for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from construction_mcp.core.json import write_json
from construction_mcp.store.columns import time_text
from construction_mcp.store.execution_reads import Question, Whole
from construction_mcp.store.executions import StepRow

_SHOWN_CHARS_MAX = 4_000  # of one step's output: about 1,000 tokens


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an execution or step waits for, since when, who or what moves it, and when its next timer fires."""

    what: str
    since: datetime
    who: str
    next_timer_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step. `item`: its place in a for_each; `skipped_because`: the expression and the values it met."""

    key: str
    type: str
    status: str
    attempts: int
    started_at: datetime
    duration_ms: float | None = None
    item: int | None = None
    output: Any = None
    error: Mapping[str, Any] | None = None
    skipped_because: Mapping[str, Any] | None = None
    waiting_for: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a workflow. `version` is None for a test of its draft."""

    id: str
    workflow_id: str
    version: int | None
    mode: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    duration_ms: float | None
    trigger: Mapping[str, Any]
    steps: Sequence[StepShown]
    waiting_for: Waiting | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, in words. actor: the person who did it, or `system`."""

    at: datetime
    kind: str
    text: str
    step: str | None = None
    actor: str = "system"


def shown(whole: Whole, *, outputs: bool) -> Execution:
    """The public shape; with `outputs` also what each step gave, cut where it is long."""
    return Execution(
        id=whole.id,
        workflow_id=whole.workflow_id,
        version=whole.version,
        mode=whole.mode,
        status=whole.status,
        started_at=whole.started_at,
        completed_at=whole.completed_at,
        duration_ms=whole.duration_ms,
        trigger=whole.trigger if outputs else {"type": whole.trigger.get("type")},
        steps=[_step(step, outputs=outputs) for step in whole.steps],
        waiting_for=waiting_of(whole),
        error=whole.error,
    )


def waiting_of(whole: Whole) -> Waiting | None:
    """What a run that has not ended waits for; None while it is being carried out, or once it has ended.

    Every state that is not an end has an answer here: guarantee 4 of PRODUCT.md section 6.
    """
    if whole.status in ("completed", "failed", "cancelled"):
        return None
    if whole.status == "needs_review":
        return _review(whole)
    if whole.status == "queued":
        what, who = ("the hold of pause_all", "resume_all") if whole.is_held else ("a free place", "the engine")
        return Waiting(what, whole.started_at, who)
    waits = [wait for step in whole.steps if (wait := _wait_of(step)) is not None]
    if waits:
        first = min(waits, key=lambda one: one.since)
        return Waiting(first.what, first.since, first.who, whole.due_at or first.next_timer_at)
    return Waiting("its next look", whole.started_at, "the engine", whole.due_at) if whole.status == "waiting" else None


def _review(whole: Whole) -> Waiting:
    uncertain = [step for step in whole.steps if step.status == "uncertain"]
    parts = [step for step in uncertain if step.item >= 0]
    fanned = {step.key for step in parts}
    names = ", ".join(step.name for step in uncertain if step.item >= 0 or step.key not in fanned) or "a step"
    since = max((step.completed_at or step.started_at for step in uncertain), default=whole.started_at)
    return Waiting(f"what became of {names}", since, "a person, with resolve_step")


def _wait_of(step: StepRow) -> Waiting | None:
    if step.status not in ("waiting", "running") or step.waits_for is None:  # a running one may wait for its turn
        return None
    told = step.waits_for
    since = told.get("since")
    moment = datetime.fromisoformat(since) if isinstance(since, str) else step.started_at
    return Waiting(str(told.get("what", "")), moment, _who(told.get("who")), step.due_at)


def _who(told: Any) -> str:
    if isinstance(told, list):
        return ", ".join(str(one) for one in told) or "whoever approves here"
    return str(told or "the engine")


def _step(step: StepRow, *, outputs: bool) -> StepShown:
    return StepShown(
        key=step.key,
        type=step.type,
        status=step.status,
        attempts=step.attempts,
        started_at=step.started_at,
        duration_ms=step.duration_ms,
        item=step.item if step.item >= 0 else None,
        output=_cut(step.output) if outputs else None,
        error=step.error,
        skipped_because=step.because,
        waiting_for=_wait_of(step),
    )


def _cut(output: Any) -> Any:
    text = write_json(output)
    if len(text) <= _SHOWN_CHARS_MAX:
        return output
    return {"truncated": True, "chars": len(text), "start": text[:_SHOWN_CHARS_MAX]}


def timeline(whole: Whole) -> list[Moment]:
    """What happened, in order of time, and who did it: begins and ends of steps, each try that failed, what was asked
    of people and what they said, and what somebody did to the run from outside."""
    return sorted(_moments(whole), key=lambda one: time_text(one.at))


def _moments(whole: Whole) -> Iterator[Moment]:
    started, by = whole.trigger.get("type", "manual"), whole.requested_by
    who = "system" if by in _BY_ITSELF else by
    yield Moment(whole.started_at, "accepted", f"Accepted, started by {started} for {by}", actor=who)
    for step in whole.steps:
        if step.status == "skipped":
            yield Moment(step.started_at, "skipped", _skipped(step), step.key)
            continue
        yield Moment(step.started_at, "started", f"{step.type} began", step.key)
        if step.completed_at is not None:
            yield Moment(step.completed_at, step.status, _ended(step), step.key)
        elif (wait := _wait_of(step)) is not None:
            yield Moment(wait.since, "waiting", f"Waits for {wait.what}: {wait.who}", step.key)
    for question in whole.questions:
        yield from _asked(question)
    for event in whole.events:
        yield Moment(event.at, event.kind, event.text, event.step, event.actor or "system")
    if whole.completed_at is not None:
        reason = f": {whole.error['message']}" if whole.error and "message" in whole.error else ""
        spent = f"; it sent {whole.requests} requests to Procore" if whole.requests else ""
        state = whole.status.replace("_", " ")
        yield Moment(whole.completed_at, whole.status, f"The execution is {state}{reason}{spent}")


_BY_ITSELF = ("schedule", "webhook", "poll", "workflow")
"""What starts a run without a person."""


def _asked(question: Question) -> Iterator[Moment]:
    """The question, its telling, and the answer as the person gave it."""
    whom = ", ".join(question.approvers) or "whoever may approve"
    yield Moment(question.created_at, "asked", f"Asked {whom}: {question.summary}", question.step)
    if question.told_at is not None:
        yield Moment(question.told_at, "told", f"{whom} were told", question.step)
    if question.decided_at is None:
        return
    if question.decided_by is None:
        yield Moment(question.decided_at, question.status, f"The question is {question.status}", question.step)
        return
    changed = f", with changes to {', '.join(question.edits)}" if question.edits else ""
    comment = f": {question.comment}" if question.comment else ""
    said = f"{question.status.capitalize()} by {question.decided_how or 'somebody'}{changed}{comment}"
    yield Moment(question.decided_at, question.status, said, question.step, question.decided_by)


def _skipped(step: StepRow) -> str:
    expression = (step.because or {}).get("expression")
    return f"Skipped because {expression} was not true" if expression else "Skipped"


def _ended(step: StepRow) -> str:
    if step.error is not None:
        return f"{step.status}: {step.error.get('code', '')} {step.error.get('message', '')}".strip()
    tries = f" after {step.attempts} tries" if step.attempts > 1 else ""
    return f"{step.type} {step.status}{tries}"
