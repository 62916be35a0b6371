"""What a config takes and refuses, before a run and with templates still standing for themselves."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.actions.hole import Hole

TYPES = Catalogue()
TEXT = Hole("vars.x", {"type": "string"})
LIST = Hole("steps.a.output.items", {"type": "array"})
NUMBER = Hole("vars.n", {"type": "integer"})
MAIL = {"to": "a@x.com", "subject": "Overdue", "body": "See there."}
ASK = {"approvers": "Jo", "message": "Send it?"}


def take(name: str, config: Mapping[str, Any]) -> Any:
    found = TYPES.get(name)
    assert found is not None
    return found.config.model_validate(config)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("notify.email", MAIL),
        ("notify.email", {"to": TEXT, "template": "rfi_overdue_alert", "data": {"rfis": LIST}}),
        ("notify.email", {"to": [TEXT], "template": TEXT, "data": Hole("x", {"type": "object"})}),
        ("notify.email", {**MAIL, "to": ["a@x.com", TEXT], "cc": LIST}),
        ("notify.slack", {"text": TEXT}),
        ("notify.teams", {"template": "daily_log_reminder", "data": {"day": "2026-12-01"}, "when_empty": "send"}),
        ("notify.webhook", {"url": TEXT, "body": {"id": NUMBER}}),
        ("http.request", {"url": "https://x.com", "headers": {"X-Key": TEXT, "Accept": "*/*"}, "timeout_s": NUMBER}),
        ("transform.map", {"items": LIST, "to": "item.number"}),
        ("transform.map", {"items": [TEXT], "to": {"number": "item.number"}}),
        ("transform.set", {"value": None}),
        ("wait.for", {"duration": NUMBER}),
        ("wait.until", {"at": "2026-12-01T07:30:00+01:00"}),
        ("wait.until", {"at": TEXT}),
        ("approval.request", {**ASK, "show": {"reply": TEXT}, "editable": ["reply"]}),
        ("approval.request", {**ASK, "show": Hole("x", {}), "editable": ["reply", TEXT], "remind_after": NUMBER}),
        ("approval.request", {**ASK, "editable": LIST, "expires_in": NUMBER, "remind_after": "1 day"}),
        ("workflow.call", {"workflow_id": "wf_1", "input": {"n": NUMBER}}),
        ("state.get", {"name": "seen", "default": []}),
    ],
)
def test_what_makes_sense_is_taken(name: str, config: Mapping[str, Any]) -> None:
    take(name, config)


@pytest.mark.parametrize(
    ("name", "config", "told"),
    [
        ("notify.email", {**MAIL, "template": "rfi_overdue_alert"}, "either body or template"),
        ("notify.email", {"to": "a@x.com"}, "either body or template"),
        ("notify.email", {"to": "a@x.com", "body": "Hi"}, "needs a subject"),
        ("notify.email", {**MAIL, "to": "a@x"}, "is not a mail address"),
        ("notify.email", {**MAIL, "to": "a@x.com\nBcc: b@x.com"}, "is not a mail address"),
        ("notify.email", {**MAIL, "to": []}, "at least 1"),
        ("notify.email", {**MAIL, "to": NUMBER}, "gives a whole number"),
        ("notify.email", {**MAIL, "data": {}}, "data is for a template"),
        ("notify.email", {**MAIL, "allow": {"to": "x.com", "max_per_run": 1}}, "a domain"),
        ("notify.email", {**MAIL, "allow": {"to": "@x.com"}}, "required"),
        ("notify.email", {**MAIL, "subjekt": "x"}, "not permitted"),
        ("notify.slack", {"template": "rfi_overdue_alerts"}, "did you mean rfi_overdue_alert?"),
        ("notify.slack", {"template": "rfi_overdue_alert"}, "needs data: rfis"),
        ("notify.slack", {"template": "rfi_overdue_alert", "data": {"rfi": LIST}}, "needs data: rfis"),
        ("notify.slack", {"template": "daily_log_reminder", "data": {"day": "", "x": 1}}, "no place for x"),
        ("notify.webhook", {"url": "x.com", "body": 1}, "'x.com' is not an address"),
        ("http.request", {"url": "https://user@x.com/"}, "is not an address"),
        ("http.request", {"url": "https://x.com", "headers": {"Content-Length": "1"}}, "set by the server"),
        ("http.request", {"url": "https://x.com", "headers": {"A": "b\r\nC: d"}}, "one line"),
        ("http.request", {"url": "https://x.com", "headers": {"A": "b\n"}}, "one line"),
        ("http.request", {"url": "https://x.com\n"}, "is not an address"),
        ("http.request", {"url": "https://x.com", "headers": {"A b": "c"}}, "header's name"),
        ("http.request", {"url": "https://x.com", "method": "TRACE"}, "GET"),
        ("transform.aggregate", {"items": [], "op": "median"}, "sum"),
        ("transform.filter", {"items": TEXT, "where": "true"}, "takes a list"),
        ("wait.until", {}, "either at or next"),
        ("wait.until", {"at": "2026-12-01", "next": "day"}, "either at or next"),
        ("wait.until", {"at": "2026-13-01"}, "month"),
        ("wait.until", {"next": "day", "time": "7:00"}, "is not a time of day"),
        ("approval.request", {**ASK, "on_expiry": "escalate"}, "needs escalate_to"),
        ("approval.request", {**ASK, "show": {"reply": 1}, "editable": ["repli", TEXT]}, "repli"),
        ("approval.request", {**ASK, "remind_after": "3 days"}, "not before expires_in"),
        ("approval.request", {**ASK, "approvers": []}, "at least 1"),
        ("state.set", {"name": "Seen RFIs", "value": 1}, "lower-case letters"),
    ],
)
def test_what_does_not_is_refused_with_the_reason(name: str, config: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        take(name, config)

    assert told in str(caught.value)


def test_a_subject_is_one_line_whatever_a_record_holds() -> None:
    assert take("notify.email", {**MAIL, "subject": "Late\r\nBcc: b@x.com"}).subject == "Late Bcc: b@x.com"


def test_addresses_in_one_text_are_several() -> None:
    assert take("notify.email", {**MAIL, "to": "a@x.com; b@x.com ,"}).to == ["a@x.com", "b@x.com"]


def test_a_name_with_a_comma_is_one_approver() -> None:
    assert take("approval.request", {**ASK, "approvers": "Lopez, Ana"}).approvers == ["Lopez, Ana"]
