"""Every execution that has not ended is told what it waits for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from construction_mcp.insight.stuck import Stuck, explain
from construction_mcp.store.evidence import Asked, Odd, Open, Run
from construction_mcp.store.holds import Hold

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOON, HOUR_AGO = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
RETRY = Odd("exe_1", "send", "waiting", {"code": "PROCORE_RATE_LIMITED"}, waits_for={"what": "retry"}, due_at=SOON)
CHILD = Odd("exe_1", "call", "waiting", waits_for={"what": "execution"})
UNKNOWN = Odd("exe_1", "create", "uncertain")
ASKED = Asked("apr_1", "exe_1", "ok", "pending", SOON)
HELD = Hold("project", "7", "ann", HOUR_AGO)


def explained(status: str, *, started_at: datetime = HOUR_AGO, due_at: datetime | None = None, **found: Any) -> Stuck:
    one = Run("exe_1", "wf_1", status, started_at, due_at, None, 7, "local:0")
    shape: dict[str, Any] = {"steps": [], "asked": [], "holds": [], **found}
    (answer,) = explain(Open([one], **shape), NOW)
    return answer


@pytest.mark.parametrize(
    ("given", "reason", "tool"),
    [
        ({"status": "queued", "holds": [HELD]}, "held", "resume_all"),
        ({"status": "waiting", "due_at": SOON, "steps": [RETRY], "holds": [HELD]}, "held", "resume_all"),
        ({"status": "queued"}, "overdue", "get_system_health"),
        ({"status": "queued", "started_at": NOW}, "queue", None),
        ({"status": "waiting", "due_at": SOON, "asked": [ASKED]}, "person", "decide_approval"),
        ({"status": "waiting", "due_at": SOON, "steps": [RETRY]}, "timer", None),
        ({"status": "waiting", "due_at": HOUR_AGO, "steps": [RETRY]}, "overdue", "get_system_health"),
        ({"status": "waiting", "steps": [CHILD]}, "other_execution", "observe_workflow_execution"),
        ({"status": "waiting"}, "overdue", "observe_workflow_execution"),
        ({"status": "running"}, "running", "observe_workflow_execution"),
        ({"status": "needs_review", "steps": [UNKNOWN], "holds": [HELD]}, "review", "resolve_step"),
        ({"status": "needs_review"}, "review", "observe_workflow_execution"),
    ],
)
def test_each_state_has_its_reason_and_what_moves_it(given: dict[str, Any], reason: str, tool: str | None) -> None:
    found = explained(**given)

    assert found.reason == reason
    assert (found.next.tool if found.next else None) == tool
    assert found.explanation


def test_a_timer_says_when_and_after_what() -> None:
    found = explained("waiting", due_at=SOON, steps=[RETRY])

    assert (found.moves_at, found.step) == (SOON, "send")
    assert "PROCORE_RATE_LIMITED" in found.explanation


def test_a_hold_of_another_project_holds_nothing_here() -> None:
    assert explained("queued", holds=[Hold("project", "8", "ann", NOW)]).reason == "overdue"
