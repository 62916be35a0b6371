"""Submittals. Performed by `procore/records/submittals.py`; an admin's fields: endpoint `PATCH .../submittals/{id}`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from construction_mcp.actions.performing import Context
from construction_mcp.actions.procore.kinds import (
    ExpectedVersion,
    Kind,
    ListConfig,
    OneConfig,
    Overdue,
    RecordId,
    Text,
    UpdatedSince,
    Who,
)
from construction_mcp.procore.records.submittals import Change, Status, Submittal

SubmittalId = Annotated[RecordId, Field(description="Submittal id, not its number")]


class SubmittalList(ListConfig):
    """Which submittals."""

    status: Annotated[Status, Field(description="Only what the company's status stands for")] = "open"
    overdue: Overdue = False
    ball_in_court: Who = None
    text: Text = None
    updated_since: UpdatedSince = None
    all_revisions: Annotated[bool, Field(description="Superseded revisions too")] = False


class SubmittalGet(OneConfig):
    """Which submittal."""

    submittal_id: SubmittalId


class SubmittalUpdate(OneConfig):
    """What becomes different; a field that is left out stays as it is."""

    submittal_id: SubmittalId
    status: Annotated[str | None, Field(max_length=100, description="The company's name of the new status")] = None
    title: Annotated[str | None, Field(min_length=1, max_length=500, description="New title")] = None
    description: Annotated[str | None, Field(max_length=10_000, description="New description")] = None
    due_date: Annotated[date | None, Field(description="Day the review must be finished")] = None
    submit_by: Annotated[date | None, Field(description="Last day for the contractor to submit it")] = None
    required_on_site_date: Annotated[date | None, Field(description="Day the material is needed")] = None
    lead_time_days: Annotated[int | None, Field(ge=0, le=3650, description="Days from approval to delivery")] = None
    expected_version: ExpectedVersion = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if all(getattr(self, name) is None for name in Change.__slots__):
            raise ValueError("an update needs at least one field with a new value")
        return self


async def _updated(arguments: Mapping[str, Any], context: Context, _since: datetime) -> Sequence[Any]:
    """It is as asked: whoever made it so, there is nothing left to send."""
    place = {name: arguments[name] for name in ("project_id", "submittal_id")}
    item = (await context.call("get_procore_submittal", place)).item
    asked = {name: arguments[name] for name in Change.__slots__ if name in arguments}
    return [item] if all(str(getattr(item, name)) == str(value) for name, value in asked.items()) else []


_SUBMITTALS = Kind(
    "procore.submittal",
    "a submittal",
    "submittals",
    "Submittals",
    Submittal,
    "list_procore_submittals",
    "get_procore_submittal",
    at_once=True,
    detailed=True,
    in_project=False,
)

TYPES = (
    _SUBMITTALS.list(
        SubmittalList,
        "List current submittals, earliest due date first, with who has the ball in court and days overdue.",
        finds_first=1,  # the company's statuses
    ),
    _SUBMITTALS.get(SubmittalGet, "Read one submittal in full with its approvers' answers and its revisions.", sends=2),
    _SUBMITTALS.write(
        "update",
        SubmittalUpdate,
        "Change a submittal's status, texts or dates; nobody is mailed.",
        "update a submittal",
        by="update_procore_submittal",
        looks=_updated,
        sends=3,  # it and its revisions, to know its number and what would change, then the change
        looks_up=("status",),
        admin_only=("status", "submit_by"),
    ),
)
