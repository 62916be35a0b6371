"""The notification templates say something, and show what their data really holds."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from construction_mcp.actions import notifications
from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.actions.shapes import closed, element
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Checked, Schema, Scope
from construction_mcp.expressions.templates import parse

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
ENGINE = CelEngine()


def given_by(name: str, *path: str) -> Schema:
    """What a step of that type gives, at a path into its output."""
    found = Catalogue().describe(name)
    assert found is not None
    schema: Schema = found["output"]
    for part in path:
        schema = schema["properties"][part]
    return schema


RECORDS = {
    "rfis": given_by("procore.rfi.list", "items"),
    "rfi": given_by("procore.rfi.get", "item"),
    "submittals": given_by("procore.submittal.list", "items"),
    "submittal": given_by("procore.submittal.get", "item"),
    "punch_items": given_by("procore.punch_item.list", "items"),
    "observation": given_by("procore.observation.get", "item"),
    "inspection": given_by("procore.inspection.get", "item"),
    "change_events": given_by("procore.change_event.list", "items"),
    "entries": given_by("procore.daily_log.list", "items"),
    "topics": given_by("procore.meeting.get", "item", "topics"),
}


def holes(text: str) -> list[str]:
    return [hole.text for hole in parse(text).holes]


def checked(text: str, **names: Schema) -> Any:
    """The expression as the engine understands it, or its mistakes."""
    return ENGINE.check(text, Scope(names))


def test_every_workflow_that_tells_somebody_has_its_words() -> None:
    assert set(notifications.names()) >= WORKFLOWS


@pytest.mark.parametrize("name", notifications.names())
def test_everything_a_template_shows_is_in_the_records_it_is_given(name: str) -> None:
    template = notifications.load(name)
    data = closed(**{field: RECORDS.get(field, schema) for field, schema in template.data.items()})

    outside = [*holes(template.subject), *holes(template.text), *filter(None, [template.link])]
    said = [checked(hole, data=data) for hole in outside]
    for section in template.sections:
        items = checked(section.items, data=data)
        assert isinstance(items, Checked)
        lines = [*holes(section.line), *filter(None, [section.link])]
        said += [checked(line, item=element(items.result)) for line in lines]
    assert [one for one in said if not isinstance(one, Checked)] == []


@pytest.mark.parametrize("name", notifications.names())
def test_a_template_asks_for_nothing_it_does_not_show(name: str) -> None:
    template = notifications.load(name)
    outside = " ".join([template.subject, template.text, *(section.items for section in template.sections)])

    assert set(re.findall(r"\bdata\.(\w+)", outside)) == set(template.data)


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


@pytest.mark.parametrize("name", notifications.names())
def test_the_sample_is_such_data(name: str) -> None:
    """Only the fields that are shown: a whole record would hide what the preview is about."""
    template = notifications.load(name)

    assert template.sample.keys() == template.data.keys()
    for field, value in template.sample.items():
        Draft202012Validator(template.data[field]).validate(value)
        for record in value if isinstance(value, list) else [value]:
            known = element(RECORDS[field]) or RECORDS[field] if field in RECORDS else {}
            for key, one in record.items() if isinstance(record, dict) else ():
                Draft202012Validator(properties_of(known)[key]).validate(one)


def properties_of(schema: Schema) -> Schema:
    """The fields of a record, whichever way its schema says so."""
    found: Schema = next(one["properties"] for one in (schema, *schema.get("anyOf", ())) if "properties" in one)
    return found
