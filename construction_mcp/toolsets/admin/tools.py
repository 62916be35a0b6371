"""`get_system_health`: whether the server is well, and if not, why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from construction_mcp import __version__
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.toolset import tool
from construction_mcp.store.database import Database

Status = Literal["healthy", "degraded", "critical"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the status is not healthy, and what helps."""

    severity: Literal["degraded", "critical"]
    message: str
    fix: str


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


@tool(effect="read")
async def get_system_health(*, database: Database, settings: Settings, clock: Clock) -> Health:
    """Report whether the server is healthy, degraded or critical, with reasons, and its database counters.

    Use it when calls fail with SYSTEM_ codes or feel slow; for one workflow use its own tools.
    """
    counters = database.stats()
    reasons = list(_database_reasons(counters, settings.limits))
    return Health(
        status=_worst(reasons),
        reasons=reasons,
        version=__version__,
        environment=settings.environment,
        sample_data=settings.is_simulated,
        checked_at=clock.now().isoformat(),
        database=counters,
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
