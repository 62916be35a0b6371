"""What became of what was posted to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings import rewriting
from construction_mcp.insight.findings.finding import EVIDENCE_MAX, Case, Finding, certain, grown
from construction_mcp.store.evidence import KeptAside

_TOLD = ("quarantined", "failed", "filtered")
_LOOP = "its own changes"  # begins the reason of `Admission.start`


def found(case: Case) -> Iterator[Finding]:
    """Kept aside, failed in the filter, or let through by it never; what came before the deployment is over."""
    evidence = case.evidence
    by_outcome = {one.outcome: 0 for one in evidence.arrived}
    for one in evidence.arrived:
        by_outcome[one.outcome] += one.many
    is_present = {one.outcome for one in _present(case)} if evidence.kept_aside else set(by_outcome)
    if by_outcome.get("quarantined") and "quarantined" in is_present:
        cause = "Deliveries were kept aside: they look wrong, or its own changes start it again and again."
        fix = "Look at the reasons; where it sets itself off, let its filter pass over what it changes."
        yield certain("DELIVERIES_QUARANTINED", _of(case, "quarantined"), cause, fix, _past_itself(case))
    if by_outcome.get("failed") and "failed" in is_present:
        cause = "The trigger's filter failed on what arrived, so nothing was started."
        call = _guarded(case)
        yield certain("DELIVERIES_FAILED", _of(case, "failed"), cause, "Mend the filter of its trigger.", call)
    filtered = by_outcome.get("filtered", 0)
    if filtered and not by_outcome.get("started") and "filtered" in is_present:
        cause = "Events arrive, and its trigger's filter, resources, events or project let none of them pass."
        fix = "Compare the trigger with a sample event, and widen it where it asks for too much."
        seen = _of(case, "filtered")
        yield Finding("DELIVERIES_FILTERED", "warning", grown(filtered), seen, cause, fix, _widened(case))


def _present(case: Case) -> Sequence[KeptAside]:
    """What came since the version that is active was deployed."""
    since = case.evidence.place.deployed_at
    return [one for one in case.evidence.kept_aside if since is None or one.received_at >= since]


def _of(case: Case, outcome: str) -> list[str]:
    return [
        f"{one.many} {one.outcome}{f', {one.reason}' if one.reason else ''}, the last at {one.last_at.isoformat()}"
        for one in case.evidence.arrived
        if one.outcome in _TOLD and one.outcome == outcome
    ][:EVIDENCE_MAX]


def _sample(case: Case) -> Call:
    return Call("get_sample_event", {"workflow_id": case.id}, "compare the filter with what arrives")


def _events(case: Case, outcome: str) -> list[Mapping[str, Any]]:
    """As the filter sees them: a signed sender's is the body."""
    is_custom = case.evidence.place.trigger_source == "custom"
    kept = [one.event for one in case.evidence.kept_aside if one.outcome == outcome]
    return [one.get("body", {}) if is_custom else one for one in kept]


def _with_filter(case: Case, filter_: str | None, why: str) -> Call:
    trigger = dict(case.draft.trigger.written()) if case.draft and case.draft.trigger else {}
    trigger.pop("filter", None)
    written = trigger if filter_ is None else {**trigger, "filter": filter_}
    return Call("configure_workflow_trigger", {"workflow_id": case.id, "trigger": written}, why)


def _filter(case: Case) -> str | None:
    return case.draft.trigger.filter if case.draft and case.draft.trigger else None


def _widened(case: Case) -> Call:
    """The filter with what looks misspelt replaced by what comes, else the trigger without it."""
    present, events = _filter(case), _events(case, "filtered")
    if present is None or not events:
        return _sample(case)
    better = rewriting.with_equals_corrected(
        present, lambda path: [rewriting.at(one, path.removeprefix("event.")) for one in events]
    )
    if better != present:
        return _with_filter(case, better, f"ask for what comes: {better}")
    return _with_filter(case, None, "let every event of its resources pass; or write a filter that fits what comes")


def _guarded(case: Case) -> Call:
    present, events = _filter(case), _events(case, "failed")
    better = rewriting.with_guards(present, events) if present is not None else None
    if better is None or better == present:
        return _sample(case)
    return _with_filter(case, better, "ask only those events that have what the filter reads")


def _past_itself(case: Case) -> Call:
    """The trigger that does not hear of what its own account does."""
    is_loop = any(one.reason.startswith(_LOOP) for one in case.evidence.kept_aside)
    if not is_loop or case.live.user_id is None:
        return _sample(case)
    own, present = f"event.user_id != {case.live.user_id}", _filter(case)
    better = own if present is None else f"({present}) && {own}"
    return _with_filter(case, better, "pass over what its own account changes")
