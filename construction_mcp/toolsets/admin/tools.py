"""`get_system_health`: whether the server is well, and if not, why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from construction_mcp import __version__
from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.meters import Caches, CacheStanding
from construction_mcp.core.toolset import tool
from construction_mcp.procore.limiter import Allowance, Limiters
from construction_mcp.store.database import Database
from construction_mcp.workflow.template import Templates

Status = Literal["healthy", "degraded", "critical"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the status is not healthy, and what helps."""

    severity: Literal["degraded", "critical"]
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class CacheHealth:
    """How reads were answered since start: kept, loaded, shared with another's load, past the cache on purpose."""

    entries: int
    hit: int
    miss: int
    coalesced: int
    bypass: int
    hit_rate: float | None


@dataclass(frozen=True, slots=True)
class ProcoreHealth:
    """What is left of Procore's rate windows, none before the first request."""

    windows: list[Allowance]


@dataclass(frozen=True, slots=True)
class Health:
    """`database` counts since the process started, except `queued` and `in_flight`, which are now."""

    status: Status
    reasons: list[Reason]
    version: str
    environment: str
    sample_data: bool
    checked_at: str
    database: dict[str, Any]
    procore: ProcoreHealth
    caches: dict[str, CacheHealth]


@tool(effect="read")
async def get_system_health(
    *,
    database: Database,
    settings: Settings,
    clock: Clock,
    caches: Caches,
    limiters: Limiters,
    types: Catalogue,
    templates: Templates,
) -> Health:
    """Report whether the server is healthy, with reasons, counters and Procore rate windows.

    Use it when calls fail with SYSTEM_ codes or feel slow; for one workflow use its own tools.
    """
    counters = database.stats()
    windows = limiters.windows()
    reasons = [
        *_database_reasons(counters, settings.limits),
        *_procore_reasons(windows),
        *_package_reasons(types, templates),
    ]
    return Health(
        status=_worst(reasons),
        reasons=reasons,
        version=__version__,
        environment=settings.environment,
        sample_data=settings.is_simulated,
        checked_at=clock.now().isoformat(),
        database=counters,
        procore=ProcoreHealth(windows),
        caches={one.name: _cache_health(one) for one in caches.standing()},
    )


def _worst(reasons: list[Reason]) -> Status:
    severities = {reason.severity for reason in reasons}
    return "critical" if "critical" in severities else "degraded" if severities else "healthy"


def _database_reasons(counters: dict[str, Any], limits: Limits) -> Iterator[Reason]:
    if counters["queued"] > limits.commit_queue_max // 2:
        yield Reason("critical", f"{counters['queued']} database calls are waiting.", "Send fewer calls at a time.")
    if counters["slow"]["error"]:
        message = f"{counters['slow']['error']} statements took over {limits.statement_slow_ms[2]:.0f} ms."
        yield Reason("degraded", message, "Look for them in the log; is the disk busy?")


def _procore_reasons(windows: list[Allowance]) -> Iterator[Reason]:
    for window in windows:
        if window.left == 0:
            message = f"Procore's window of {window.window_s:.0f} s is spent; {window.waiting} calls wait."
            yield Reason("degraded", message, "Ask for less for a while; get_usage shows who asked.")


def _package_reasons(types: Catalogue, templates: Templates) -> Iterator[Reason]:
    """Why they are broken may quote what only the machine's own user should read, so it is left to the doctor."""
    fix = "construction-mcp doctor says why; update or uninstall the package that brings it."
    for family in types.problems:
        yield Reason("degraded", f"The actions {family.family} of {family.module} cannot be used.", fix)
    for template in templates.problems:
        yield Reason("degraded", f"The template {template.id} of another package cannot be used.", fix)


def _cache_health(cache: CacheStanding) -> CacheHealth:
    counts = cache.counts
    rate = counts.hit_rate
    return CacheHealth(
        entries=cache.entries,
        hit=counts.hit,
        miss=counts.miss,
        coalesced=counts.coalesced,
        bypass=counts.bypass,
        hit_rate=None if rate is None else round(rate, 4),
    )
