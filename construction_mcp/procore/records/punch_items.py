"""Punch items. Source: endpoints `/rest/v1.1/punch_items`; FACTS 10.4.

Procore answers with a status of its own making (Open, Closed, Overdue, Pending) and takes open or closed; asking for
open brings the overdue ones too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import day, days_overdue, moment, people, person, text
from construction_mcp.procore.responses import number_or_none

Status = Literal["open", "closed", "any"]

_PATH = "/rest/v1.1/punch_items"


@dataclass(frozen=True, slots=True)
class PunchItem:
    """One punch item. Those after `web_url` a list tells only when asked."""

    id: int
    number: int | None
    name: str | None
    status: str | None
    priority: str | None
    ball_in_court: list[str]
    location: str | None
    due_date: date | None
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    description: str | None = None
    workflow_status: str | None = None
    type: str | None = None
    trade: str | None = None
    assignees: list[str] | None = None
    punch_item_manager: str | None = None
    final_approver: str | None = None
    cost_impact: str | None = None
    schedule_impact: str | None = None
    created_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewPunchItem:
    """What is sent to create one; people and place are settled ids."""

    name: str
    description: str | None = None
    assignee_ids: Sequence[int] = ()
    due_date: date | None = None
    location_id: int | None = None
    priority: str | None = None

    def body(self, project_id: int) -> dict[str, Any]:
        """The JSON of `POST /rest/v1.1/punch_items`."""
        optional = {
            "description": self.description,
            "login_information_ids": list(self.assignee_ids) or None,
            "due": self.due_date and self.due_date.isoformat(),
            "location_id": self.location_id,
            "priority": self.priority,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"project_id": project_id, "punch_item": {"name": self.name, **given}}


def list_query(*, status: Status, search: str | None, updated_since: date | None) -> dict[str, Any]:
    """What Procore itself can filter by."""
    wanted = None if status == "any" else status
    return filters_of(status=wanted, query=search, updated_at=since(updated_since))


async def create(procore: Procore, reading: Reading, new: NewPunchItem) -> PunchItem:
    """Send it. Raises: as `Procore.write`."""
    return _shape(reading, await procore.write("POST", _PATH, new.body(reading.project_id)))


def due_first(item: PunchItem) -> tuple[bool, date, int]:
    """Earliest due date first, those without one last."""
    return (item.due_date is None, item.due_date or date.max, item.id)


def _shape(reading: Reading, raw: Mapping[str, Any]) -> PunchItem:
    item_id, status, due = number_or_none(raw.get("id")) or 0, text(raw.get("status")), day(raw.get("due_date"))
    late = days_overdue(due, reading.today, is_open=status != "Closed")
    return PunchItem(
        id=item_id,
        number=number_or_none(raw.get("position")),
        name=text(raw.get("name")),
        status=status,
        priority=text(raw.get("priority")),
        ball_in_court=people(raw.get("ball_in_court")),
        location=person(raw.get("location")),
        due_date=due,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=reading.web_url("punch_list", "show", item_id),
        **_details(raw),
    )


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    rows = raw.get("assignments")
    assigned = [row.get("login_information") for row in rows if isinstance(row, Mapping)] if rows else []
    return {
        "description": text(raw.get("description")),
        "workflow_status": text(raw.get("workflow_status")),
        "type": person(raw.get("punch_item_type")),
        "trade": person(raw.get("trade")),
        "assignees": people(assigned) or people(raw.get("assignees")),
        "punch_item_manager": person(raw.get("punch_item_manager")),
        "final_approver": person(raw.get("final_approver")),
        "cost_impact": text(raw.get("cost_impact")),
        "schedule_impact": text(raw.get("schedule_impact")),
        "created_by": person(raw.get("created_by")),
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
        "closed_at": moment(raw.get("closed_at")),
    }


PUNCH_ITEMS = Family(_PATH, _shape)
