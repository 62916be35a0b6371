"""RFIs. Performed by `procore/records/rfis.py`; what only an admin may set: endpoint `POST .../rfis`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from construction_mcp.actions.performing import Context
from construction_mcp.actions.procore.carrying import made_by_list
from construction_mcp.actions.procore.kinds import (
    ExpectedVersion,
    Kind,
    ListConfig,
    OneConfig,
    Overdue,
    PersonName,
    RecordId,
    Text,
    UpdatedSince,
    Who,
)
from construction_mcp.procore.records.rfis import Impact, Reply, Rfi, Status

RfiId = Annotated[RecordId, Field(description="RFI id, not its number")]


class RfiList(ListConfig):
    """Which RFIs."""

    status: Annotated[Status, Field(description="Only this status")] = "open"
    overdue: Overdue = False
    ball_in_court: Who = None
    assigned_to: Who = None
    text: Text = None
    updated_since: UpdatedSince = None


class RfiGet(OneConfig):
    """Which RFI."""

    rfi_id: RfiId


class RfiCreate(OneConfig):
    """A new RFI."""

    subject: Annotated[
        str, Field(min_length=3, max_length=200, description="One line that names the issue and the place")
    ]
    question: Annotated[str, Field(min_length=10, max_length=10_000, description="The question, answerable on its own")]
    rfi_manager: Annotated[PersonName, Field(description="Name, login or id of who manages it")]
    assignees: Annotated[
        list[PersonName] | None,
        Field(max_length=20, description="Names, logins or ids of who must answer; needed unless draft"),
    ] = None
    due_date: Annotated[date | None, Field(description="Day the answer is needed")] = None
    draft: Annotated[bool, Field(description="Keep it as a draft: no number, nobody asked")] = False
    drawing: Annotated[str | None, Field(max_length=200, description="Sheet and detail the question is about")] = None
    spec_section: Annotated[str | None, Field(max_length=50, description="Number of the specification section")] = None
    cost_impact: Annotated[Impact, Field(description="Effect on cost")] = "n_a"
    schedule_impact: Annotated[Impact, Field(description="Effect on time")] = "n_a"

    @model_validator(mode="after")
    def _asks_somebody(self) -> Self:
        if not self.draft and not self.assignees:
            raise ValueError("an RFI needs assignees, unless it is a draft")
        return self


class RfiReply(OneConfig):
    """A reply to one RFI."""

    rfi_id: RfiId
    body: Annotated[
        str, Field(min_length=1, max_length=10_000, description="The reply, for everybody on the RFI to read")
    ]
    official: Annotated[bool, Field(description="The answer of record, not a comment")] = False


class RfiClose(OneConfig):
    """Which RFI to close."""

    rfi_id: RfiId
    expected_version: ExpectedVersion = None


async def _replies(arguments: Mapping[str, Any], context: Context, since: datetime) -> Sequence[Any]:
    rfi = await _read(arguments, context)
    sent = arguments["body"].split()
    return [
        one
        for one in rfi.replies or ()
        if (one.body or "").split() == sent and (one.answered_at is None or one.answered_at >= since)
    ]


async def _closed(arguments: Mapping[str, Any], context: Context, _since: datetime) -> Sequence[Any]:
    rfi = await _read(arguments, context)
    return [rfi] if rfi.status == "closed" else []


async def _read(arguments: Mapping[str, Any], context: Context) -> Any:
    wanted = {name: arguments[name] for name in ("project_id", "rfi_id")}
    return (await context.call("get_procore_rfi", wanted)).item


_RFIS = Kind(
    "procore.rfi",
    "an RFI",
    "RFIs",
    "RFIs",
    Rfi,
    "list_procore_rfis",
    "get_procore_rfi",
    at_once=True,
    detailed=True,
    in_project=False,
)

TYPES = (
    _RFIS.list(RfiList, "List RFIs, earliest due date first, with who has the ball in court and days overdue."),
    _RFIS.get(RfiGet, "Read one RFI in full with its question and every reply, oldest first.", sends=2),
    _RFIS.write(
        "create",
        RfiCreate,
        "Create an RFI and give it with its number; people are told by Procore.",
        "create an RFI",
        by="create_procore_rfi",
        looks=made_by_list("list_procore_rfis", "subject", "question"),
        sends=3,  # who may manage and who may answer, then the RFI
        looks_up=("spec_section",),
        admin_only=("assignees", "due_date"),
    ),
    _RFIS.write(
        "reply",
        RfiReply,
        "Post a reply to an RFI, which stays open even after an official one.",
        "reply to an RFI",
        by="reply_to_procore_rfi",
        looks=_replies,
        gives=Reply,
    ),
    _RFIS.write(
        "close",
        RfiClose,
        "Close an open RFI by accepting its answer.",
        "close an RFI",
        by="close_procore_rfi",
        looks=_closed,
        sends=3,
    ),
)
