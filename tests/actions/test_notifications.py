"""The notification templates say something, and need exactly the data they show."""

import re

import pytest
from jsonschema import Draft202012Validator

from construction_mcp.actions import notifications

WORKFLOWS = {  # the templates of PRODUCT.md's workflows, which each say something to somebody
    "change_event_review",
    "daily_log_digest_to_owner",
    "daily_log_reminder",
    "inspection_failed_follow_up",
    "meeting_action_item_chaser",
    "new_rfi_notification",
    "rfi_overdue_alert",
    "rfi_response_draft_with_approval",
    "safety_observation_alert",
    "submittal_approved_notification",
    "submittal_due_soon_escalation",
    "submittal_status_digest",
    "weather_delay_log",
    "weekly_project_summary",
}


def holes(text: str) -> list[str]:
    return re.findall(r"\{\{(.+?)\}\}", text)


def test_every_workflow_that_tells_somebody_has_its_words() -> None:
    assert set(notifications.names()) >= WORKFLOWS


@pytest.mark.parametrize("name", notifications.names())
def test_a_template_shows_the_data_it_asks_for_and_nothing_else(name: str) -> None:
    template = notifications.load(name)
    outside = [*holes(template.subject), *holes(template.text), *(section.items for section in template.sections)]
    inside = [hole for section in template.sections for hole in (*holes(section.line), section.link or "")]

    shown = {found for text in outside for found in re.findall(r"\bdata\.(\w+)", text)}
    assert shown == set(template.data)
    assert not any("item" in re.findall(r"\b\w+", text) for text in outside)
    assert all(text.lstrip().startswith(("item.", "join(item.")) for text in inside if text)


@pytest.mark.parametrize("name", notifications.names())
def test_a_template_with_lists_has_words_for_when_they_are_empty(name: str) -> None:
    template = notifications.load(name)

    assert bool(template.sections) == (template.none is not None)
    assert template.subject
    assert "\n" not in template.subject
    assert template.text


@pytest.mark.parametrize("name", notifications.names())
def test_what_a_template_asks_for_is_described_by_a_json_schema(name: str) -> None:
    for schema in notifications.load(name).data.values():
        Draft202012Validator.check_schema(schema)
        assert schema["description"]
