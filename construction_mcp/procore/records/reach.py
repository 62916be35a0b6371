"""What a connection can reach: its user, its projects, and which Procore tools of a project it may read.

There is no call that lists a user's permissions, so the tools' own lists are asked for one row each; a 403 or 404 is
the answer, not a failure. Whether a tool may be written to shows only when it is: the permission template names it.
Source: Procore "Error Reference" (403 and 404 both stand for "not readable"), "List project tools".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.errors import NotFound, NotPermitted
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import person, text
from construction_mcp.procore.records.people import Me
from construction_mcp.procore.together import together

# tool -> the list that shows whether it may be read
_LISTS = {
    "RFIs": "/rest/v1.0/projects/{project}/rfis",
    "Submittals": "/rest/v1.1/projects/{project}/submittals",
    "Daily Log": "/rest/v1.0/projects/{project}/notes_logs",
    "Punch List": "/rest/v1.1/punch_items",
    "Observations": "/rest/v1.0/observations/items",
    "Documents": "/rest/v1.0/folders",
    "Schedule": "/rest/v1.0/tasks",
    "Change Events": "/rest/v1.1/change_events",
}  # those without the project in their path take it in the query
TOOLS = tuple(_LISTS)  # as Procore names them, and as permissions are spoken of

TOOLS = tuple(_LISTS)
"""The Procore tools of which it can be told whether they may be read."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One Procore tool in one project. `why` when it cannot be read; `is_active` None when Procore does not say."""

    name: str
    can_read: bool
    is_active: bool | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Reach:
    """What the connection's user may do in one project."""

    permission_template: str | None
    tools: list[Tool]


async def reach_of(procore: Procore, project_id: int, company_id: int | None, me: Me) -> Reach:
    """Ask every tool at the same time.

    Raises:
        RateLimited, Unavailable, NeedsLogin: as `ProcoreClient.get`.
    """

    async def refusal(tool: str) -> str | None:
        return await why_unreadable(procore, tool, project_id, company_id)

    async def optional(path: str) -> Any:
        try:
            return await procore.get(path, company=company_id)
        except (NotPermitted, NotFound):
            return None

    base = f"/rest/v1.0/projects/{project_id}"
    user, active, *refusals = await together(
        optional(f"{base}/users/{me.id}"), optional(f"{base}/tools"), *map(refusal, TOOLS)
    )
    switched = _active(active)
    tools = [
        Tool(name, why is None, switched.get(name.lower()), why) for name, why in zip(TOOLS, refusals, strict=True)
    ]
    template = person(user.get("permission_template")) if isinstance(user, Mapping) else None
    return Reach(template, tools)


async def switched_of(procore: Procore, project_id: int) -> dict[str, bool]:
    """Which Procore tools the project has on or off, by their title in lower case.

    Raises:
        NotFound, NotPermitted: the account may not see. RateLimited, Unavailable, NeedsLogin: as `ProcoreClient.get`.
    """
    return _active(await procore.get(f"/rest/v1.0/projects/{project_id}/tools"))


async def why_unreadable(
    procore: Procore, tool: str, project_id: int, company_id: int | None = None, *, ttl_s: float = 0.0
) -> str | None:
    """Why the list of one of TOOLS may not be read in a project; None when it may. One request.

    Raises:
        RateLimited, Unavailable, NeedsLogin: as `ProcoreClient.get`.
    """
    template = _LISTS[tool]
    query = {"per_page": 1} if "{project}" in template else {"per_page": 1, "project_id": project_id}
    try:
        await procore.page(template.format(project=project_id), query, company=company_id, ttl_s=ttl_s)
    except (NotPermitted, NotFound) as error:
        return error.message
    return None


def _active(rows: Any) -> dict[str, bool]:
    """Which tools the project has switched on, by their title in lower case."""
    found = rows if isinstance(rows, list) else []
    return {
        title.lower(): row.get("is_active") is True
        for row in found
        if isinstance(row, Mapping) and (title := text(row.get("title")))
    }
