"""Tools over projects and their people. Nothing here changes anything."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit, ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid, NextCall, NotFound
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.companies import Project, Projects, projects_of
from construction_mcp.procore.records.overview import glance_at
from construction_mcp.procore.records.people import Person, people_of
from construction_mcp.procore.together import together
from construction_mcp.toolsets.procore.connection import CompanyId
from construction_mcp.toolsets.procore.shapes import Overviews

PROJECTS_AT_ONCE = 14  # Limits.overview_projects_max, which a test holds equal

T = TypeVar("T")


@tool(effect="read", listed=True, open_world=True, fields=True)
async def list_procore_projects(
    status: Annotated[Literal["active", "inactive", "any"], "Only active, only inactive, or any"] = "active",
    text: Annotated[str | None, Field(min_length=1, max_length=200), "Only names, numbers, cities with this"] = None,
    company_id: CompanyId = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
) -> Page[Project]:
    """List the Procore projects the connection sees, by name, active ones unless asked otherwise.

    Use get_procore_project_overview for what is open in them.
    """
    found = await projects_of(procore, company_id)
    kept = [project for project in found.items if _is(project, status) and _has(text, project)]
    query = ["projects", status, text, company_id, limit, procore.connection.id]
    return _page(kept, cursors, query, limit, cursor, truncated=found.truncated)


@tool(effect="read", listed=True, open_world=True)
async def get_procore_project_overview(
    project_id: Annotated[int | None, Field(ge=1), "One project"] = None,
    ids: Annotated[
        list[int] | None, Field(min_length=1, max_length=PROJECTS_AT_ONCE), "Or several, 1 to 14; else all active"
    ] = None,
    company_id: CompanyId = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Overviews:
    """Return one or many projects at a glance: open and overdue RFIs and submittals by ball in court, response times,
    what is due within a week, and the last daily log; at most 14 projects.

    Use the list tools for the records themselves.
    """
    wanted, left_out = await _wanted(procore, project_id, ids, company_id)
    now = clock.now()
    # The project list is most often kept from before; otherwise it costs no longer than the other reads beside it.
    projects, *glances = await together(
        projects_of(procore, company_id), *(glance_at(procore, one, company_id, now) for one in wanted)
    )
    shown = procore.limits.overview_shown_max if len(wanted) == 1 else 1
    visible = {one: found for one in wanted if (found := projects.find(one)) is not None}
    items = [glance.of(visible[one], shown) for one, glance in zip(wanted, glances, strict=True) if one in visible]
    missing = [one for one in wanted if one not in visible]
    if missing and not items:
        raise _not_visible(missing, projects)
    return Overviews(items, missing, left_out or None)


async def _wanted(
    procore: Procore, project_id: int | None, ids: Sequence[int] | None, company_id: int | None
) -> tuple[list[int], int]:
    """Which projects are meant, each once, and how many more there are than one call takes.

    Raises:
        Invalid: both ways of saying it were used.
    """
    if project_id is not None and ids is not None:
        raise Invalid("Give project_id or ids, not both.", details={"field": "ids"})
    if project_id is not None:
        return [project_id], 0
    if ids is not None:
        return list(dict.fromkeys(ids)), 0
    projects = await projects_of(procore, company_id)
    active = [project.id for project in projects.items if project.is_active]
    most = procore.limits.overview_projects_max
    return active[:most], max(0, len(active) - most)


@tool(effect="read", open_world=True, fields=True)
async def find_project_people(
    project_id: ProjectId,
    role: Annotated[str | None, Field(min_length=1, max_length=200), "Words of the job title: superintendent"] = None,
    name: Annotated[str | None, Field(min_length=1, max_length=200), "Part of the name or e-mail address"] = None,
    company: Annotated[str | None, Field(min_length=1, max_length=200), "Part of the employer's name"] = None,
    company_id: CompanyId = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
) -> Page[Person]:
    """Find people of a Procore project by role, name and employer, with contact data, active ones first.

    Use it to find who should answer or be told.
    """
    people = await people_of(procore, project_id, company_id)
    kept = [
        person
        for person in people.items
        if _all_in(role, person.job_title)
        and _all_in(name, f"{person.name} {person.email or ''}")
        and _all_in(company, person.company)
    ]
    kept.sort(key=lambda person: (not person.is_active, person.name))
    query = ["people", project_id, role, name, company, company_id, limit, procore.connection.id]
    return _page(kept, cursors, query, limit, cursor, truncated=people.truncated)


def _page(
    kept: Sequence[T],
    cursors: Cursors,
    query: object,
    limit: int,
    cursor: str | None,
    *,
    truncated: bool,
) -> Page[T]:
    """A page of a list that was read whole."""
    start = int(cursors.read(cursor, query)) if cursor else 0
    more = cursors.sign(start + limit, query) if start + limit < len(kept) else None
    return Page(list(kept[start : start + limit]), more, len(kept), truncated or None)


def _is(project: Project, status: str) -> bool:
    return status == "any" or project.is_active == (status == "active")


def _has(words: str | None, project: Project) -> bool:
    return _all_in(words, " ".join(filter(None, (project.label, project.city, project.state))))


def _all_in(words: str | None, text: str | None) -> bool:
    """Whether every word occurs, case aside."""
    return words is None or all(word in (text or "").casefold() for word in words.casefold().split())


def _not_visible(missing: Sequence[int], projects: Projects) -> NotFound:
    """Why none of the projects that were asked for can be shown."""
    names = [f"{project.id} {project.label}" for project in projects.items if project.is_active]
    return NotFound(
        "No such project is visible to the connected Procore user.",
        code="PROCORE_NOT_FOUND",
        hint="Procore says the same for a project that does not exist and one the user is not on.",
        details={"missing": list(missing), "visible": names[:10]},
        next_call=NextCall("list_procore_projects", {}, "shows every visible project with its id"),
    )
