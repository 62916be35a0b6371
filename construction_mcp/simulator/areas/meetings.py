"""Meetings: the v1.1 list is grouped by series (FACTS 10.4); topics live in categories of one meeting."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, missing
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import (
    UPLOADS,
    USERS,
    Field,
    all_of,
    day,
    flag,
    instant,
    link,
    one_of,
    text,
    texts,
    whole,
)
from construction_mcp.simulator.filters import keep, with_deleted
from construction_mcp.simulator.operations import RecordType, create, creating, showing, shown, update, updating
from construction_mcp.simulator.paging import V1_PAGES, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import people, plain, render
from construction_mcp.simulator.world import World


def _topics(world: World, meeting: Record) -> list[Record]:
    return world.table("meeting_topic", meeting.scope).children(meeting.id)


def _mode(_world: World, record: Record) -> str:
    """An agenda until it took place, then minutes."""
    return "minutes" if record["occurred"] else "agenda"


ROW = plain(
    "id title location description starts_at ends_at occurred is_private position created_by_id created_at updated_at"
) | {
    "mode": _mode,
    "parent_id": shape.const(None),
    "meeting_topics_count": lambda world, record: len(_topics(world, record)),
}


def _attendees(world: World, record: Record) -> list[dict[str, Any]]:
    status = "Present" if record["occurred"] else None
    return [
        {"id": record.id * 10 + place, "status": status, "login_information": shape.as_person(shape.user(world, each))}
        for place, each in enumerate(record["attendee_ids"] or (), start=1)
    ]


def _categories(world: World, record: Record) -> list[dict[str, Any]]:
    rows = []
    topics = [each for each in _topics(world, record) if not each.is_deleted]
    for category in world.table("meeting_category", record.scope):
        mine = [render(world, each, TOPIC) for each in topics if each["meeting_category_id"] == category.id]
        title, position = category["title"], category["position"]
        rows.append({"id": category.id, "title": title, "position": position, "meeting_topic": mine})
    return rows


SHOW = plain(
    "id title location description conclusion starts_at ends_at time_zone occurred is_private is_draft position"
    " created_by_id created_at updated_at"
) | {
    "mode": _mode,
    "attachments": shape.attachments,
    "attendees": _attendees,
    "meeting_categories": _categories,
}


def _category(world: World, record: Record) -> dict[str, Any] | None:
    found = world.find("meeting_category", record.scope, record["meeting_category_id"])
    return {"id": found.id, "title": found["title"]} if found else None


TOPIC = plain("id number created_on position due_date priority status title minutes description") | {
    "meeting_category": _category,
    "assignments": people("assignment_ids"),
    "attachments": shape.attachments,
}


MEETING = RecordType(
    kind="meeting",
    wrapper="meeting",
    hook_name="Meetings",
    required=("position", "starts_at", "ends_at"),
    fields=texts("title location minutes conclusion time_zone")
    | all_of(flag, "occurred is_private is_draft")
    | all_of(instant, "starts_at ends_at")
    | {
        "overview": Field(text, stored="description"),
        "position": Field(whole),
        "attendees": Field(USERS.read, stored="attendee_ids"),
        "upload_ids": UPLOADS,
    },
    fill=lambda call, body: {
        "title": "Meeting",
        "occurred": False,
        "is_private": False,
        "is_draft": False,
        "attendee_ids": [],
        "time_zone": call.project["time_zone"],
        **body,
    },
)

TOPIC_TYPE = RecordType(
    kind="meeting_topic",
    wrapper="meeting_topic",
    hook_name="Meeting Topics",
    fields=texts("title description minutes")
    | {
        "due_date": Field(day),
        "status": Field(one_of("Open", "On Hold", "Closed")),
        "priority": Field(one_of("", "High", "Medium", "Low")),
        "is_private": Field(flag),
        "meeting_category_id": Field(link("meeting_category")),
        "assignment_ids": USERS,
        "upload_ids": UPLOADS,
    },
)


def list_meetings(call: Call) -> Answer:
    """One group per series; pages count meetings, not groups."""
    table = call.world.table("meeting", call.project.id)
    rows = [each for each in table if each.is_deleted] if call.flag("deleted_only") else with_deleted(call, table)
    kept = keep(call, rows, {"id": filters.record_id, "assignee_id": filters.holds("attendee_ids")})
    page, headers = cut_page(call, kept, V1_PAGES)
    groups: dict[str, list[dict[str, Any]]] = {}
    for meeting in page:
        groups.setdefault(meeting["title"], []).append(render(call.world, meeting, ROW))
    return Answer(200, [{"group_title": title, "meetings": rows} for title, rows in groups.items()], headers)


def _meeting(call: Call) -> Record:
    meeting_id = call.whole("meeting_id")
    if meeting_id is None:
        raise missing("meeting_id")
    return call.find("meeting", call.project.id, meeting_id)


def create_topic(call: Call) -> Answer:
    meeting = _meeting(call)
    number = len(_topics(call.world, meeting)) + 1
    start = {"number": str(number), "position": number, "status": "Open", "priority": None, "assignment_ids": []}
    topic = create(call, TOPIC_TYPE, call.wrapped("meeting_topic"), parent=meeting.id)
    topic = call.world.change(topic, {**start, "created_on": call.now[:10], **_given(topic)})
    return shown(call, topic, TOPIC, 201)


def _given(topic: Record) -> dict[str, Any]:
    return {name: value for name, value in topic.body.items() if value is not None}


def update_topic(call: Call) -> Answer:
    meeting = _meeting(call)
    topic = call.find("meeting_topic", meeting.scope, call.id_in_path())
    return shown(call, update(call, TOPIC_TYPE, topic, call.wrapped("meeting_topic")), TOPIC)


BASE = "/rest/v1.1/projects/{project_id}"
ROUTES = (
    Route("GET", BASE + "/meetings", list_meetings),
    Route("POST", BASE + "/meetings", creating(MEETING, SHOW), "standard"),
    Route("GET", BASE + "/meetings/{id}", showing("meeting", SHOW)),
    Route("PATCH", BASE + "/meetings/{id}", updating(MEETING, SHOW), "standard"),
    Route("POST", BASE + "/meeting_topics", create_topic, "standard"),
    Route("PATCH", BASE + "/meeting_topics/{id}", update_topic, "standard"),
)
