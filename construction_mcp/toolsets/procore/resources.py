"""Procore as resources, and the ids a client can complete."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, NotFound
from construction_mcp.core.toolset import completes, resource
from construction_mcp.core.types import Principal
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.records.companies import projects_of
from construction_mcp.procore.records.overview import Overview
from construction_mcp.procore.sign_in import SignIn
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.toolsets.procore.projects import get_procore_project_overview

_PROVIDER = "procore"


@resource("procore://projects", title="Procore projects")
async def projects(*, procore: Procore) -> dict[str, Any]:
    """Every project the connection sees in its default company, by name."""
    found = await projects_of(procore)
    return {"items": [asdict(project) for project in found.items], "truncated": found.truncated}


@resource("procore://projects/{id}/overview", title="Overview of a Procore project")
async def project_overview(id: str, *, procore: Procore, clock: Clock) -> Overview:
    """One project at a glance, as get_procore_project_overview gives it."""
    if not id.isascii() or not id.isdigit() or len(id) > 18:
        raise NotFound("A project id is a number.", code="PROCORE_NOT_FOUND")
    overviews = await get_procore_project_overview(int(id), procore=procore, clock=clock)
    return overviews.items[0]


@resource("integration://{provider}/capabilities", title="What an integration can do here")
async def capabilities(
    provider: str,
    *,
    catalog: Catalog,
    view: View,
    settings: Settings,
    accounts: Accounts,
    sign_in: SignIn,
    principal: Principal,
) -> dict[str, Any]:
    """What this server can do with an integration for the caller: account, tools by kind, policy and limits."""
    if provider != _PROVIDER:
        raise NotFound(f"There is no integration {provider[:50]!r}.", details={"known": [_PROVIDER]})
    tools = [
        tool
        for tool in catalog.callable_tools(view).values()
        if tool.annotations["openWorldHint"] and tool.effect != "dispatch" and principal.role.includes(tool.role)
    ]
    limits = settings.limits
    return {
        "provider": _PROVIDER,
        "environment": accounts.environment.name,
        "is_sample_data": settings.is_simulated,
        "grant": settings.procore_grant,
        "is_connected": accounts.is_service or await accounts.link_of(principal) is not None,
        "signs_in_by": None if accounts.is_service else ("browser" if sign_in.address else "code"),
        "read_only": view.read_only,
        "write_policy": settings.write_policy,
        "reads": sorted(tool.name for tool in tools if tool.effect == "read"),
        "changes": sorted(tool.name for tool in tools if tool.effect == "outside"),
        "limits": {
            "requests_per_call": limits.requests_per_call,
            "requests_per_session": limits.requests_per_session,
            "list_pages_max": limits.procore_pages_max,
            "page_size": limits.procore_page_size,
            "records_cached_s": limits.record_cache_s,
        },
    }


@completes("*", "project_id")
async def project_ids(prefix: str, *, procore: Procore) -> Sequence[str]:
    """Ids of visible projects whose id or name begins with what was typed."""
    return await _matching(prefix, procore)


@completes("*", "project")
async def prompt_projects(prefix: str, *, procore: Procore) -> Sequence[str]:
    """As project_ids, for prompts."""
    return await _matching(prefix, procore)


@completes("procore://projects/{id}/overview", "id")
async def overview_ids(prefix: str, *, procore: Procore) -> Sequence[str]:
    """As project_ids, for the overview."""
    return await _matching(prefix, procore)


@completes("integration://{provider}/capabilities", "provider")
async def providers(prefix: str) -> Sequence[str]:
    """The integrations there are."""
    return [name for name in (_PROVIDER,) if name.startswith(prefix)]


async def _matching(prefix: str, procore: Procore) -> list[str]:
    """Nothing rather than an error when Procore cannot be asked: completion helps typing, it does not decide."""
    typed = prefix.casefold()
    try:
        found = await projects_of(procore)
    except ConstructionError:
        return []
    names = ((str(project.id), project.name.casefold(), (project.number or "").casefold()) for project in found.items)
    return [words[0] for words in names if any(word.startswith(typed) for word in words)]
