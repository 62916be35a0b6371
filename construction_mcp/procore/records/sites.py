"""The projects a call is about: which ones, and what day it is there.

Names, zones and ids come from the list of projects, which is read once and kept (`companies.py`), so naming a project
in a call usually costs nothing.
"""

from collections.abc import Iterable
from datetime import date, datetime

from construction_mcp.core.errors import Invalid, NextCall, NotFound
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.companies import Project, projects_of
from construction_mcp.procore.records.zones import today_in

_CANDIDATES_MAX = 20  # projects that an error names
_SEE = NextCall("list_procore_projects", {}, "see the projects and their ids")


def today_at(site: Project, now: datetime) -> date:
    """The calendar day at the site: what Procore means by today (daily logs, due dates)."""
    return today_in(site.time_zone, now)


async def sites_of(procore: Procore, project_ids: Iterable[int]) -> list[Project]:
    """These projects, in the order given.

    Raises:
        NotFound: PROCORE_NOT_FOUND; one does not exist, or the connection cannot see it.
    """
    known = {site.id: site for site in (await projects_of(procore)).items}
    wanted = list(dict.fromkeys(project_ids))
    unseen = [one for one in wanted if one not in known]
    if unseen:
        raise NotFound(
            f"Procore has no project {unseen[0]}, or the connected user may not see it.",
            code="PROCORE_NOT_FOUND",
            details={"project_ids": unseen},
            next_call=_SEE,
        )
    return [known[one] for one in wanted]


async def site_of(procore: Procore, project_id: int) -> Project:
    """One project. Raises: as `sites_of`."""
    (site,) = await sites_of(procore, [project_id])
    return site


async def site_named(procore: Procore, words: str) -> Project:
    """The one project that `words` means: its id, its number, or a part of its name that no other shares.

    Raises:
        Invalid: none or several, with the candidates.
    """
    sites = (await projects_of(procore)).items
    asked = words.strip().lower()
    exact = [site for site in sites if asked in (str(site.id), (site.number or "").lower(), site.name.lower())]
    found = exact or [site for site in sites if asked and asked in site.name.lower()]
    if len(found) == 1:
        return found[0]
    candidates = [{"id": site.id, "name": site.name} for site in (found or sites)[:_CANDIDATES_MAX]]
    raise Invalid(
        f"{'Several projects fit' if found else 'No project fits'} {words[:100]!r}.",
        details={"field": "project", "candidates": candidates},
        next_call=_SEE,
    )


async def ids_beginning(procore: Procore, prefix: str) -> list[str]:
    """Project ids for a completion: those that begin with `prefix`, or whose name contains it."""
    asked = prefix.strip().lower()
    sites = (await projects_of(procore)).items
    return [str(site.id) for site in sites if str(site.id).startswith(asked) or asked in site.name.lower()]
