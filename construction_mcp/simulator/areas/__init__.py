"""One file per Procore tool. Each lists its ROUTES; what it has in common with the others is in operations.py."""

from collections.abc import Iterator

from construction_mcp.simulator.areas import (
    budget,
    change_events,
    change_orders,
    companies,
    contracts,
    coordination,
    correspondence,
    daily_logs,
    directory,
    documents,
    drawings,
    incidents,
    inspections,
    meetings,
    observations,
    photos,
    punch_list,
    rfis,
    schedule,
    specifications,
    submittals,
    tasks,
    uploads,
    webhooks,
    webhooks_v2,
    workflows,
)
from construction_mcp.simulator.routing import Route

_AREAS = (
    budget, change_events, change_orders, companies, contracts, coordination, correspondence, daily_logs, directory,
    documents, drawings, incidents, inspections, meetings, observations, photos, punch_list, rfis, schedule,
    specifications, submittals, tasks, uploads, webhooks, webhooks_v2,
    workflows,
)  # fmt: skip


def all_routes() -> Iterator[Route]:
    """Every operation the simulator knows; what is not here answers 501."""
    for area in _AREAS:
        yield from area.ROUTES
