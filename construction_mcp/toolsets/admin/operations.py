"""Tools that look after Procore's side of the server: caches, what was spent, and webhook secrets."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import Field

from construction_mcp.cache import Cache
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.effects import Effect
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Procore
from construction_mcp.procore.budget import Usage
from construction_mcp.procore.records.companies import projects_of
from construction_mcp.procore.registration import rotate
from construction_mcp.store.execution_reads import ExecutionReads, UsageOf
from construction_mcp.store.hooks import Hooks

_WORKFLOWS_MAX = 20  # of one report: the rest costs less than these


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many kept answers there were before and are now; forgotten ones may still be counted until they expire."""

    entries_before: int
    scope: str


@dataclass(frozen=True, slots=True)
class Warmed:
    """What is kept now, and what it cost."""

    projects: int
    requests: int


@dataclass(frozen=True, slots=True)
class DayOfConnection:
    """Requests to Procore of one connection for one company on one UTC day."""

    day: date
    connection: str
    company_id: int | None
    requests: int


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Requests to Procore since the process started, latest day first, and what the caller's session may spend."""

    items: list[DayOfConnection]
    workflows: list[UsageOf]  # what runs sent in those days, the dearest first; kept across restarts
    total: int
    session_requests_today: int
    session_requests_max: int
    call_requests_max: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """Procore sends the new secret; the old one is taken until `previous_valid_until`."""

    webhook_id: str
    previous_valid_until: datetime | None


@tool(effect="workspace", role=Role.ADMIN, idempotent=True)
async def clear_cache(
    project_id: Annotated[
        int | None, Field(ge=1), "Only what was read in this project; everything unless given"
    ] = None,
    *,
    cache: Cache,
) -> Cleared:
    """Forget kept Procore answers, all of them or of one project, and return how many there were.

    Use it when data looks old; own writes and webhooks do it by themselves. To fill it again use warm_cache.
    """
    before = len(cache)
    if project_id is None:
        cache.clear()
    else:
        cache.invalidate(f"project:{project_id}")
    return Cleared(before, "everything" if project_id is None else f"project {project_id}")


@tool(effect="read", role=Role.ADMIN, open_world=True)
async def warm_cache(*, procore: Procore, usage: Usage) -> Warmed:
    """Read the company's projects into the cache ahead of need, and return what it cost.

    Use it after connecting or clear_cache; calls that name a project then save a request.
    """
    left = usage.left()
    projects = await projects_of(procore)
    return Warmed(len(projects.items), left - usage.left())


@tool(effect="read", role=Role.ADMIN)
async def get_usage(
    days: Annotated[int, Field(ge=1, le=31), "How many days back, today being 1"] = 7,
    *,
    usage: Usage,
    reads: ExecutionReads,
    principal: Principal,
    clock: Clock,
    limits: Limits,
) -> UsageReport:
    """Return Procore requests by connection, company, UTC day and workflow, and session limits.

    For what is left of Procore's rate windows use get_system_health.
    """
    today = clock.now().date()
    spent = [
        DayOfConnection(day, connection, company, requests)
        for day in (today - timedelta(days=back) for back in range(days))
        for (connection, company), requests in sorted(usage.of_day(day).items(), key=str)
    ]
    first = datetime.combine(today - timedelta(days=days - 1), time.min, UTC)
    return UsageReport(
        items=spent,
        workflows=await reads.usage(first, _WORKFLOWS_MAX),
        total=sum(one.requests for one in spent),
        session_requests_today=usage.of_session(principal.id),
        session_requests_max=limits.requests_per_session,
        call_requests_max=limits.requests_per_call,
    )


@tool(effect="outside", role=Role.ADMIN, open_world=True)
async def rotate_webhook_secret(
    webhook_id: Annotated[str, Field(min_length=1, max_length=64), "id of list_procore_webhooks"],
    *,
    procore: Procore,
    hooks: Hooks,
) -> Effect[Rotated]:
    """Replace a webhook's secret, here and at Procore, after a preview; for a while both are taken.

    The secret is never shown. If it is no longer wanted use delete_procore_webhook.
    """
    hook = await hooks.get(webhook_id)
    place = f"project {hook.project_id}" if hook.project_id else f"company {hook.company_id}"
    shown = {"webhook": hook.id, "scope": place, "resources": list(hook.resource_names)}

    async def perform() -> Rotated:
        changed = await rotate(procore, hooks, hook)
        return Rotated(changed.id, changed.previous_until)

    return Effect(f"Replace the secret of webhook {hook.id}", shown, perform, (f"procore:webhook/{hook.id}",))
