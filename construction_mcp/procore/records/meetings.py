"""Meetings. Source: endpoints `/rest/v1.1/.../meetings`; FACTS 10.4: the list comes in groups, one per series, or bare.

A group holds only those of its meetings that fell on the page, so series are put together here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from construction_mcp.procore.records.families import Family, Reading
from construction_mcp.procore.records.fields import day, moment, people, person, text
from construction_mcp.procore.responses import number_or_none

_SERIES = "group_title"


@dataclass(frozen=True, slots=True)
class Topic:
    """One agenda item with its minutes."""

    number: str | None
    title: str | None
    status: str | None
    category: str | None
    assignees: list[str]
    due_date: date | None
    minutes: str | None


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting; an agenda until it took place, then minutes. Those after `web_url` a list tells only when asked."""

    id: int
    title: str | None
    series: str | None
    mode: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    location: str | None
    topic_count: int | None
    web_url: str
    description: str | None = None
    conclusion: str | None = None
    attendees: list[str] | None = None
    topics: list[Topic] | None = None
    updated_at: datetime | None = None


def ungrouped(groups: Sequence[Any]) -> list[Mapping[str, Any]]:
    """The meetings of all groups, each with the title of its series."""
    rows: list[Mapping[str, Any]] = []
    for group in groups:
        if not isinstance(group, Mapping):
            continue
        inside = group.get("meetings")
        if isinstance(inside, list):
            rows += [{**row, _SERIES: group.get(_SERIES)} for row in inside if isinstance(row, Mapping)]
        else:
            rows.append(group)
    return rows


def latest_first(meeting: Meeting) -> tuple[bool, float, int]:
    """By their start, those without one last."""
    return (meeting.starts_at is None, -(meeting.starts_at.timestamp() if meeting.starts_at else 0.0), meeting.id)


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Meeting:
    item_id, title, series = number_or_none(raw.get("id")) or 0, text(raw.get("title")), text(raw.get(_SERIES))
    topics = _topics(raw)
    counted = number_or_none(raw.get("meeting_topics_count"))
    rows = raw.get("attendees")
    attended = [row.get("login_information") for row in rows if isinstance(row, Mapping)] if rows else []
    return Meeting(
        id=item_id,
        title=title,
        series=series if series != title else None,
        mode=text(raw.get("mode")),
        starts_at=moment(raw.get("starts_at")),
        ends_at=moment(raw.get("ends_at")),
        location=text(raw.get("location")),
        topic_count=len(topics) if counted is None and topics else counted,
        web_url=reading.web_url("meetings", item_id),
        description=text(raw.get("description")),
        conclusion=text(raw.get("conclusion")),
        attendees=people(attended),
        topics=topics,
        updated_at=moment(raw.get("updated_at")),
    )


def _topics(raw: Mapping[str, Any]) -> list[Topic]:
    """Topics lie in categories of the meeting's own page; the list has none."""
    categories = raw.get("meeting_categories")
    return [
        _topic(row, text(category.get("title")))
        for category in (categories if isinstance(categories, list) else [])
        if isinstance(category, Mapping)
        for row in category.get("meeting_topic") or category.get("meeting_topics") or []
        if isinstance(row, Mapping)
    ]


def _topic(raw: Mapping[str, Any], category: str | None) -> Topic:
    return Topic(
        number=text(raw.get("number")),
        title=text(raw.get("title")),
        status=text(raw.get("status")),
        category=category or person(raw.get("meeting_category")),
        assignees=people(raw.get("assignments")),
        due_date=day(raw.get("due_date")),
        minutes=text(raw.get("minutes")),
    )


MEETINGS = Family("/rest/v1.1/projects/{project_id}/meetings", _shape, ungrouped)
