"""Observations. Source: endpoints `/rest/v1.0/observations/items`; FACTS 5 and 10.4.

The filter takes numbers for statuses whose bodies are words, and creating one through the API tells nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.choices import Choice, choices_in
from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import day, days_overdue, moment, people, person, text
from construction_mcp.procore.responses import number_or_none

Status = Literal["open", "closed", "any"]
Priority = Literal["Low", "Medium", "High", "Urgent"]

_PATH = "/rest/v1.0/observations/items"
_CODES: dict[str, list[int] | None] = {"open": [0, 1, 2], "closed": [3], "any": None}


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation. Those after `web_url` a list tells only when asked."""

    id: int
    number: str | None
    name: str | None
    type: str | None
    status: str | None
    priority: str | None
    assignee: str | None
    due_date: date | None
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    description: str | None = None
    category: str | None = None
    assignee_company: str | None = None
    location: str | None = None
    trade: str | None = None
    created_by: str | None = None
    notified_on: date | None = None
    distribution: list[str] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewObservation:
    """What is sent to create one; type, person and place are settled ids."""

    name: str
    type_id: int
    description: str | None = None
    priority: Priority | None = None
    assignee_id: int | None = None
    due_date: date | None = None
    location_id: int | None = None

    def body(self, project_id: int) -> dict[str, Any]:
        """The JSON of `POST /rest/v1.0/observations/items`."""
        optional = {
            "description": self.description,
            "priority": self.priority,
            "assignee_id": self.assignee_id,
            "due_date": self.due_date and self.due_date.isoformat(),
            "location_id": self.location_id,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"project_id": project_id, "observation": {"name": self.name, "type_id": self.type_id, **given}}


def list_query(*, status: Status, search: str | None, updated_since: date | None) -> dict[str, Any]:
    """What Procore itself can filter by."""
    return filters_of(status=_CODES[status], search=search, updated_at=since(updated_since))


async def read_types(procore: Procore, project_id: int) -> list[Choice]:
    """The types an observation can have here. Source: endpoint `GET /rest/v1.0/observations/types`."""
    query = {"project_id": project_id, "company_id": procore.connection.company_id}
    listing = await procore.list("/rest/v1.0/observations/types", query, ttl_s=procore.limits.record_cache_s)
    return choices_in(listing.items)


async def create(procore: Procore, reading: Reading, new: NewObservation) -> Observation:
    """Send it. Raises: as `Procore.write`."""
    return _shape(reading, await procore.write("POST", _PATH, new.body(reading.project_id)))


def due_first(item: Observation) -> tuple[bool, date, int]:
    """Earliest due date first, those without one last."""
    return (item.due_date is None, item.due_date or date.max, item.id)


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Observation:
    item_id, status, due = number_or_none(raw.get("id")) or 0, text(raw.get("status")), day(raw.get("due_date"))
    late = days_overdue(due, reading.today, is_open=status != "closed")
    return Observation(
        id=item_id,
        number=text(raw.get("number")),
        name=text(raw.get("name")),
        type=person(raw.get("type")),
        status=status,
        priority=text(raw.get("priority")),
        assignee=person(raw.get("assignee")),
        due_date=due,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=reading.web_url("observations", "items", item_id),
        **_details(raw),
    )


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    kind, assignee = raw.get("type"), raw.get("assignee")
    return {
        "description": text(raw.get("description")),
        "category": text(kind.get("category")) if isinstance(kind, Mapping) else None,
        "assignee_company": person(assignee.get("vendor")) if isinstance(assignee, Mapping) else None,
        "location": person(raw.get("location")),
        "trade": person(raw.get("trade")),
        "created_by": person(raw.get("created_by")),
        "notified_on": day(raw.get("date_notified")),
        "distribution": people(raw.get("distribution_members")),
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
        "closed_at": moment(raw.get("closed_at")),
    }


OBSERVATIONS = Family(_PATH, _shape)
