"""Looking at a connection now, and telling what changed since the last look."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.records.companies import Company, Project, companies_of, projects_of
from construction_mcp.procore.records.people import Me, me_of
from construction_mcp.procore.records.reach import Reach, reach_of
from construction_mcp.procore.together import together
from construction_mcp.store.connections import Connections, Link


@dataclass(frozen=True, slots=True)
class Changed:
    """What is different from the last check; empty lists when nothing is."""

    since: str
    projects_added: list[str]
    projects_gone: list[str]
    tools_gained: list[str]
    tools_lost: list[str]
    permission_template_before: str | None = None
    user_before: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One look. `project` is where the tools were asked; `changed` is None the first time."""

    me: Me
    companies: list[Company]
    projects: tuple[Project, ...]
    project: Project | None
    reach: Reach | None
    changed: Changed | None


async def check(procore: Procore, link: Link | None, now: datetime, project_id: int | None) -> tuple[Check, Any]:
    """Look, compare with `link.last_check`, and give what to remember for the next time.

    The tools are asked in the project given, else in the first active one.

    Raises:
        ConstructionError: the connection does not work now; the error says what to do.
    """
    me, companies, projects = await together(me_of(procore), companies_of(procore), projects_of(procore))
    project = _chosen(projects.items, project_id)
    reach = None if project is None else await reach_of(procore, project.id, None, me)
    seen = _seen(me, projects.items, now, project, reach)
    before = link.last_check if link is not None else None
    if before is not None:
        seen["reach"] = {**before.get("reach", {}), **seen["reach"]}
    changed = None if before is None else _changed(before, seen, project)
    return Check(me, companies, projects.items, project, reach, changed), seen


async def link_to_note(accounts: Accounts, connections: Connections, principal_id: str) -> Link | None:
    """Where a check is remembered: the principal's own link, or a row for the workspace's service account."""
    environment = accounts.environment.name
    if not accounts.is_service:
        return await connections.of_principal(principal_id, environment)
    name = accounts.service().id
    known = await connections.of_principal(name, environment)
    return known or await connections.link(name, environment, "client_credentials", accounts.app().client_id)


def _chosen(projects: tuple[Project, ...], project_id: int | None) -> Project | None:
    if project_id is not None:
        return next((project for project in projects if project.id == project_id), None)
    return next((project for project in projects if project.is_active), None)


def _seen(
    me: Me, projects: tuple[Project, ...], now: datetime, project: Project | None, reach: Reach | None
) -> dict[str, Any]:
    """What is remembered: ids and names, no record's content."""
    kept = {"template": reach.permission_template, "readable": _readable(reach)} if reach is not None else None
    return {
        "at": now.isoformat(timespec="seconds"),
        "user": asdict(me),
        "projects": {str(one.id): one.name for one in projects},
        "reach": {str(project.id): kept} if project is not None else {},
    }


def _readable(reach: Reach) -> list[str]:
    return [tool.name for tool in reach.tools if tool.can_read]


def _changed(before: Mapping[str, Any], seen: Mapping[str, Any], project: Project | None) -> Changed:
    old, new = before["projects"], seen["projects"]
    key = str(project.id) if project is not None else ""
    then = before.get("reach", {}).get(key)
    now = seen["reach"].get(key)
    had, has = (set(one["readable"]) if then and now else set() for one in (then or {}, now or {}))
    template = then["template"] if then and now and then["template"] != now["template"] else None
    user = before["user"]["name"] if before["user"]["id"] != seen["user"]["id"] else None
    return Changed(
        since=before["at"],
        projects_added=[new[one] for one in new.keys() - old.keys()],
        projects_gone=[old[one] for one in old.keys() - new.keys()],
        tools_gained=sorted(has - had),
        tools_lost=sorted(had - has),
        permission_template_before=template,
        user_before=user,
    )
