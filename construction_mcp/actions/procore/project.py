"""Projects themselves. Performed by `procore/records/companies.py`.

Everybody sees the projects they are on, so these need no permission (FACTS 5, `GET /rest/v1.1/projects`).
"""

from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.actions.action import ActionType, Config
from construction_mcp.actions.performing import Context, Output
from construction_mcp.actions.places import place_of
from construction_mcp.actions.procore.carrying import consented, everything, one_project, plain
from construction_mcp.actions.procore.kinds import OneConfig, Text
from construction_mcp.actions.schemas import item_of, list_of
from construction_mcp.core.config import Limits
from construction_mcp.procore.records.companies import Project
from construction_mcp.procore.records.sites import site_of


class ProjectList(Config):
    """Which projects."""

    status: Annotated[Literal["active", "inactive", "any"], Field(description="Only active, only inactive, or any")] = (
        "active"
    )
    text: Text = None


async def _projects(config: ProjectList, context: Context) -> Output:
    return await everything("list_procore_projects", consented(config), context)


async def _project(config: OneConfig, context: Context) -> Output:
    wanted = one_project(config.project_id, context)
    return {"item": plain(await site_of(await context.procore(), wanted))}


TYPES = (
    ActionType(
        "procore.project.list",
        ProjectList,
        effect="read",
        doc="List the projects the connection sees, by name.",
        output=list_of(Project),
        words=lambda _written, _setting: "read the list of projects",
        requests=lambda _written, _setting: Limits().procore_pages_max,
        perform=_projects,
    ),
    ActionType(
        "procore.project.get",
        OneConfig,
        effect="read",
        doc="Read one project: name, number, stage, place, dates and time zone.",
        output=item_of(Project),
        words=lambda written, setting: f"read about {place_of(written, setting).words}",
        requests=lambda _written, _setting: 1,  # it is found in the list of all, which is kept
        perform=_project,
    ),
)
