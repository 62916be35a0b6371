"""Punch items. Performed by `procore/records/punch_items.py`."""

from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.actions.procore.carrying import made_by_list
from construction_mcp.actions.procore.kinds import (
    Kind,
    ListConfig,
    NewDescription,
    NewDue,
    NewName,
    NewPlace,
    OneConfig,
    Overdue,
    PersonName,
    RecordId,
    Text,
    UpdatedSince,
    Who,
)
from construction_mcp.procore.records.punch_items import PunchItem, Status


class PunchItemList(ListConfig):
    """Which punch items."""

    status: Annotated[Status, Field(description="Only this status")] = "open"
    overdue: Overdue = False
    ball_in_court: Who = None
    text: Text = None
    updated_since: UpdatedSince = None


class PunchItemGet(OneConfig):
    """Which punch item."""

    punch_item_id: Annotated[RecordId, Field(description="Punch item id, not its number")]


class PunchItemCreate(OneConfig):
    """A new punch item."""

    name: NewName
    description: NewDescription = None
    assignees: Annotated[
        list[PersonName] | None, Field(max_length=20, description="Names, logins or ids of who must fix it")
    ] = None
    due_date: NewDue = None
    location: NewPlace = None
    priority: Annotated[Literal["low", "medium", "high", "none"], Field(description="How urgent")] = "none"


_PUNCH_ITEMS = Kind(
    "procore.punch_item",
    "a punch item",
    "punch items",
    "Punch List",
    PunchItem,
    "list_procore_punch_items",
    "get_procore_punch_item",
)

TYPES = (
    _PUNCH_ITEMS.list(
        PunchItemList,
        "List punch items, earliest due date first, with ball in court, location and days overdue.",
    ),
    _PUNCH_ITEMS.get(PunchItemGet, "Read one punch item in full: description, people, impacts and times."),
    _PUNCH_ITEMS.write(
        "create",
        PunchItemCreate,
        "Create a punch item and give it with its number.",
        "create a punch item",
        by="create_procore_punch_item",
        looks=made_by_list("list_procore_punch_items", "name"),
        looks_up=("assignees", "location"),
    ),
)
