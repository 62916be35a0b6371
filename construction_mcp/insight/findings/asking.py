"""What runs ask of people, and what nobody answered."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, Severity, again, catalogued, certain, share
from construction_mcp.store.evidence import Asked

_TOLD_WITHIN = timedelta(minutes=5)  # approvers are told within seconds, or a mail server says no


def found(case: Case) -> Iterator[Finding]:
    """Whom nobody could tell, who has not answered, and what expired."""
    pending = [one for one in case.evidence.asked if one.status == "pending" and one.expires_at > case.here.now]
    call = [
        Call("decide_approval", {"approval_id": one.id}, "show what is asked, to the person who decides")
        for one in pending
    ]
    untold = [one for one in pending if _is_untold(case, one)]
    if untold:
        cause = "The approvers could not be told that they are asked: no mail to them was taken."
        fix = "Show them what is asked here, or correct their address or the mail server; it is tried again by itself."
        yield certain("APPROVER_UNREACHABLE", _asked(untold), cause, fix, call[pending.index(untold[0])])
    if pending:
        cause = "A run waits for a person's decision and does nothing further until then."
        yield certain("APPROVAL_PENDING", _asked(pending), cause, "Ask the approver to decide.", call[0], "warning")
    expired = [one for one in case.evidence.asked if one not in pending]
    if expired:
        last = expired[-1].execution_id
        is_lost = any(run.id == last and run.status == "failed" for run in case.runs[:1])
        confidence = share(case, {one.execution_id for one in expired})
        severity: Severity = "error" if is_lost else "warning"
        yield catalogued("APPROVAL_EXPIRED", severity, confidence, _asked(expired), again(case, last))


def _is_untold(case: Case, one: Asked) -> bool:
    by_mail = any("@" in approver for approver in one.approvers)
    is_late = one.created_at is not None and one.created_at + _TOLD_WITHIN < case.here.now
    return by_mail and is_late and one.told_at is None


def _asked(asked: Sequence[Asked]) -> list[str]:
    return [
        f"{one.execution_id}, step {one.step}: {one.id} is {one.status}; its time ends or ended at "
        f"{one.expires_at.isoformat()}"
        for one in asked
    ]
