"""From what is kept of a workflow to what is wrong with it, worst first, each with what mends it. Pure: reads nothing.

Confidence is measured, never felt. What is read off the workspace's state is certain: 1. What runs met is the share of
the latest runs that met it, each run counting half of the one after it, so a mended error fades and a new one leads.
What is inferred from n equal observations is n / (n + 1): it grows with each and is never certain.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.json import write_json
from construction_mcp.insight.advice import Call
from construction_mcp.store.evidence import Asked, Evidence, Odd, Place, Run
from construction_mcp.store.holds import Hold

Severity = Literal["error", "warning", "info"]
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

_EVIDENCE_MAX, _CHARS_MAX = 5, 300  # of one finding: what a person still reads
_EQUAL_RUNS_MIN = 3  # fewer skips of one step say nothing
_LATE = timedelta(minutes=5)  # a start that is this late was missed
_DAY_S = 86_400

_RECONNECT = ("PROCORE_NOT_CONNECTED", "AUTH_RECONNECT")
_PERMISSION = ("PROCORE_FORBIDDEN", "PROCORE_NOT_FOUND", "PROCORE_APP_NOT_CONNECTED")
_PASSING = ("PROCORE_RATE_LIMITED", "PROCORE_TIMEOUT", "PROCORE_UNAVAILABLE", "NOTIFY_UNAVAILABLE")
_SETTINGS = ("NOTIFY_NOT_CONFIGURED", "NOTIFY_CREDENTIALS", "NOTIFY_INSECURE")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. confidence: from 0 to 1. `next` is the call that mends it or shows more."""

    code: str
    severity: Severity
    confidence: float
    evidence: Sequence[str]
    cause: str
    fix: str
    next: Call | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """The process that looks. is_service: one account for all, so nobody links their own."""

    now: datetime
    environment: str
    is_always_on: bool
    is_service: bool


def diagnose(evidence: Evidence, here: Here, told: str = "") -> list[Finding]:
    """What is wrong, worst first, a code once; of equally bad ones those that `told` speaks of come first."""
    found: dict[str, Finding] = {}
    by_evidence = (_held, _reviews, _errors, _skips)
    by_place = (_standing, _account, _questions, _deliveries, _host)
    parts = [*(source(evidence, here) for source in by_place), *(source(evidence) for source in by_evidence)]
    for part in parts:
        for one in part:
            found.setdefault(one.code, one)
    for one in _named(evidence, told):
        found.setdefault(one.code, one)
    return sorted(found.values(), key=lambda one: _rank(one, told))


def bears(hold: Hold, project_id: int | None, run_as: str | None) -> bool:
    """Whether a hold keeps runs of this project and account from going on."""
    return hold.scope == "all" or hold.subject == (str(project_id) if hold.scope == "project" else run_as)


def release(hold: Hold) -> Call:
    """The call that ends exactly this hold."""
    names: dict[str, Mapping[str, Any]] = {
        "project": {"project_id": int(hold.subject) if hold.subject.isdigit() else hold.subject},
        "connection": {"connection": hold.subject},
    }
    return Call("resume_all", names.get(hold.scope, {}), "let it go on, if the reason for holding it is gone")


def _rank(one: Finding, told: str) -> tuple[int, bool, float]:
    words = {word for word in one.code.lower().split("_") if len(word) > 3}  # as "the", "not"
    is_told = one.code in told or any(word in told.lower() for word in words)
    return _SEVERITIES.index(one.severity), not is_told, -one.confidence


def _standing(evidence: Evidence, here: Here) -> Iterator[Finding]:
    """What its own status says."""
    place = evidence.place
    again = Call("rollback_workflow", {"workflow_id": place.id, "action": "resume"}, "let it start again")
    look = Call("deploy_workflow", {"workflow_id": place.id, "dry_run": True}, "see what deploying it here would do")
    state = f"Its status is {place.status}."
    if place.active_version is None:
        why = "It is a draft: nothing starts it until it is deployed."
        yield _certain("WORKFLOW_NOT_DEPLOYED", [state, "No version of it is active."], why, "Deploy it.", look)
        return
    if place.status_reason == "WORKFLOW_ENVIRONMENT_MISMATCH" or place.environment != here.environment:
        seen = [state, f"It was deployed for {place.environment}; this server works in {here.environment}."]
        yield _catalogued("WORKFLOW_ENVIRONMENT_MISMATCH", "error", 1.0, seen, look)
    elif place.status == "error":
        failed = sum(1 for _ in _while_failed(evidence.runs))
        why = "It failed too often in a row and was stopped, so that it does no harm."
        seen = [state, f"The latest {failed} runs that ended failed."] if failed else [state]
        yield _certain("FAILED_IN_A_ROW", seen, why, "Mend what made the runs fail, then resume it.", again)
    elif place.status == "paused":
        why = "Somebody paused it; what arrives meanwhile is ignored."
        yield _certain("WORKFLOW_PAUSED", [state], why, "Resume it, if it should run.", again)


def _held(evidence: Evidence) -> Iterator[Finding]:
    place = evidence.place
    for hold in evidence.holds:
        if not bears(hold, place.project_id, place.run_as):
            continue
        seen = [f"{_subject(hold)} is held by {hold.held_by} since {hold.held_at.isoformat()}."]
        yield _catalogued("WORKFLOW_HELD", "error", 1.0, seen, release(hold))


def _account(evidence: Evidence, here: Here) -> Iterator[Finding]:
    """Whether it has an account to work with, before any run tells."""
    place = evidence.place
    reads_procore = place.trigger_type == "poll" or place.trigger_source == "procore"
    if place.active_version is None or here.is_service or place.is_connected:
        return
    if place.acts_in_procore or reads_procore:
        seen = [f"It runs as {place.run_as}, who has no account linked in {place.environment}."]
        why = "link the account, as the person it runs as"
        yield _catalogued("PROCORE_NOT_CONNECTED", "error", 1.0, seen, Call("connect_procore", {}, why))


def _questions(evidence: Evidence, here: Here) -> Iterator[Finding]:
    pending = [one for one in evidence.asked if one.status == "pending" and one.expires_at > here.now]
    if pending:
        cause = "A run waits for a person's decision and does nothing further until then."
        call = Call("decide_approval", {"approval_id": pending[0].id}, "show what is asked, to the person who decides")
        yield _certain("APPROVAL_PENDING", _asked(pending), cause, "Ask the approver to decide.", call, "warning")
    expired = [one for one in evidence.asked if one not in pending]
    if expired:
        last = expired[-1].execution_id
        is_lost = any(run.id == last and run.status == "failed" for run in _all(evidence))
        share = _share(evidence, {one.execution_id for one in expired})
        severity: Severity = "error" if is_lost else "warning"
        yield _catalogued("APPROVAL_EXPIRED", severity, share, _asked(expired), _again(evidence, last))


def _reviews(evidence: Evidence) -> Iterator[Finding]:
    """Writes of which nobody knows whether they were made: only a person who looks can tell."""
    review = {run.id for run in _all(evidence) if run.status == "needs_review"}
    steps = [step for step in evidence.steps if step.execution_id in review and step.status == "uncertain"]
    if steps:
        place = {"execution_id": steps[0].execution_id, "step": steps[0].key}
        call = Call(
            "resolve_step",
            {**place, "outcome": "<done, not_done or skip: as the person who looked says>"},
            "settle it, once a person has looked in Procore",
        )
        yield _catalogued("EXECUTION_NEEDS_REVIEW", "error", 1.0, [_met(step) for step in steps], call)


def _errors(evidence: Evidence) -> Iterator[Finding]:
    """What runs met, by code; the step's own error rather than that a step failed."""
    met: dict[str, dict[str, str]] = {}
    for run in _all(evidence):
        for code, line in _errors_of(run, evidence.steps):
            met.setdefault(code, {}).setdefault(run.id, line)
    latest = next((run.id for run in evidence.runs if run.status != "queued"), None)
    open_ids = {run.id for run in evidence.open_runs}
    for code, lines in met.items():
        is_present = latest in lines or not open_ids.isdisjoint(lines)
        newest = next(iter(lines))
        seen = [f"{len(lines)} of the latest {len(_all(evidence))} runs met it.", *lines.values()]
        call = _mending(code, newest, evidence)
        confidence = _share(evidence, set(lines))
        yield _catalogued(code, "error" if is_present else "warning", confidence, seen, call)


def _skips(evidence: Evidence) -> Iterator[Finding]:
    """A condition that has not been true in any of the latest runs."""
    ended = [run.id for run in evidence.runs if run.status == "completed"]
    by_step: dict[tuple[str, str], dict[str, Odd]] = {}
    for step in evidence.steps:
        expression = (step.because or {}).get("expression")
        if step.status == "skipped" and expression and step.execution_id in ended:
            by_step.setdefault((step.key, str(expression)), {})[step.execution_id] = step
    for (key, expression), skipped in by_step.items():
        if len(ended) < _EQUAL_RUNS_MIN or len(skipped) < len(ended):
            continue
        values = (skipped[ended[0]].because or {}).get("values")
        seen = [f"{key} was skipped in each of the latest {len(ended)} runs.", f"Last seen: {_text(values)}"]
        cause = f"The condition of {key} was never true: {_cut(expression)}"
        fix = "Compare the values it met with what it asks for; where they are as they should be, nothing is wrong."
        call = _observe(ended[0], "see what the condition met")
        yield Finding("CONDITION_NEVER_TRUE", "warning", _grown(len(ended)), seen, cause, fix, call)


def _deliveries(evidence: Evidence, here: Here) -> Iterator[Finding]:
    """What became of what was posted to it."""
    place, by_outcome = evidence.place, {one.outcome: 0 for one in evidence.arrived}
    for one in evidence.arrived:
        by_outcome[one.outcome] += one.many
    lines = [
        f"{one.many} {one.outcome}{f', {one.reason}' if one.reason else ''}, the last at {one.last_at.isoformat()}"
        for one in evidence.arrived
        if one.outcome in ("quarantined", "failed", "filtered")
    ]
    sample = Call("get_sample_event", {"workflow_id": place.id}, "compare the filter with what arrives")
    if by_outcome.get("quarantined"):
        cause = "Deliveries were kept aside: they look wrong, or its own changes start it again and again."
        fix = "Look at the reasons; where it sets itself off, let its filter pass over what it changes."
        yield _certain("DELIVERIES_QUARANTINED", _of(lines, "quarantined"), cause, fix, sample)
    if by_outcome.get("failed"):
        cause = "The trigger's filter failed on what arrived, so nothing was started."
        yield _certain("DELIVERIES_FAILED", _of(lines, "failed"), cause, "Mend the filter of its trigger.", sample)
    filtered = by_outcome.get("filtered", 0)
    if filtered and not by_outcome.get("started"):
        cause = "Events arrive, and its trigger's filter, resources, events or project let none of them pass."
        fix = "Compare the trigger with a sample event, and widen it where it asks for too much."
        seen = _of(lines, "filtered")
        yield Finding("DELIVERIES_FILTERED", "warning", _grown(filtered), seen, cause, fix, sample)
    if place.status == "active" and place.trigger_type == "webhook" and not evidence.arrived and not evidence.runs:
        yield _silence(place, here)


def _silence(place: Place, here: Here) -> Finding:
    """Certainty grows with the days without a word: an hour of silence is none."""
    since = place.deployed_at or here.now
    days = max((here.now - since).total_seconds(), 0.0) / _DAY_S
    seen = [f"No delivery has come since it was deployed at {since.isoformat()}."]
    cause = "Nothing has ever arrived at its webhook."
    if place.trigger_source == "procore":
        fix = "See whether Procore knows the webhook and its address is right; else nothing of that kind changed."
        call = Call("list_procore_webhooks", {}, "see whether Procore would post to it")
    else:
        fix = "Post a sample to its address, signed with its secret."
        call = Call("get_sample_event", {"workflow_id": place.id}, "see what to post")
    return Finding("NOTHING_ARRIVED", "warning", _grown(days), seen, cause, fix, call)


def _host(evidence: Evidence, here: Here) -> Iterator[Finding]:
    """Nothing starts by itself while no process is there; a start that is late shows that it happened."""
    place = evidence.place
    if here.is_always_on or place.trigger_type not in ("schedule", "poll") or place.status != "active":
        return
    is_late = place.due_at is not None and place.due_at + _LATE < here.now
    seen = ["This process ends with its client."]
    if is_late and place.due_at is not None:
        seen.append(f"It was due at {place.due_at.isoformat()} and has not started.")
    cause = "It starts by itself, and nothing runs while no process of this server is on."
    fix = "Keep one running with `construction-mcp service install`."
    yield Finding("HOST_NOT_ALWAYS_ON", "error" if is_late else "warning", _grown(1 + 8 * is_late), seen, cause, fix)


def _named(evidence: Evidence, told: str) -> Iterator[Finding]:
    """Codes that somebody speaks of and no run met: what they mean, for what that is worth."""
    for code in CATALOGUE:
        if code in told:
            seen = [f"You name it; none of the latest {len(evidence.runs)} runs met it."]
            yield _catalogued(code, "info", 0.0, seen, None)


def _errors_of(run: Run, steps: Sequence[Odd]) -> Iterator[tuple[str, str]]:
    own = [step for step in steps if step.execution_id == run.id and step.status in ("failed", "waiting")]
    told = [(str(step.error["code"]), _met(step)) for step in own if step.error and step.error.get("code")]
    if not told and run.error and run.error.get("code") not in (None, "EXECUTION_CANCELLED", "EXECUTION_NEEDS_REVIEW"):
        told = [(str(run.error["code"]), _cut(f"{run.id}: {run.error.get('message', '')}"))]
    yield from told


def _mending(code: str, execution_id: str, evidence: Evidence) -> Call:
    if code in _RECONNECT:
        return Call("connect_procore", {"again": True}, "sign in again, as the person it runs as")
    if code in _PERMISSION:
        return Call("check_procore_connection", {}, "see what the account may do")
    if code in _PASSING:
        return _again(evidence, execution_id)
    if code in _SETTINGS:
        return Call("get_system_health", {}, "see which channels are set up")
    if code == "NOTIFY_OUTCOME_UNKNOWN":
        return Call("list_notifications", {}, "see what was sent")
    return _observe(execution_id, "see the step, what it met and what was said")


def _again(evidence: Evidence, execution_id: str) -> Call:
    """Once more where it ended in vain; what is under way or went well is only looked at."""
    status = next((run.status for run in _all(evidence) if run.id == execution_id), None)
    if status in ("failed", "cancelled"):
        return Call("retry_execution", {"execution_id": execution_id}, "run it again from what did not complete")
    return _observe(execution_id, "see where it is")


def _observe(execution_id: str, why: str) -> Call:
    return Call("observe_workflow_execution", {"execution_id": execution_id, "detail": "full"}, why)


def _subject(hold: Hold) -> str:
    return "Everything" if hold.scope == "all" else f"The {hold.scope} {hold.subject}"


def _all(evidence: Evidence) -> Sequence[Run]:
    """The latest runs, newest first, then those that are older and have not ended."""
    known = {run.id for run in evidence.runs}
    return [*evidence.runs, *(run for run in reversed(evidence.open_runs) if run.id not in known)]


def _while_failed(runs: Sequence[Run]) -> Iterator[Run]:
    for run in runs:
        if run.status == "completed":
            return
        if run.status == "failed":
            yield run


def _share(evidence: Evidence, met: set[str]) -> float:
    weights = {run.id: 0.5**place for place, run in enumerate(_all(evidence))}
    return round(sum(weights[one] for one in met) / sum(weights.values()), 2)


def _grown(observations: float) -> float:
    return round(observations / (observations + 1), 2)


def _certain(code: str, seen: Sequence[str], cause: str, fix: str, call: Call, severity: Severity = "error") -> Finding:
    return Finding(code, severity, 1.0, list(seen)[:_EVIDENCE_MAX], cause, fix, call)


def _catalogued(code: str, severity: Severity, confidence: float, seen: Sequence[str], call: Call | None) -> Finding:
    """Cause and fix as the catalogue of errors has them, so that both say the same."""
    entry = CATALOGUE.get(code)
    cause, fix = entry or ("A step failed with this error.", "Look at the step's own error.")
    return Finding(code, severity, confidence, list(seen)[:_EVIDENCE_MAX], cause, fix, call)


def _asked(asked: Sequence[Asked]) -> list[str]:
    return [
        f"{one.execution_id}, step {one.step}: {one.id} is {one.status}; its time ends or ended at "
        f"{one.expires_at.isoformat()}"
        for one in asked
    ]


def _met(step: Odd) -> str:
    error = step.error or {}
    return _cut(f"{step.execution_id}, step {step.key}: {error.get('message', step.status)}")


def _of(lines: Sequence[str], outcome: str) -> list[str]:
    return [line for line in lines if f" {outcome}" in line][:_EVIDENCE_MAX]


def _text(value: Any) -> str:
    return _cut(write_json(value))


def _cut(text: str) -> str:
    return text if len(text) <= _CHARS_MAX else f"{text[:_CHARS_MAX]} (cut)"
