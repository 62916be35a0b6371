"""Tools over submittals. What Procore knows of them is in `procore/records/submittals.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Ids, Limit, ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import submittals
from construction_mcp.procore.records.across import Source, chosen_projects, read_across
from construction_mcp.procore.records.families import Found, one_or_several
from construction_mcp.procore.records.persons import any_named, read_me
from construction_mcp.procore.records.sites import site_of, sites_of, today_at
from construction_mcp.procore.records.submittals import Change, Status, Submittal
from construction_mcp.procore.records.writing import require_version
from construction_mcp.procore.together import together


@tool(effect="read", listed=True, open_world=True, fields=True)
async def list_procore_submittals(
    project_id: Annotated[int | None, Field(ge=1), "One Procore project"] = None,
    project_ids: Annotated[list[int] | None, Field(min_length=1, max_length=20), "Or several, 1 to 20"] = None,
    status: Annotated[Status, "Only what the company's status stands for"] = "open",
    overdue: Annotated[bool, "Only open ones past their due date"] = False,
    ball_in_court: Annotated[str | None, Field(max_length=100), "Who must act: me or part of a name"] = None,
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Words in title or number"] = None,
    updated_since: Annotated[date | None, "Changed on or after this day"] = None,
    all_revisions: Annotated[bool, "Superseded revisions too"] = False,
    detail: Annotated[Literal["summary", "full"], "full adds people, dates, approvers"] = "summary",
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Submittal]:
    """List current submittals, earliest due date first, with who has the ball in court and days overdue.

    Use get_procore_submittal for the approvers' answers and the revisions.
    """
    chosen = chosen_projects(project_id, project_ids)
    is_me = ball_in_court == "me"
    me = await read_me(procore) if is_me else None
    sites, wanted = await together(
        sites_of(procore, chosen), submittals.status_ids(procore, "open" if overdue else status)
    )
    today = {site.id: today_at(site, clock.now()) for site in sites}
    fits = any_named(ball_in_court) if ball_in_court and not is_me else None
    query = submittals.list_query(
        status_ids=wanted,
        search=text,
        ball_in_court_id=me.id if me else None,
        updated_since=updated_since,
        only_current=not all_revisions,
    )

    def source(one: int) -> Source[Submittal]:
        return Source(
            submittals.path_of(one),
            query,
            lambda row: submittals.submittal_of(procore, row, one, today[one], full=detail == "full"),
        )

    return await read_across(
        procore,
        cursors,
        [source(one) for one in chosen],
        limit=limit,
        cursor=cursor,
        order=submittals.due_first,
        keep=(lambda one: (not overdue or bool(one.is_overdue)) and (fits is None or fits(one.ball_in_court)))
        if overdue or fits
        else None,
        keep_name=f"{overdue}:{ball_in_court}:{detail}",
    )


@tool(effect="read", open_world=True)
async def get_procore_submittal(
    project_id: ProjectId,
    submittal_id: Annotated[int | None, Field(ge=1), "One submittal id (not its number)"] = None,
    ids: Ids = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Found[Submittal]:
    """Return a submittal in full: dates, people, each approver's answer in order of their turn, and its revisions.

    Give submittal_id for one, ids for several (without revisions). Use list_procore_submittals to find ids.
    """

    async def read_one(wanted: int) -> Submittal:
        return (await _submittal(procore, project_id, wanted, clock))[0]

    async def read_several(wanted: Sequence[int]) -> dict[int, Submittal]:
        today = today_at(await site_of(procore, project_id), clock.now())
        return await submittals.read_several(procore, project_id, wanted, today)

    return await one_or_several(submittal_id, ids, read_one, read_several)


@tool(effect="outside", open_world=True, destructive=True, idempotent=True)
async def update_procore_submittal(
    project_id: ProjectId,
    submittal_id: Annotated[int, Field(ge=1), "Submittal id, not its number"],
    status: Annotated[str | None, Field(max_length=100), "The company's name of the new status"] = None,
    title: Annotated[str | None, Field(min_length=1, max_length=500), "New title of the submittal"] = None,
    description: Annotated[str | None, Field(max_length=10_000), "New description"] = None,
    due_date: Annotated[date | None, "Day the review must be finished"] = None,
    submit_by: Annotated[date | None, "Last day for the contractor to submit it"] = None,
    required_on_site_date: Annotated[date | None, "Day the material is needed"] = None,
    lead_time_days: Annotated[int | None, Field(ge=0, le=3650), "Days from approval to delivery"] = None,
    expected_version: Annotated[
        str | None, Field(max_length=40), "updated_at you read; refused if changed since"
    ] = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[Submittal]:
    """Change a submittal's status, texts or dates after a preview of before and after, and return it.

    Nobody is mailed. not_applied names fields that Procore ignored because only an admin may set them. It does not
    give an approver's answer: that is theirs to give in Procore.
    """
    submittal, raw = await _submittal(procore, project_id, submittal_id, clock, fresh=True)
    require_version(expected_version, submittal.updated_at, _title(submittal))
    change = Change(
        title=title,
        description=description,
        status=await submittals.status_named(procore, status) if status else None,
        due_date=due_date,
        submit_by=submit_by,
        required_on_site_date=required_on_site_date,
        lead_time_days=lead_time_days,
    )
    differs = {name: value for name, value in change.given().items() if getattr(submittal, name) != value}
    if not differs:
        raise Invalid(
            f"{_title(submittal)} already is as asked; nothing would change.", hint="Give a field with a new value."
        )
    shown = {"submittal": _title(submittal), **_before_after(submittal, differs)}
    today = today_at(await site_of(procore, project_id), clock.now())

    async def perform() -> Submittal:
        number = submittals.plain_number(raw)
        return await submittals.update(procore, project_id, submittal_id, number, change, today)

    target = f"procore:project/{project_id}/submittal/{submittal_id}"
    return Effect(f"Change {', '.join(differs)} of {_title(submittal)}", shown, perform, (target,))


async def _submittal(
    procore: Procore, project_id: int, submittal_id: int, clock: Clock, *, fresh: bool = False
) -> tuple[Submittal, Mapping[str, Any]]:
    """One submittal with its revisions, and as Procore sent it; the project in the same round trip."""
    site, (raw, rows) = await together(
        site_of(procore, project_id), submittals.read_raw(procore, project_id, submittal_id, fresh=fresh)
    )
    read = submittals.submittal_of(procore, raw, project_id, today_at(site, clock.now()), full=True)
    revisions = [submittals.revision_of(procore, row, project_id) for row in rows]
    return replace(read, revisions=revisions), raw


def _before_after(submittal: Submittal, differs: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{_word(getattr(submittal, name))} -> {_word(value)}" for name, value in differs.items()}


def _word(value: Any) -> str:
    return "(empty)" if value in (None, "") else str(value)


def _title(submittal: Submittal) -> str:
    return f"submittal {submittal.number or submittal.id} {submittal.title or ''}".strip()
