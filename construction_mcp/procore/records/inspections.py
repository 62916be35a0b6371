"""Inspections, which the API calls checklists. Source: endpoints `.../checklist/lists`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import day, days_overdue, moment, people, person, text
from construction_mcp.procore.responses import number_or_none

Status = Literal["open", "in_review", "closed", "any"]

_CODES: dict[str, int | None] = {"open": 0, "in_review": 1, "closed": 2, "any": None}  # the order of its statuses


@dataclass(frozen=True, slots=True)
class Inspection:
    """One inspection. `deficient` counts items that failed. Those after `web_url` a list tells only when asked."""

    id: int
    number: int | None
    name: str | None
    status: str | None
    inspection_date: date | None
    items: int | None
    inspected: int | None
    deficient: int | None
    due_date: date | None
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    description: str | None = None
    template: str | None = None
    inspectors: list[str] | None = None
    point_of_contact: str | None = None
    responsible_contractor: str | None = None
    location: str | None = None
    trade: str | None = None
    created_by: str | None = None
    closed_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None


def list_query(*, status: Status, search: str | None, inspected_since: date | None) -> dict[str, Any]:
    """What Procore itself can filter by, latest inspection first."""
    asked = filters_of(status=_CODES[status], query=search, inspection_date=since(inspected_since))
    return {**asked, "sort": "-inspection_date"}


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Inspection:
    item_id, status, due = number_or_none(raw.get("id")) or 0, text(raw.get("status")), day(raw.get("due_at"))
    late = days_overdue(due, reading.today, is_open=status != "Closed")
    return Inspection(
        id=item_id,
        number=number_or_none(raw.get("number")),
        name=text(raw.get("name")),
        status=status,
        inspection_date=day(raw.get("inspection_date")),
        items=number_or_none(raw.get("item_count")),
        inspected=number_or_none(raw.get("inspected_item_count")),
        deficient=number_or_none(raw.get("deficient_item_count")),
        due_date=due,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=reading.web_url("checklists", "lists", item_id),
        **_details(raw),
    )


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": text(raw.get("description")),
        "template": text(raw.get("list_template_name")),
        "inspectors": people(raw.get("inspectors")),
        "point_of_contact": person(raw.get("point_of_contact")),
        "responsible_contractor": person(raw.get("responsible_contractor")),
        "location": person(raw.get("location")),
        "trade": person(raw.get("trade")),
        "created_by": person(raw.get("created_by")),
        "closed_by": person(raw.get("closed_by")),
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
        "closed_at": moment(raw.get("closed_at")),
    }


INSPECTIONS = Family("/rest/v1.0/projects/{project_id}/checklist/lists", _shape)
