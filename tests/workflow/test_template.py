"""The workflows to start from: what they are, and how one becomes its user's."""

import sys
from pathlib import Path

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.document import read, write
from construction_mcp.workflow.template import Templates, fill
from construction_mcp.workflow.variables import variable_problems

PLUGINS = Path(__file__).parent.parent / "plugins"
OURS = [
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
]
TEMPLATES = Templates(Limits())
ALERT = TEMPLATES.get("rfi_overdue_alert")


def test_the_fourteen_are_there():
    assert [one.id for one in TEMPLATES.all()] == OURS
    assert TEMPLATES.problems == []


@pytest.mark.parametrize("template", TEMPLATES.all(), ids=lambda one: one.id)
def test_a_template_explains_itself_and_is_a_document_people_can_keep(template):
    assert len({one.title for one in TEMPLATES.all()}) == len(OURS)
    assert template.summary.endswith(".")
    assert all(tag == tag.lower() for tag in template.tags)
    assert all(one.description for one in template.variables.values())
    assert template.definition.description
    assert read(write(template.definition, "yaml"), Limits()) == template.definition


def test_one_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(Invalid) as refused:
        TEMPLATES.get("overdue_rfi_alert")

    assert refused.value.details["nearest"][0] == "rfi_overdue_alert"


def test_filling_gives_the_users_own_workflow_and_leaves_the_template_alone():
    filled = fill(
        ALERT,
        {"notify_to": ["pat@builder.com"], "projects": [1001]},
        name="Late RFIs of Riverside",
        project_id=1001,
        trigger={"cron": "0 7 * * 1-5", "timezone": "Europe/Berlin"},
    )

    assert filled.name == "Late RFIs of Riverside"
    assert filled.project_id == 1001
    assert {name: one.value for name, one in filled.variables.items()} == {
        "notify_to": ["pat@builder.com"],
        "projects": [1001],
    }
    assert (filled.trigger.cron, filled.trigger.timezone) == ("0 7 * * 1-5", "Europe/Berlin")
    assert filled.actions == ALERT.definition.actions
    assert ALERT.definition.variables["notify_to"].value is None


def test_several_addresses_may_be_written_as_one_text():
    filled = fill(ALERT, {"notify_to": "pat@builder.com; sam@builder.com"})

    assert filled.variables["notify_to"].value == ["pat@builder.com", "sam@builder.com"]


def test_what_is_still_missing_stays_for_the_compiler_to_name():
    filled = fill(ALERT, {"projects": None})

    found = list(variable_problems(filled.variables))

    assert [(one.path, one.code) for one in found] == [("variables.notify_to.value", "VARIABLE_VALUE_MISSING")]


def test_a_value_for_no_variable_is_refused_with_the_nearest_name():
    with pytest.raises(Invalid) as refused:
        fill(ALERT, {"notify": ["pat@builder.com"]})

    assert refused.value.code == "VALIDATION_UNKNOWN_FIELD"
    assert refused.value.details["nearest"] == ["notify_to"]


def test_every_value_that_does_not_fit_is_named():
    with pytest.raises(Invalid) as refused:
        fill(ALERT, {"notify_to": ["pat"], "projects": "some"})

    assert [one["field"] for one in refused.value.details["problems"]] == ["notify_to", "projects"]


def test_a_trigger_field_that_does_not_exist_is_refused():
    with pytest.raises(Invalid, match="time_zone"):
        fill(ALERT, {}, trigger={"time_zone": "Europe/Berlin"})


def test_an_outside_package_adds_templates_without_being_executed(monkeypatch):
    monkeypatch.syspath_prepend(str(PLUGINS))

    templates = Templates(Limits())

    assert templates.get("pour_watch").title == "Pour watch"
    assert "outside_templates" not in sys.modules


def test_what_an_outside_package_gets_wrong_is_told_and_hides_nothing(monkeypatch):
    monkeypatch.syspath_prepend(str(PLUGINS))
    templates = Templates(Limits())

    assert [one.id for one in templates.all()] == sorted([*OURS, "pour_watch"])
    assert templates.get("rfi_overdue_alert").title == ALERT.title
    assert sorted(one.id for one in templates.problems) == ["half_done", "rfi_overdue_alert"]
