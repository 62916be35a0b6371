"""What is said about a trigger before it is deployed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.workflow.cron import Cron, CronMistake, read_cron
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.facts import Facts, Host
from construction_mcp.workflow.problems import Problem
from construction_mcp.workflow.triggers import READS, trigger_problems, trigger_schema

WEEKDAYS = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}
HOOK = {"type": "webhook", "source": "procore", "resources": ["RFIs"]}
CUSTOM = {"type": "webhook", "source": "custom"}
POLL = {"type": "poll", "resources": ["RFIs"]}
SERVER = Host()
LAPTOP = Host(always_on=False, public=False)


def problems(shape: dict[str, Any] | None, host: Host = SERVER) -> list[Problem]:
    trigger = None if shape is None else Trigger.model_validate(shape)
    return list(trigger_problems(trigger, Facts("simulator", 1, host)))


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "manual"},
        WEEKDAYS,
        {**WEEKDAYS, "catch_up": "all", "catch_up_within_h": 24, "overlap": "queue", "jitter_s": 0},
        {**WEEKDAYS, "calendar": "working_days", "holidays": ["2026-12-25"]},
        {**WEEKDAYS, "cron": "0 0 29 2 *", "calendar": "working_days"},
        {**WEEKDAYS, "cron": "0 8 * * mon#1", "timezone": "US/Central"},
        HOOK,
        {**HOOK, "resources": ["rfis", "Budget Changes"], "events": ["create"], "filter": "event.project_id == 1"},
        CUSTOM,
        POLL,
        {**POLL, "every_s": 600, "events": ["update", "delete"]},
    ],
)
def test_nothing_is_said_of_a_trigger_that_is_right(shape):
    assert problems(shape) == []


@pytest.mark.parametrize(
    ("shape", "path", "code", "told"),
    [
        (None, "trigger", "TRIGGER_MISSING", "manual, schedule, webhook or poll"),
        ({"type": "schedule", "cron": "0 9 * * *"}, "trigger.timezone", "TRIGGER_FIELD_MISSING", "timezone"),
        ({**HOOK, "resources": []}, "trigger.resources", "TRIGGER_FIELD_MISSING", "resources"),
        ({**CUSTOM, "resources": ["RFIs"]}, "trigger.resources", "TRIGGER_FIELD_UNUSED", "webhook custom"),
        ({"type": "manual", "cron": "0 9 * * *"}, "trigger.cron", "TRIGGER_FIELD_UNUSED", "manual"),
        ({**POLL, "source": "procore"}, "trigger.source", "TRIGGER_FIELD_UNUSED", "poll"),
        ({**WEEKDAYS, "holidays": ["2026-12-25"]}, "trigger.holidays", "TRIGGER_FIELD_UNUSED", "working_days"),
        ({**WEEKDAYS, "cron": "0 25 * * *"}, "trigger.cron", "CRON_INVALID", "The hour is '25'. Allowed: 0-23"),
        ({**WEEKDAYS, "cron": "0 9 * * MONDAY"}, "trigger.cron", "CRON_INVALID", "SUN-SAT"),
        ({**WEEKDAYS, "cron": "0 9 ? * 1-5"}, "trigger.cron", "CRON_INVALID", "day-of-month is '?'. Write *"),
        ({**WEEKDAYS, "cron": "0 0 9 * * 1-5"}, "trigger.cron", "CRON_INVALID", 'without seconds it is "0 9 * * 1-5"'),
        ({**WEEKDAYS, "cron": "0 9 * *"}, "trigger.cron", "CRON_INVALID", "4 fields; five are needed"),
        ({**WEEKDAYS, "cron": "@daily"}, "trigger.cron", "CRON_INVALID", 'Write "0 0 * * *"'),
        ({**WEEKDAYS, "cron": "@reboot"}, "trigger.cron", "CRON_INVALID", "five are needed"),
        ({**WEEKDAYS, "cron": "every day at 9"}, "trigger.cron", "CRON_INVALID", "five are needed"),
        ({**WEEKDAYS, "cron": "0 0 31 2 *"}, "trigger.cron", "CRON_NEVER", "No month that it names has a day 31."),
        ({**WEEKDAYS, "cron": "0 0 31 4,6,SEP *"}, "trigger.cron", "CRON_NEVER", "day 31"),
        ({**WEEKDAYS, "cron": "0 0 */30 2 1#5"}, "trigger.cron", "CRON_NEVER", "No day ever matches"),
        ({**WEEKDAYS, "cron": "0 9 * * 6", "calendar": "working_days"}, "trigger.cron", "CRON_NEVER", "working day"),
        ({**WEEKDAYS, "timezone": "CST"}, "trigger.timezone", "ZONE_UNKNOWN", "Did you mean America/Chicago?"),
        ({**WEEKDAYS, "timezone": "Chicago"}, "trigger.timezone", "ZONE_UNKNOWN", "Did you mean America/Chicago?"),
        ({**WEEKDAYS, "timezone": "Central"}, "trigger.timezone", "ZONE_UNKNOWN", "Did you mean America/Chicago?"),
        ({**WEEKDAYS, "timezone": "Dallas"}, "trigger.timezone", "ZONE_UNKNOWN", "Did you mean America/Chicago?"),
        ({**WEEKDAYS, "timezone": "America/Chicgo"}, "trigger.timezone", "ZONE_UNKNOWN", "America/Chicago"),
        ({**WEEKDAYS, "timezone": "america/chicago"}, "trigger.timezone", "ZONE_UNKNOWN", "America/Chicago"),
        ({**WEEKDAYS, "timezone": "Eastern Time (US & Canada)"}, "trigger.timezone", "ZONE_UNKNOWN", "New_York"),
        ({**WEEKDAYS, "timezone": "right/America/Chicago"}, "trigger.timezone", "ZONE_UNKNOWN", "America/Chicago"),
        ({**WEEKDAYS, "timezone": "localtime"}, "trigger.timezone", "ZONE_UNKNOWN", "no time zone"),
        ({**WEEKDAYS, "timezone": "Mars/Phobos"}, "trigger.timezone", "ZONE_UNKNOWN", "as America/Chicago"),
        ({**HOOK, "resources": ["RFI"]}, "trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", "Did you mean RFIs"),
        ({**HOOK, "resources": ["Observations"]}, "trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", "Observation Items"),
        ({**HOOK, "resources": ["punch_item"]}, "trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", "Punch Items"),
        ({**HOOK, "resources": ["Submitals"]}, "trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", "Submittals"),
        ({**HOOK, "resources": ["Xylophones"]}, "trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", "as RFIs"),
        (
            {**HOOK, "resources": ["Project Users"], "events": ["update"]},
            "trigger.events",
            "TRIGGER_EVENT_UNKNOWN",
            "create or delete",
        ),
        ({**POLL, "resources": ["Cost Codes"]}, "trigger.resources", "TRIGGER_RESOURCE_NOT_POLLED", "a public URL"),
        ({**POLL, "resources": ["Meetings"]}, "trigger.resources", "TRIGGER_RESOURCE_NOT_POLLED", "a public URL"),
        ({**POLL, "events": ["delete"]}, "trigger.events", "TRIGGER_EVENT_UNKNOWN", "create or update"),
    ],
)
def test_one_mistake_gives_one_error_with_its_place_and_its_fix(shape, path, code, told):
    found = problems(shape)

    assert [(one.path, one.code, one.severity) for one in found] == [(path, code, "error")]
    assert told in f"{found[0].message} {found[0].fix}"


def test_every_mistake_is_told_at_once():
    found = problems({"type": "schedule", "cron": "0 9 * * 9", "timezone": "CST", "resources": ["RFIs"]})

    assert {one.code for one in found} == {"CRON_INVALID", "ZONE_UNKNOWN", "TRIGGER_FIELD_UNUSED"}


def test_a_zone_without_summer_time_is_warned_of():
    found = problems({**WEEKDAYS, "timezone": "EST"})

    assert [(one.code, one.severity) for one in found] == [("ZONE_WITHOUT_SUMMER_TIME", "warning")]
    assert "America/New_York" in found[0].fix


@pytest.mark.parametrize(
    ("shape", "host", "expected"),
    [
        (WEEKDAYS, LAPTOP, [("HOST_NOT_ALWAYS_ON", "warning")]),
        (POLL, LAPTOP, [("HOST_NOT_ALWAYS_ON", "warning")]),
        (HOOK, LAPTOP, [("WEBHOOK_NO_PUBLIC_URL", "warning")]),
        (CUSTOM, LAPTOP, [("WEBHOOK_NO_PUBLIC_URL", "error")]),
        ({"type": "manual"}, LAPTOP, []),
        (HOOK, Host(always_on=True, public=False), [("WEBHOOK_NO_PUBLIC_URL", "warning")]),
        (WEEKDAYS, Host(always_on=True, public=False), []),
        (HOOK, Host(), []),
        (CUSTOM, Host(), []),
    ],
)
def test_what_the_host_cannot_do_is_said_where_it_matters(shape, host, expected):
    assert [(one.code, one.severity) for one in problems(shape, host)] == expected


def test_a_kind_that_only_webhooks_tell_of_needs_a_public_address():
    found = problems({**HOOK, "resources": ["Cost Codes"]}, LAPTOP)

    assert [one.code for one in found] == ["TRIGGER_RESOURCE_NOT_POLLED", "WEBHOOK_NO_PUBLIC_URL"]


@given(st.text(max_size=60) | st.text("0123456789*/,-#LW MONJA?", max_size=40))
def test_any_text_is_a_cron_or_a_mistake_with_a_fix(text):
    found = read_cron(text)

    assert isinstance(found, Cron) or (isinstance(found, CronMistake) and found.message and found.fix)


# What expressions see


TYPES = Catalogue()


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ({"type": "manual"}, {"type", "at", "input"}),
        (WEEKDAYS, {"type", "at", "input"}),
        (CUSTOM, {"type", "at", "input", "body"}),
        (HOOK, {"type", "at", "input", "event", "record"}),
        (POLL, {"type", "at", "input", "event", "record"}),
    ],
)
def test_expressions_see_what_such_a_trigger_brings(shape, fields):
    schema = trigger_schema(Trigger.model_validate(shape), TYPES)

    assert set(schema["properties"]) == fields
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("shape", [None, {"type": "webhook"}])
def test_nothing_is_refused_of_a_trigger_that_is_not_known_yet(shape):
    """That it is missing is told once, not again at every expression."""
    assert trigger_schema(None if shape is None else Trigger.model_validate(shape), TYPES) == {}


@pytest.mark.parametrize("resource", READS)
def test_a_record_has_the_fields_of_what_reads_it(resource):
    trigger = Trigger.model_validate({**HOOK, "resources": [resource.lower()]})

    record, null = trigger_schema(trigger, TYPES)["properties"]["record"]["anyOf"]

    assert {"id", "web_url"} <= set(record["properties"])
    assert record["additionalProperties"] is False
    assert null == {"type": "null"}


@pytest.mark.parametrize("resources", [["RFIs", "Submittals"], ["Cost Codes"], []])
def test_a_record_of_unknown_or_mixed_kind_may_be_anything(resources):
    trigger = Trigger.model_validate({**HOOK, "resources": resources})

    assert trigger_schema(trigger, TYPES)["properties"]["record"] == {}
