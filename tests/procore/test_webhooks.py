"""Deliveries of every payload version become one shape."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.core.errors import Invalid
from construction_mcp.procore.webhooks import Event, read_event

V2 = {
    "id": 55,
    "ulid": "01HZX3V9K2M4N6P8Q0R2S4T6V8",
    "timestamp": "2026-03-02T15:00:00.123456Z",
    "metadata": {"source_user_id": 9, "source_project_id": 7, "source_company_id": 1, "source_application_id": 77},
    "user_id": 9,
    "company_id": 1,
    "project_id": 7,
    "api_version": "v2.0",
    "event_type": "update",
    "resource_name": "RFIs",
    "resource_id": 42,
}
V4 = {
    "id": "01HZX3V9K2M4N6P8Q0R2S4T6V8",
    "timestamp": "2026-03-02T15:00:00.123456Z",
    "reason": "UPDATE",
    "company_id": "1",
    "project_id": "7",
    "user_id": "9",
    "resource_type": "RFIs",
    "resource_id": "42",
}
SAME = {
    "id": "01HZX3V9K2M4N6P8Q0R2S4T6V8",
    "resource_name": "RFIs",
    "event_type": "update",
    "resource_id": 42,
    "company_id": 1,
    "project_id": 7,
    "user_id": 9,
    "at": datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("body", "version", "application"),
    [(V2, "v2.0", 77), ({**V2, "api_version": "v3.0", "related_resources": []}, "v3.0", 77), (V4, "v4.0", None)],
    ids=["v2", "v3", "v4"],
)
def test_every_version_says_the_same(body, version, application):
    assert read_event(body) == Event(**SAME, payload_version=version, application_id=application)


def test_the_id_of_an_old_payload_serves_where_there_is_no_ulid():
    assert read_event({**V2, "ulid": None}).id == "55"


def test_a_name_that_carries_its_type_is_taken_apart():
    """Newer events: `Document Upload.Completed`."""
    event = read_event({"id": "01J", "resource_type": "Document Upload.Created", "resource_id": "01ABC"})

    assert (event.resource_name, event.event_type, event.resource_id) == ("Document Upload", "create", "01ABC")


def test_what_the_payload_leaves_out_comes_from_its_metadata():
    bare = {key: value for key, value in V2.items() if key not in ("company_id", "project_id", "user_id")}

    event = read_event(bare)

    assert (event.company_id, event.project_id, event.user_id) == (1, 7, 9)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("RFIs", "rfis"),
        ("RFI Replies", "rfis"),
        ("Submittal Packages", "submittals"),
        ("Manpower Logs", "daily_logs"),
        ("Daily Log/Entries", "daily_logs"),
        ("Timecard Entries", "daily_logs"),
        ("Punch Items", "punch_items"),
        ("Observation Items", "observations"),
        ("Observation Item Response Logs", "observations"),
        ("Inspection Checklists", "checklist"),
        ("Project Users", "users"),
        ("Project Folders", "documents"),
        ("Change Event Line Items", "change_events"),
        ("ToDos", "todos"),
    ],
)
def test_an_event_names_the_kind_its_reads_are_tagged_with(name, kind):
    event = read_event({**V2, "resource_name": name})

    assert event.kind == kind
    assert event.tags == {f"project:7:{kind}"}


def test_a_company_event_touches_the_companys_reads():
    event = read_event({**V2, "resource_name": "Company Users", "project_id": None, "metadata": None})

    assert event.tags == {"company:1:users"}
    assert read_event({**V2, "resource_name": "Projects"}).tags == {"company:1:projects"}


@pytest.mark.parametrize("missing", ["resource_name", "event_type", "ids"])
def test_a_delivery_without_event_resource_or_type_is_refused(missing):
    gone = {"ids": ("id", "ulid")}.get(missing, (missing,))

    with pytest.raises(Invalid):
        read_event({key: value for key, value in V2.items() if key not in gone})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*V2, *V4]), ANYTHING) | ANYTHING)
def test_no_body_breaks_the_reading(body):
    try:
        event = read_event(body)
    except Invalid:
        return
    assert event.id
    assert all(isinstance(number, int | None) for number in (event.company_id, event.project_id, event.user_id))
