"""What deploying agrees to, in words and in numbers, and when that agreement is another one."""

from typing import Any

import pytest

from construction_mcp.actions.action import Setting
from construction_mcp.core.config import Limits
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.document import shaped
from construction_mcp.workflow.effects import requests_per_hour
from construction_mcp.workflow.plan import Plan
from tests.workflow.corpus import FACTS, SOUND, TYPES, compiled

OPEN = {"key": "open_rfis", "type": "procore.rfi.list"}
READS = "read the open RFIs of project 1001"
MAIL = {"key": "alert", "type": "notify.email", "config": {"to": "Pat@builder.example", "subject": "Hi", "body": "Hi"}}
REPLY = {"key": "reply", "type": "procore.rfi.reply", "config": {"rfi_id": 7, "body": "As drawn."}}
ASK = {"key": "ask", "type": "approval.request", "config": {"approvers": "sam", "message": "Go?"}}
LOG = {"key": "note", "type": "notify.log", "config": {"text": "Hi"}}
POST = {"key": "post", "type": "notify.webhook", "config": {"url": "https://a.example/x", "body": 1}}
EVENTS = 10 * Limits().events_per_hour_assumed
READ = {"key": "look", "type": "http.request", "config": {"url": "https://a.example/x"}}


def each(action: dict[str, Any], **fan: Any) -> dict[str, Any]:
    return {**action, "for_each": {"items": "steps.open_rfis.output.items", **fan}}


def found(*actions: Any, **parts: Any) -> Any:
    return compiled(shaped({**SOUND, **parts, "actions": list(actions)}))


def plan(*actions: Any, **parts: Any) -> Plan:
    compiled_now = found(*actions, **parts)
    assert compiled_now.plan is not None, compiled_now.problems
    return compiled_now.plan


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([OPEN], ["read the open RFIs of project 1001"]),
        ([OPEN, {**OPEN, "key": "again"}], ["read the open RFIs of project 1001"]),
        ([MAIL], ["mail pat@builder.example"]),
        ([OPEN, each(MAIL, max_items=5)], [READS, "mail pat@builder.example, up to 5 times"]),
        ([OPEN, each(REPLY)], [READS, "reply to an RFI in project 1001, up to 100 times"]),
        ([ASK, LOG], ["ask sam to approve", "note a line in its log"]),
        ([{"key": "w", "type": "wait.for", "config": {"duration": 60}}], []),
        ([READ], ["read from a.example"]),
    ],
)  # fmt: skip
def test_effects_are_said_once_each_in_the_order_of_the_document(actions, words):
    assert list(found(*actions).effects) == words


@pytest.mark.parametrize(
    ("actions", "consent"),
    [
        ([OPEN, READ], [("http", "a.example", 1)]),
        ([MAIL], [("mail", "pat@builder.example", 1)]),
        ([OPEN, each(MAIL, max_items=5)], [("mail", "pat@builder.example", 5)]),
        ([OPEN, each(REPLY)], [("procore", "rfi.reply in project 1001", 100)]),
        ([{**REPLY, "key": "a"}, {**REPLY, "key": "b"}], [("procore", "rfi.reply in project 1001", 2)]),
        ([{**MAIL, "key": "a"}, OPEN, each({**MAIL, "key": "b"}, max_items=5)], [("mail", "pat@builder.example", 6)]),
        ([POST], [("webhook", "a.example", 1)]),
    ],
)  # fmt: skip
def test_consent_counts_how_often_in_one_run(actions, consent):
    agreed = plan(*actions).consent

    assert [(one["kind"], one["target"], one["max_per_run"]) for one in agreed] == consent


SAME = [
    (MAIL, {**MAIL, "config": {**MAIL["config"], "body": "Other words"}}),
    (MAIL, {**MAIL, "key": "renamed"}),
    (MAIL, {**MAIL, "config": {**MAIL["config"], "to": ["pat@builder.example"]}}),
    (REPLY, {**REPLY, "config": {"rfi_id": 8, "body": "Otherwise."}}),
    (POST, {**POST, "config": {"url": "https://a.example/other", "body": 2}}),
    (LOG, {**LOG, "condition": "trigger.input.x == 1"}),
]
OTHER = [
    (MAIL, {**MAIL, "config": {**MAIL["config"], "to": "sam@builder.example"}}),
    (MAIL, {**MAIL, "config": {**MAIL["config"], "cc": "sam@builder.example"}}),
    (REPLY, {**REPLY, "config": {**REPLY["config"], "project_id": 1002}}),
    (REPLY, {**REPLY, "type": "procore.rfi.close", "config": {"rfi_id": 7}}),
    (POST, {**POST, "config": {"url": "https://b.example/x", "body": 1}}),
    (READ, {**READ, "config": {"url": "https://b.example/x"}}),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_the_digest_stays_where_nobody_new_is_reached(first, second):
    assert plan(first).consent_digest == plan(second).consent_digest
    assert plan(first).hash != plan(second).hash or first == second or first is MAIL or second is LOG


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_the_digest_changes_with_recipients_hosts_and_writes(first, second):
    assert plan(first).consent_digest != plan(second).consent_digest


def test_the_digest_changes_with_how_often():
    assert plan(OPEN, each(MAIL, max_items=5)).consent_digest != plan(OPEN, each(MAIL, max_items=6)).consent_digest


def test_needs_are_the_highest_level_of_each_tool_and_project():
    other = {**OPEN, "key": "other", "config": {"projects": [1002]}}

    needs = found(OPEN, other, REPLY).needs

    assert [(one.tool, one.level, one.project_id) for one in needs] == [
        ("RFIs", "standard", 1001),
        ("RFIs", "read_only", 1002),
    ]


def test_requests_are_counted_for_each_item():
    kind = TYPES.get("procore.rfi.get")
    assert kind is not None
    one = kind.requests({"rfi_id": 7}, Setting(1001, FACTS.active_projects))
    get = {"key": "one", "type": "procore.rfi.get", "config": {"rfi_id": "{{ item.id }}"}}

    alone, with_each = found(OPEN), found(OPEN, each(get, max_items=7))

    assert with_each.requests_per_run == alone.requests_per_run + 7 * one


@pytest.mark.parametrize(
    ("trigger", "per_hour"),
    [
        (None, 0),
        ({"type": "manual"}, 0),
        ({"type": "schedule", "cron": "0 9 * * *", "timezone": "UTC"}, 10),
        ({"type": "schedule", "cron": "*/15 * * * *", "timezone": "UTC"}, 40),
        ({"type": "schedule", "cron": "no cron", "timezone": "UTC"}, 0),
        ({"type": "webhook", "source": "custom"}, EVENTS),
        ({"type": "poll", "resources": ["RFIs", "Submittals"], "every_s": 600}, 12 + EVENTS),
    ],
)  # fmt: skip
def test_requests_of_an_hour_follow_from_the_trigger(trigger, per_hour):
    found_trigger = None if trigger is None else Trigger.model_validate(trigger)

    assert requests_per_hour(found_trigger, 10, Limits()) == per_hour


APPROVED = "steps.ask.output.decision == 'approve'"
REJECTED = "steps.ask.output.decision == 'reject'"


@pytest.mark.parametrize(
    ("actions", "guards"),
    [
        ([ASK, LOG], {"note": ["ask"]}),
        ([LOG, {**ASK, "key": "ask"}, REPLY], {"note": [], "reply": ["ask"]}),
        ([ASK, {**LOG, "condition": REJECTED}, REPLY], {"note": [], "reply": ["ask"]}),
        ([ASK, {**LOG, "condition": APPROVED}], {"note": []}),
        ([ASK, {**LOG, "condition": "steps.ask.status == 'completed'"}], {"note": ["ask"]}),
        ([ASK, {**LOG, "config": {"text": "It is {{ steps.ask.output.decision }}"}}], {"note": ["ask"]}),
        ([ASK, {**ASK, "key": "second"}, LOG], {"note": ["ask", "second"]}),
        ([ASK, {**ASK, "key": "second"}, {**LOG, "condition": REJECTED}], {"note": ["second"]}),
        ([ASK, OPEN, LOG], {"open_rfis": [], "note": ["ask"]}),
    ],
)
def test_what_stands_after_an_approval_waits_for_its_yes_unless_it_asks_itself(actions, guards):
    by_key = {node.key: list(node.guarded_by) for node in plan(*actions).nodes}

    assert {key: by_key[key] for key in guards} == guards
