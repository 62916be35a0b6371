"""What Procore says about a workflow now, through its own account: who it is, what it sees, and the webhook there.

A handful of requests, asked together and never for long; what is not answered in time is not known, and a diagnosis
without it is worth less, not nothing. Nobody looks through another person's account (PRODUCT.md section 2).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from construction_mcp.cache import Cache
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, NotFound, NotPermitted
from construction_mcp.core.types import Principal, Role
from construction_mcp.insight.findings.finding import Live
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.records.companies import projects_of
from construction_mcp.procore.records.hooks import Scope, Upstream, read_hooks
from construction_mcp.procore.records.people import me_of
from construction_mcp.procore.records.reach import TOOLS, switched_of, why_unreadable
from construction_mcp.store.evidence import Evidence

_GET, _ASKED_AGAIN_MAX = "GET ", 3
_REFUSALS = ("PROCORE_FORBIDDEN", "PROCORE_NOT_FOUND", "PROCORE_APP_NOT_CONNECTED")


async def look(
    accounts: Accounts, cache: Cache, evidence: Evidence, principal: Principal, tools: Mapping[str, str], limits: Limits
) -> Live:
    """Ask what bears on it. tools: the Procore tool by the action type of each step that was refused."""
    place = evidence.place
    run_as = place.run_as or principal.id
    uses_procore = place.acts_in_procore or place.trigger_type == "poll" or place.trigger_source == "procore"
    if place.active_version is None or not uses_procore:
        return Live()
    if not accounts.is_service and run_as != principal.id:
        return Live()
    if place.environment != accounts.environment.name:
        return Live()
    try:
        async with asyncio.timeout(limits.diagnosis_wait_s):
            procore = await accounts.of(Principal(run_as, Role.BUILDER))
            if _was_refused(evidence):
                cache.forget_connection(procore.connection.id)  # what was kept from before it was refused tells nothing
            return await _asked(procore, evidence, tools)
    except ConstructionError as problem:
        return Live(trouble=problem.public()["error"])
    except TimeoutError:
        return Live()


async def _asked(procore: Procore, evidence: Evidence, tools: Mapping[str, str]) -> Live:
    me = await me_of(procore)
    live = Live(user_id=me.id, hooks=await _hooks(procore, evidence), offset_s=procore.client.offset_s)
    project_id = evidence.place.project_id
    if not _was_refused(evidence) or project_id is None:
        return live
    found = await projects_of(procore)
    live = replace(live, projects={one.id: one.label for one in found.items})
    if project_id not in (live.projects or {}):
        return live
    asked = [one for one in dict.fromkeys(tools.values()) if one in TOOLS]
    unreadable = {one: await why_unreadable(procore, one, project_id) for one in asked}
    return replace(
        live,
        unreadable=unreadable,
        switched=await _switched(procore, project_id),
        asked_again={one: await _asked_again(procore, one) for one in _refused(evidence)},
    )


def _refused(evidence: Evidence) -> list[str]:
    """The reads that were refused, newest first; a write is never made to see what it gives."""
    details = [(step.error or {}).get("details") for step in evidence.steps if _code(step.error) in _REFUSALS]
    requests = [str(one.get("request", "")) for one in details if isinstance(one, Mapping)]
    return [one for one in dict.fromkeys(requests) if one.startswith(_GET)][:_ASKED_AGAIN_MAX]


async def _asked_again(procore: Procore, request: str) -> str | None:
    try:
        await procore.get(request.removeprefix(_GET), fresh=True)
    except ConstructionError as problem:
        return problem.code
    return None


async def _hooks(procore: Procore, evidence: Evidence) -> Sequence[Upstream] | None:
    hook = evidence.hook
    if hook is None or hook.source != "procore" or hook.company_id is None:
        return None
    return await read_hooks(procore, Scope(hook.company_id, hook.project_id))


async def _switched(procore: Procore, project_id: int) -> Mapping[str, bool]:
    try:
        return await switched_of(procore, project_id)
    except (NotFound, NotPermitted):
        return {}


def _was_refused(evidence: Evidence) -> bool:
    return any(_code(step.error) in _REFUSALS for step in evidence.steps) or any(
        _code(run.error) in _REFUSALS for run in evidence.runs
    )


def _code(error: Mapping[str, Any] | None) -> str:
    return str((error or {}).get("code", ""))
