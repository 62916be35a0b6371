"""Incidents. Source: endpoints `.../incidents`; FACTS 7: `event_date` is UTC, local midnight if the time is unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import moment, people, person, text
from construction_mcp.procore.responses import number_or_none

Status = Literal["open", "closed", "any"]

_PARTS = ("injuries", "near_misses", "environmentals", "property_damages", "actions", "witness_statements")


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. `event_at` is UTC; with `time_unknown` only its day counts.

    Those after `web_url` a list tells only when asked; `parts` counts injuries, actions, statements and the like.
    """

    id: int
    number: int | None
    title: str | None
    status: str | None
    event_at: datetime | None
    time_unknown: bool
    recordable: bool
    location: str | None
    web_url: str
    description: str | None = None
    created_by: str | None = None
    distribution: list[str] | None = None
    parts: Mapping[str, int] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def list_query(
    *, status: Status, recordable: bool | None, search: str | None, happened_since: date | None
) -> dict[str, Any]:
    """What Procore itself can filter by, latest first."""
    wanted = None if status == "any" else [status]
    asked = filters_of(status=wanted, recordable=recordable, query=search, event_date=since(happened_since))
    return {**asked, "sort": "-event_date"}


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Incident:
    item_id = number_or_none(raw.get("id")) or 0
    return Incident(
        id=item_id,
        number=number_or_none(raw.get("number")),
        title=text(raw.get("title")),
        status=text(raw.get("status")),
        event_at=moment(raw.get("event_date")),
        time_unknown=raw.get("time_unknown") is True,
        recordable=raw.get("recordable") is True,
        location=person(raw.get("location")),
        web_url=reading.web_url("incidents", item_id),
        **_details(raw),
    )


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    counted = {name: len(raw[name]) for name in _PARTS if isinstance(raw.get(name), list)}
    return {
        "description": text(raw.get("description")),
        "created_by": person(raw.get("created_by")),
        "distribution": people(raw.get("distribution_members")),
        "parts": {name: count for name, count in counted.items() if count} or None,
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
    }


INCIDENTS = Family("/rest/v1.0/projects/{project_id}/incidents", _shape)
