"""Differences between versions, as a person would say them."""

from typing import Any

import pytest

from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.diff import changes

LIST = {"key": "open", "type": "procore.rfi.list", "config": {"status": "open"}}
ALERT = {"key": "alert", "type": "notify.email", "config": {"to": "a@b.example"}}
SCHEDULE = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}
BASE: dict[str, Any] = {"name": "Overdue", "trigger": SCHEDULE, "actions": [LIST]}


def said(**after: Any) -> list[str]:
    return changes(Definition.model_validate(BASE), Definition.model_validate({**BASE, **after}))


def test_the_same_is_no_change():
    assert said() == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"name": "Late"}, "renames it from Overdue to Late"),
        ({"description": "New"}, "changes the description"),
        ({"project_id": 7}, "sets project_id to 7"),
        ({"actions": [LIST, ALERT]}, "adds action alert (notify.email)"),
        ({"actions": [ALERT]}, "removes action open (procore.rfi.list)"),
        ({"trigger": {**SCHEDULE, "cron": "0 7 * * *"}}, "changes cron from 0 9 * * 1-5 to 0 7 * * *"),
        ({"trigger": {**SCHEDULE, "overlap": "skip"}}, "sets overlap to skip"),
        (
            {"trigger": {"type": "manual"}},
            "starts when somebody runs it instead of every weekday at 09:00 in America/Chicago",
        ),
        ({"trigger": None}, "starts by nothing instead of every weekday at 09:00 in America/Chicago"),
        ({"variables": {"to": {"type": "email"}}}, "adds variable to (email)"),
        ({"actions": [{**LIST, "config": {"status": "any"}}]}, "changes status of open from open to any"),
        ({"actions": [{**LIST, "config": {}}]}, "removes status of open, which was open"),
        ({"actions": [{**LIST, "condition": "true"}]}, "sets condition of open to true"),
        ({"actions": [{**LIST, "type": "notify.log"}]}, "makes open a notify.log instead of a procore.rfi.list"),
    ],
)
def test_each_kind_of_change_has_its_words(after, words):
    assert words in said(**after)


def test_a_new_value_of_a_variable_names_the_variable():
    before = Definition.model_validate({**BASE, "variables": {"to": {"type": "email", "value": "a@b.example"}}})
    after = Definition.model_validate({**BASE, "variables": {"to": {"type": "email", "value": "c@b.example"}}})

    assert changes(before, after) == ["changes to from a@b.example to c@b.example"]
    assert changes(after, Definition.model_validate(BASE)) == ["removes variable to"]


def test_another_order_is_told():
    two = Definition.model_validate({**BASE, "actions": [LIST, ALERT]})
    turned = Definition.model_validate({**BASE, "actions": [ALERT, LIST]})

    assert changes(two, turned) == ["changes the order of actions to alert, open"]


def test_whom_it_reaches_comes_first():
    before = [{"kind": "mail", "target": "a@b.example", "max_per_run": None}]
    after = [
        {"kind": "mail", "target": "a@b.example", "max_per_run": None},
        {"kind": "mail", "target": "x@b.example", "max_per_run": None},
        {"kind": "mail", "target": "@b.example", "max_per_run": 5},
        {"kind": "slack", "target": "hooks.slack.com", "max_per_run": None},
        {"kind": "procore", "target": "rfi.reply in project 1001", "max_per_run": None},
    ]
    one, other = Definition.model_validate(BASE), Definition.model_validate({**BASE, "name": "Late"})

    assert changes(one, other, before, after) == [
        "mails 2 more addresses: @b.example (at most 5 per run), x@b.example",
        "also changes Procore: rfi.reply in project 1001",
        "also posts to slack: hooks.slack.com",
        "renames it from Overdue to Late",
    ]
    assert changes(one, one, after[:2], before) == ["no longer mails x@b.example"]


def test_long_values_are_cut():
    (words,) = said(actions=[{**LIST, "condition": "a" * 500}])

    assert len(words) < 120
