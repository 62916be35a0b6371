"""What a workflow's own status says: a draft, edited since, paused, stopped, or deployed for elsewhere."""

from collections.abc import Iterator, Sequence

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, Severity, catalogued, certain, deploy
from construction_mcp.store.evidence import Run


def found(case: Case) -> Iterator[Finding]:
    """At most one about its status, and one about a draft that is not what runs."""
    place = case.evidence.place
    state = f"Its status is {place.status}."
    if case.problems and (place.active_version is None or case.is_edited):
        yield _unfinished(case)
    if place.active_version is None:
        why = "It is a draft: nothing starts it until it is deployed."
        fix = "Deploy it, once a dry run has shown what it will do."
        call = deploy(case, "let it run; deploying lists its effects and asks first")
        yield certain("WORKFLOW_NOT_DEPLOYED", [state, "No version of it is active."], why, fix, call)
        return
    if case.is_edited and not case.problems:
        yield _edited(case)
    again = Call("rollback_workflow", {"workflow_id": place.id, "action": "resume"}, "let it start again")
    if place.status_reason == "WORKFLOW_ENVIRONMENT_MISMATCH" or place.environment != case.here.environment:
        seen = [state, f"It was deployed for {place.environment}; this server works in {case.here.environment}."]
        yield catalogued("WORKFLOW_ENVIRONMENT_MISMATCH", "error", 1.0, seen, deploy(case, "let it run here"))
    elif place.status == "error":
        yield certain("FAILED_IN_A_ROW", _failures(case, state), _STOPPED, "Mend what failed, then resume it.", again)
    elif place.status == "paused":
        why = "Somebody paused it; what arrives meanwhile is ignored."
        yield certain("WORKFLOW_PAUSED", [state], why, "Resume it, if it should run.", again)


_STOPPED = "It failed too often in a row and was stopped, so that it does no harm."


def _unfinished(case: Case) -> Finding:
    why = "Its draft cannot be deployed as it is written."
    fix = "Mend what is named, then deploy it; what stands in <> only a person can say."
    return certain("DRAFT_HAS_PROBLEMS", case.problems, why, fix, case.first_aid)


def _edited(case: Case) -> Finding:
    """A mended draft mends nothing before it is deployed; as long as what runs fails, that is what to do."""
    place = case.evidence.place
    latest = next((run for run in case.evidence.runs if run.status in ("completed", "failed")), None)
    is_needed = latest is not None and latest.status == "failed"
    seen = [f"Version {place.active_version} runs; the draft was changed since."]
    why = "What was changed in the draft does not run yet."
    call = deploy(case, "let the draft run")
    severity: Severity = "error" if is_needed or _starts_nothing(case) else "info"
    return certain("DRAFT_NOT_DEPLOYED", seen, why, "Deploy it, once a dry run has shown what changes.", call, severity)


def _starts_nothing(case: Case) -> bool:
    place = case.evidence.place
    return bool(case.evidence.kept_aside or place.skipped) and place.status == "active"


def _failures(case: Case, state: str) -> Sequence[str]:
    failed = list(_while_failed(case.evidence.runs))
    said = [str(run.error["message"]) for run in failed[:1] if run.error and run.error.get("message")]
    return [state, *([f"The latest {len(failed)} runs that ended failed."] if failed else []), *said]


def _while_failed(runs: Sequence[Run]) -> Iterator[Run]:
    for run in runs:
        if run.status == "completed":
            return
        if run.status == "failed":
            yield run
