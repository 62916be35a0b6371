"""Each thing that can be wrong is found by what shows it, and by nothing less."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.insight.diagnose import diagnose as diagnosed
from construction_mcp.insight.findings.finding import Case, Finding, Here, Live
from construction_mcp.store.evidence import Arrived, Asked, Evidence, Hooked, Odd, Place, Run
from construction_mcp.store.holds import Hold, Scope

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HERE = Here(NOW, "sandbox", is_always_on=True, is_service=False)
PLACE = Place(
    id="wf_1",
    name="Late RFIs",
    status="active",
    status_reason=None,
    environment="sandbox",
    active_version=1,
    deployed_at=NOW - timedelta(days=3),
    run_as="local:0",
    project_id=7,
    trigger_type="schedule",
    trigger_source=None,
    due_at=NOW + timedelta(hours=1),
    acts_in_procore=True,
    is_connected=True,
)
SOUND = Evidence(PLACE)


def diagnose(evidence: Evidence, here: Here, told: str = "", **case: Any) -> list[Finding]:
    """Of what is kept alone, unless a test says what else is known."""
    return diagnosed(Case(evidence, here, **case), told)


def place(**changed: Any) -> Evidence:
    return Evidence(replace(PLACE, **changed))


def run(number: int, status: str = "completed", code: str | None = None) -> Run:
    """The higher its number, the older."""
    error = {"code": code, "message": "what was said"} if code else None
    return Run(f"exe_{number}", "wf_1", status, NOW - timedelta(hours=number), None, error, 7, "local:0", version=1)


def failed(*codes: str | None) -> Evidence:
    """Runs, the latest first, each with a step that failed with that code, or that went well."""
    runs = [
        run(at, "failed" if code else "completed", "EXECUTION_STEP_FAILED" if code else None) for at, code in _at(codes)
    ]
    steps = [Odd(f"exe_{at}", "send", "failed", {"code": code, "message": "no"}) for at, code in _at(codes) if code]
    return Evidence(PLACE, runs=runs, steps=steps)


def _at(codes: Sequence[str | None]) -> list[tuple[int, str | None]]:
    return list(enumerate(codes))


def skipped(runs: int, of: int, expression: str = "size(x) > 0") -> Evidence:
    because = {"expression": expression, "values": {"x": []}}
    steps = [Odd(f"exe_{at}", "alert", "skipped", because=because) for at in range(runs)]
    return Evidence(PLACE, runs=[run(at) for at in range(of)], steps=steps)


def arrived(**outcomes: int) -> Evidence:
    counted = [Arrived(name, "the filter says no", many, NOW) for name, many in outcomes.items()]
    return replace(place(trigger_type="webhook", trigger_source="procore"), arrived=counted)


def codes(evidence: Evidence, here: Here = HERE, told: str = "") -> list[str]:
    return [one.code for one in diagnose(evidence, here, told)]


def only(evidence: Evidence, here: Here = HERE) -> Finding:
    found = diagnose(evidence, here)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    "evidence",
    [
        SOUND,
        failed(None, None),
        skipped(2, of=2),
        skipped(3, of=4),
        arrived(started=2, filtered=9),
        Evidence(PLACE, holds=[Hold("project", "8", "ann", NOW), Hold("connection", "local:1", "ann", NOW)]),
        place(acts_in_procore=False, is_connected=False),
    ],
    ids=["idle", "well", "two skips", "not always", "some start", "held elsewhere", "no need of Procore"],
)
def test_where_nothing_shows_nothing_is_found(evidence: Evidence) -> None:
    assert diagnose(evidence, HERE) == []


@pytest.mark.parametrize(
    ("changed", "code", "tool"),
    [
        ({"status": "draft", "active_version": None}, "WORKFLOW_NOT_DEPLOYED", "deploy_workflow"),
        ({"status": "paused"}, "WORKFLOW_PAUSED", "rollback_workflow"),
        ({"status": "error", "status_reason": "FAILED_IN_A_ROW"}, "FAILED_IN_A_ROW", "rollback_workflow"),
        (
            {"status": "paused", "status_reason": "WORKFLOW_ENVIRONMENT_MISMATCH"},
            "WORKFLOW_ENVIRONMENT_MISMATCH",
            "deploy_workflow",
        ),
        ({"environment": "production"}, "WORKFLOW_ENVIRONMENT_MISMATCH", "deploy_workflow"),
        ({"is_connected": False}, "PROCORE_NOT_CONNECTED", "connect_procore"),
        (
            {"is_connected": False, "acts_in_procore": False, "trigger_type": "poll"},
            "PROCORE_NOT_CONNECTED",
            "connect_procore",
        ),
    ],
)
def test_what_the_workflows_own_state_says_is_certain(changed: dict[str, Any], code: str, tool: str) -> None:
    found = only(place(**changed))

    assert (found.code, found.severity, found.confidence) == (code, "error", 1.0)
    assert found.next is not None
    assert found.next.tool == tool


def test_with_one_account_for_all_nobody_has_to_link_theirs() -> None:
    assert codes(place(is_connected=False), replace(HERE, is_service=True)) == []


def test_a_workflow_that_was_stopped_says_how_many_runs_failed_before() -> None:
    evidence = replace(failed("PROCORE_INVALID", "PROCORE_INVALID", None), place=replace(PLACE, status="error"))

    assert "The latest 2 runs that ended failed." in diagnose(evidence, HERE)[0].evidence


@pytest.mark.parametrize(
    ("scope", "subject", "arguments"),
    [("all", "", {}), ("project", "7", {"project_id": 7}), ("connection", "local:0", {"connection": "local:0"})],
)
def test_a_hold_is_released_exactly(scope: Scope, subject: str, arguments: dict[str, Any]) -> None:
    found = only(Evidence(PLACE, holds=[Hold(scope, subject, "ann", NOW)]))

    assert found.code == "WORKFLOW_HELD"
    assert found.next is not None
    assert (found.next.tool, found.next.arguments) == ("resume_all", arguments)


@pytest.mark.parametrize(
    ("code", "tool"),
    [
        ("PROCORE_NOT_CONNECTED", "connect_procore"),
        ("AUTH_RECONNECT", "connect_procore"),
        ("PROCORE_FORBIDDEN", "check_procore_connection"),
        ("PROCORE_INVALID", "observe_workflow_execution"),
        ("PROCORE_CONFLICT", "observe_workflow_execution"),
        ("PROCORE_RATE_LIMITED", "retry_execution"),
        ("EXECUTION_EXPRESSION_FAILED", "observe_workflow_execution"),
        ("EXECUTION_EXPRESSION_NULL", "observe_workflow_execution"),
        ("EXECUTION_EXPRESSION_TIMEOUT", "observe_workflow_execution"),
        ("NOTIFY_NOT_CONFIGURED", "retry_execution"),
        ("NOTIFY_REFUSED", "observe_workflow_execution"),
        ("NOTIFY_UNAVAILABLE", "retry_execution"),
        ("NOTIFY_OUTCOME_UNKNOWN", "list_notifications"),
    ],
)
def test_an_error_of_a_step_comes_with_its_meaning_and_what_to_call(code: str, tool: str) -> None:
    found = only(failed(code))

    assert (found.code, found.confidence, found.severity) == (code, 1.0, "error")
    assert (found.cause, found.fix) == tuple(CATALOGUE[code])
    assert found.next is not None
    assert found.next.tool == tool


def test_an_execution_that_ended_its_process_is_found_without_a_step() -> None:
    assert only(Evidence(PLACE, runs=[run(0, "failed", "EXECUTION_QUARANTINED")])).code == "EXECUTION_QUARANTINED"


def test_an_error_counts_half_for_each_run_since() -> None:
    new = only(failed("PROCORE_INVALID", None, None))
    old = only(failed(None, None, "PROCORE_INVALID"))

    assert (new.severity, new.confidence) == ("error", 0.57)
    assert (old.severity, old.confidence) == ("warning", 0.14)


def test_a_step_that_is_tried_again_tells_its_error_and_is_not_retried_by_hand() -> None:
    waiting = Odd("exe_0", "send", "waiting", {"code": "PROCORE_RATE_LIMITED", "message": "later"})
    found = only(Evidence(PLACE, runs=[run(0, "waiting")], open_runs=[run(0, "waiting")], steps=[waiting]))

    assert (found.code, found.severity) == ("PROCORE_RATE_LIMITED", "error")
    assert found.next is not None
    assert found.next.tool == "observe_workflow_execution"


def test_certainty_of_a_condition_grows_with_the_runs() -> None:
    few, many = only(skipped(3, of=3)), only(skipped(9, of=9))

    assert few.code == "CONDITION_NEVER_TRUE"
    assert "size(x) > 0" in few.cause
    assert 'Last seen: {"x":[]}' in few.evidence
    assert (few.confidence, many.confidence) == (0.75, 0.9)


def test_an_approval_waits_until_its_time_is_over() -> None:
    def asked(status: str, hours: int) -> Evidence:
        one = Asked("apr_1", "exe_0", "ok", status, NOW + timedelta(hours=hours))
        return Evidence(PLACE, runs=[run(0, "waiting")], asked=[one])

    waits = only(asked("pending", 1))
    assert (waits.code, waits.severity) == ("APPROVAL_PENDING", "warning")
    assert waits.next is not None
    assert (waits.next.tool, waits.next.arguments) == ("decide_approval", {"approval_id": "apr_1"})
    assert codes(asked("expired", -1)) == codes(asked("pending", -1)) == ["APPROVAL_EXPIRED"]


def test_an_unknown_outcome_leads_to_the_person_who_looks_and_leaves_the_answer_open() -> None:
    error = {"code": "PROCORE_OUTCOME_UNKNOWN", "message": "the connection broke"}
    step = Odd("exe_9", "create", "uncertain", error)
    found = only(Evidence(PLACE, runs=[run(0)], open_runs=[run(9, "needs_review")], steps=[step]))

    assert found.code == "EXECUTION_NEEDS_REVIEW"
    assert found.next is not None
    assert found.next.tool == "resolve_step"
    assert (found.next.arguments["execution_id"], found.next.arguments["step"]) == ("exe_9", "create")
    assert found.next.arguments["outcome"] not in ("done", "not_done", "skip")


@pytest.mark.parametrize(
    ("outcomes", "code", "confidence"),
    [
        ({"quarantined": 1, "started": 4}, "DELIVERIES_QUARANTINED", 1.0),
        ({"failed": 2, "started": 4}, "DELIVERIES_FAILED", 1.0),
        ({"filtered": 4}, "DELIVERIES_FILTERED", 0.8),
    ],
)
def test_what_became_of_deliveries_tells(outcomes: dict[str, int], code: str, confidence: float) -> None:
    found = only(arrived(**outcomes))

    assert (found.code, found.confidence) == (code, confidence)
    assert "the filter says no" in found.evidence[0]


def test_silence_says_more_each_day() -> None:
    def silent(**since: int) -> Finding:
        deployed = NOW - timedelta(**since)
        quiet = place(trigger_type="webhook", trigger_source="procore", deployed_at=deployed)
        return only(replace(quiet, hook=Hooked("hook_1", "procore", 1, 7, "9", "local:0")))

    assert silent(days=3).code == "NOTHING_ARRIVED"
    assert (silent(hours=1).confidence, silent(days=3).confidence) == (0.04, 0.75)


def test_a_schedule_needs_a_process_and_a_missed_start_proves_it() -> None:
    away = replace(HERE, is_always_on=False)
    due, late = only(SOUND, away), only(place(due_at=NOW - timedelta(hours=1)), away)

    assert (due.code, due.severity, due.confidence) == ("HOST_NOT_ALWAYS_ON", "warning", 0.5)
    assert (late.code, late.severity, late.confidence) == ("HOST_NOT_ALWAYS_ON", "error", 0.9)
    assert codes(place(trigger_type="manual"), away) == []


def test_the_worst_comes_first_and_what_is_spoken_of_before_its_equals() -> None:
    evidence = replace(failed("PROCORE_INVALID"), holds=[Hold("all", "", "ann", NOW)])
    away = replace(HERE, is_always_on=False)

    assert codes(evidence, away) == ["WORKFLOW_HELD", "PROCORE_INVALID", "HOST_NOT_ALWAYS_ON"]
    assert codes(evidence, away, "PROCORE_INVALID again")[0] == "PROCORE_INVALID"


def test_a_code_that_is_only_spoken_of_is_explained_without_certainty() -> None:
    found = diagnose(SOUND, HERE, "I met PROCORE_FORBIDDEN")

    assert [(one.code, one.severity, one.confidence) for one in found] == [("PROCORE_FORBIDDEN", "info", 0.0)]


def test_what_a_newer_version_may_have_mended_is_a_warning_until_a_run_shows_it() -> None:
    evidence = replace(failed("PROCORE_INVALID"), place=replace(PLACE, active_version=2))
    found = only(evidence)

    assert (found.code, found.severity) == ("PROCORE_INVALID", "warning")
    assert found.next is not None
    assert (found.next.tool, found.next.arguments) == ("retry_execution", {"execution_id": "exe_0", "plan": "active"})


def test_a_version_that_went_well_before_is_gone_back_to() -> None:
    evidence = replace(failed("PROCORE_CONFLICT"), place=replace(PLACE, good_version=1))
    found = only(evidence)

    assert found.next is not None
    assert (found.next.tool, found.next.arguments["to_version"]) == ("rollback_workflow", 1)


@pytest.mark.parametrize(
    ("offset_s", "is_wrong"), [(59.0, False), (-59.0, False), (61.0, True), (-61.0, True), (None, False)]
)
def test_two_clocks_may_differ_by_a_minute(offset_s: float | None, is_wrong: bool) -> None:
    found = diagnose(SOUND, HERE, live=Live(user_id=1, offset_s=offset_s))

    assert [one.code for one in found] == (["CLOCK_WRONG"] if is_wrong else [])
