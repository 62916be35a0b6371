"""Tools over RFIs. What Procore knows of them is in `procore/records/rfis.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Ids, Limit, ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Conflict, Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import rfis
from construction_mcp.procore.records.across import Source, chosen_projects, read_across
from construction_mcp.procore.records.families import Found, one_or_several
from construction_mcp.procore.records.persons import any_named, person_named, read_me
from construction_mcp.procore.records.rfis import Impact, NewRfi, Reply, Rfi, Status
from construction_mcp.procore.records.sites import site_of, sites_of, today_at
from construction_mcp.procore.records.specifications import Section, section_numbered
from construction_mcp.procore.records.writing import require_version, settled_by
from construction_mcp.procore.together import together

RfiId = Annotated[int, Field(ge=1), "RFI id, not its number"]
Who = Annotated[str | None, Field(max_length=100), "me or part of a name"]


@tool(effect="read", listed=True, open_world=True, fields=True)
async def list_procore_rfis(
    project_id: Annotated[int | None, Field(ge=1), "One Procore project"] = None,
    project_ids: Annotated[list[int] | None, Field(min_length=1, max_length=20), "Or several, 1 to 20"] = None,
    status: Annotated[Status, "Only this status"] = "open",
    overdue: Annotated[bool, "Only open ones past their due date"] = False,
    ball_in_court: Annotated[str | None, Field(max_length=100), "Who must act: me or part of a name"] = None,
    assigned_to: Who = None,
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Words in subject or number"] = None,
    updated_since: Annotated[date | None, "Changed on or after this day"] = None,
    detail: Annotated[Literal["summary", "full"], "full adds question, people and impacts"] = "summary",
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Rfi]:
    """List RFIs, earliest due date first, with who has the ball in court and days overdue.

    Use get_procore_rfi for the question and its replies.
    """
    chosen = chosen_projects(project_id, project_ids)
    query = await _query(procore, "open" if overdue else status, text, assigned_to, ball_in_court, updated_since)
    sites = await sites_of(procore, chosen)
    today = {site.id: today_at(site, clock.now()) for site in sites}
    names = [(name, any_named(words)) for name, words in _named(ball_in_court, assigned_to)]
    full = detail == "full" or any(name == "assignees" for name, _ in names)

    def source(one: int) -> Source[Rfi]:
        return Source(rfis.path_of(one), query, lambda row: rfis.rfi_of(procore, row, one, today[one], full=full))

    def keep(rfi: Rfi) -> bool:
        return (not overdue or bool(rfi.is_overdue)) and all(fits(getattr(rfi, name) or []) for name, fits in names)

    return await read_across(
        procore,
        cursors,
        [source(one) for one in chosen],
        limit=limit,
        cursor=cursor,
        order=rfis.due_first,
        keep=keep if overdue or names else None,
        keep_name=f"{overdue}:{ball_in_court}:{assigned_to}:{detail}",
    )


@tool(effect="read", open_world=True)
async def get_procore_rfi(
    project_id: ProjectId,
    rfi_id: Annotated[int | None, Field(ge=1), "One RFI id (not its number)"] = None,
    ids: Ids = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Found[Rfi]:
    """Return an RFI in full: question, people, impacts, and every reply, oldest first.

    Give rfi_id for one, ids for several (without replies). Use list_procore_rfis to find ids.
    """

    async def read_one(wanted: int) -> Rfi:
        return await _rfi(procore, project_id, wanted, clock)

    async def read_several(wanted: Sequence[int]) -> dict[int, Rfi]:
        today = today_at(await site_of(procore, project_id), clock.now())
        return await rfis.read_several(procore, project_id, wanted, today)

    return await one_or_several(rfi_id, ids, read_one, read_several)


@tool(effect="outside", open_world=True)
async def create_procore_rfi(
    project_id: ProjectId,
    subject: Annotated[str, Field(min_length=3, max_length=200), "One line that names the issue and the place"],
    question: Annotated[str, Field(min_length=10, max_length=10_000), "The question, answerable on its own"],
    rfi_manager: Annotated[
        str | None, Field(max_length=100), "Name, login or id of who manages it; without one, who may is listed"
    ] = None,
    assignees: Annotated[
        list[str] | None, Field(max_length=20), "Names, logins or ids of who must answer; needed unless draft"
    ] = None,
    due_date: Annotated[date | None, "Day the answer is needed"] = None,
    draft: Annotated[bool, "Keep it as a draft: no number, nobody asked"] = False,
    drawing: Annotated[str | None, Field(max_length=200), "Sheet and detail the question is about"] = None,
    spec_section: Annotated[str | None, Field(max_length=50), "Number of the specification section"] = None,
    cost_impact: Annotated[Impact, "Effect on the cost"] = "n_a",
    schedule_impact: Annotated[Impact, "Effect on the time"] = "n_a",
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[Rfi]:
    """Create an RFI in Procore after a preview, and return it with its number; people are told by Procore.

    The preview names open RFIs with a similar subject. To answer one use reply_to_procore_rfi.
    """
    site, people = await together(site_of(procore, project_id), rfis.read_candidates(procore, project_id))
    today = today_at(site, clock.now())
    manager = person_named(rfi_manager or "", people[0], "rfi_manager", project_id)
    asked = [person_named(one, people[1], "assignees", project_id) for one in assignees or []]
    _require_sendable(due_date, today, is_asked=bool(asked) or draft)
    section = await section_numbered(procore, project_id, spec_section) if spec_section else None
    new = NewRfi(
        subject=subject,
        question=question,
        rfi_manager_id=manager.id,
        assignee_ids=[one.id for one in asked],
        due_date=due_date,
        draft=draft,
        drawing_number=drawing,
        specification_section_id=section.id if section else None,
        cost_impact=cost_impact,
        schedule_impact=schedule_impact,
    )
    shown = {
        "project": site.name,
        "rfi_manager": manager.name,
        "assignees": [one.name for one in asked],
        **_shown(new, section),
        "similar_open": await _similar(procore, project_id, subject, today),
    }

    async def perform() -> Rfi:
        look = {"project_id": project_id, "text": subject, "status": "any"}
        with settled_by("list_procore_rfis", look, "see whether it was created"):
            return await rfis.create(procore, project_id, new, today)

    kind = "draft RFI" if draft else "RFI"
    return Effect(f"Create {kind} {subject!r} in {site.name}", shown, perform, (f"procore:project/{project_id}/rfi",))


@tool(effect="outside", open_world=True)
async def reply_to_procore_rfi(
    project_id: ProjectId,
    rfi_id: RfiId,
    body: Annotated[str, Field(min_length=1, max_length=10_000), "The reply, for everybody on the RFI to read"],
    official: Annotated[bool, "The answer of record, not a comment"] = False,
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[Reply]:
    """Post a reply to an RFI after a preview, and return it. The RFI stays open, even after an official reply.

    Use close_procore_rfi to close it.
    """
    rfi = await _rfi(procore, project_id, rfi_id, clock, fresh=True)
    shown = {
        "rfi": _title(rfi),
        "status": rfi.status,
        "reply": body,
        "official": official,
        "then": f"The RFI stays {rfi.status}; replying does not close it.",
    }

    async def perform() -> Reply:
        look = {"project_id": project_id, "rfi_id": rfi_id}
        with settled_by("get_procore_rfi", look, "see whether the reply is there"):
            return await rfis.reply(procore, project_id, rfi_id, body, official=official)

    kind = "an official reply" if official else "a comment"
    return Effect(f"Post {kind} on {_title(rfi)}", shown, perform, _targets(rfi))


@tool(effect="outside", open_world=True, destructive=True, idempotent=True)
async def close_procore_rfi(
    project_id: ProjectId,
    rfi_id: RfiId,
    expected_version: Annotated[
        str | None, Field(max_length=40), "updated_at you read; refused if changed since"
    ] = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[Rfi]:
    """Close an open RFI by accepting its answer, after a preview of that answer, and return the closed RFI.

    To answer it first use reply_to_procore_rfi.
    """
    rfi = await _rfi(procore, project_id, rfi_id, clock, fresh=True)
    require_version(expected_version, rfi.updated_at, _title(rfi))
    if rfi.status != "open":
        raise Conflict(f"{_title(rfi)} is {rfi.status}, not open.", code="PROCORE_CONFLICT")
    official = [one for one in rfi.replies or [] if one.official]
    shown: dict[str, Any] = {
        "rfi": _title(rfi),
        "status": f"{rfi.status} -> closed",
        "ball_in_court": f"{', '.join(rfi.ball_in_court) or 'nobody'} -> nobody",
        "official_reply": official[-1].body if official else "none: it would be closed without an official answer",
        "question": rfi.question,
    }
    if official:
        shown["answered_by"] = official[-1].created_by
    site = await site_of(procore, project_id)

    async def perform() -> Rfi:
        return await rfis.close(procore, project_id, rfi_id, today_at(site, clock.now()))

    return Effect(f"Close {_title(rfi)}", shown, perform, _targets(rfi))


def _require_sendable(due_date: date | None, today: date, *, is_asked: bool) -> None:
    """Refuse what Procore would refuse, or what nobody could meet.

    Raises:
        Invalid: a due date in the past, or an RFI that asks nobody.
    """
    if due_date is not None and due_date < today:
        raise Invalid(f"due_date is past: at the site it is {today}.", details={"field": "due_date"})
    if not is_asked:
        raise Invalid("An RFI needs assignees, unless it is a draft.", details={"field": "assignees"})


async def _query(
    procore: Procore, status: Status, text: str | None, assigned_to: str | None, ball_in_court: str | None,
    since: date | None,
) -> dict[str, Any]:  # fmt: skip
    """me is a filter of Procore's own; other names are matched here."""
    me = await read_me(procore) if "me" in (assigned_to, ball_in_court) else None
    return rfis.list_query(
        status=status,
        search=text,
        assigned_id=me.id if me and assigned_to == "me" else None,
        ball_in_court_id=me.id if me and ball_in_court == "me" else None,
        updated_since=since,
    )


def _named(ball_in_court: str | None, assigned_to: str | None) -> list[tuple[str, str]]:
    """The filters that are names of other people, by the field they look at."""
    given = (("ball_in_court", ball_in_court), ("assignees", assigned_to))
    return [(name, words) for name, words in given if words is not None and words != "me"]


async def _rfi(procore: Procore, project_id: int, rfi_id: int, clock: Clock, *, fresh: bool = False) -> Rfi:
    """One RFI in full with its replies; the project, which says what day it is, in the same round trip."""
    site, (raw, replies) = await together(
        site_of(procore, project_id), rfis.read_raw(procore, project_id, rfi_id, fresh=fresh)
    )
    return replace(rfis.rfi_of(procore, raw, project_id, today_at(site, clock.now()), full=True), replies=replies)


async def _similar(procore: Procore, project_id: int, subject: str, today: date) -> list[str]:
    """Open RFIs whose subject holds the whole new one: asked twice, or sent twice."""
    listing = await procore.list(rfis.path_of(project_id), rfis.list_query(status="open", search=subject), items_max=5)
    return [_title(rfis.rfi_of(procore, row, project_id, today)) for row in listing.items if isinstance(row, Mapping)]


def _shown(new: NewRfi, section: Section | None) -> dict[str, Any]:
    """What a person judges, in their words; what is not set is not shown."""
    fields = {
        "subject": new.subject,
        "question": new.question,
        "due_date": new.due_date and new.due_date.isoformat(),
        "draft": new.draft or None,
        "drawing_number": new.drawing_number,
        "spec_section": section and section.title,
        "cost_impact": new.cost_impact,
        "schedule_impact": new.schedule_impact,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _title(rfi: Rfi) -> str:
    return f"RFI {rfi.number or rfi.id} {rfi.subject or ''}".strip()


def _targets(rfi: Rfi) -> tuple[str, ...]:
    return (f"procore:project/{rfi.project_id}/rfi/{rfi.id}",)
