"""`diagnose_workflow` and `explain_stuck_executions`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.toolset import tool
from construction_mcp.insight.diagnose import Finding, Here, diagnose
from construction_mcp.insight.stuck import Stuck, explain
from construction_mcp.procore.access import Accounts
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.store.database import Database
from construction_mcp.store.evidence import of_open, of_workflow
from construction_mcp.toolsets.debugging.reaching import reachable

_LOOK_BACK = timedelta(days=30)  # at deliveries


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, worst first; empty where nothing is."""

    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class StuckOnes:
    """Oldest first. truncated: there are more."""

    items: Sequence[Stuck]
    truncated: bool


@tool(effect="read", listed=True)
async def diagnose_workflow(
    workflow_id: Annotated[str, Field(min_length=1, max_length=64), "Id from list_workflows"],
    symptom: Annotated[str | None, Field(max_length=2000), "What is wrong, in words"] = None,
    execution_id: Annotated[str | None, Field(min_length=1, max_length=64), "Judge by this run alone"] = None,
    context: Annotated[str | None, Field(max_length=2000), "What changed before"] = None,
    *,
    database: Database,
    settings: Settings,
    accounts: Accounts,
    clock: Clock,
    catalog: Catalog,
    view: View,
) -> Diagnosis:
    """Find why a workflow fails or does not start, worst first, with evidence, the fix and the next call."""
    now = clock.now()
    evidence = await database.read(lambda tx: of_workflow(tx, workflow_id, now - _LOOK_BACK, execution_id))
    here = Here(now, settings.environment, settings.serve_url is not None, accounts.is_service)
    found = diagnose(evidence, here, f"{symptom or ''} {context or ''}")
    return Diagnosis(
        [one if one.next is None else replace(one, next=reachable(one.next, catalog, view)) for one in found]
    )


@tool(effect="read")
async def explain_stuck_executions(
    workflow_id: Annotated[str | None, Field(min_length=1, max_length=64), "Only this workflow"] = None,
    older_than_minutes: Annotated[int, Field(ge=0, le=525_600), "Only what started this long ago"] = 5,
    limit: Annotated[int, Field(ge=1, le=100), "Most executions shown"] = 25,
    *,
    database: Database,
    clock: Clock,
    catalog: Catalog,
    view: View,
) -> StuckOnes:
    """Explain for each execution that has not ended what it waits for and what moves it, oldest first.

    Use diagnose_workflow for why runs fail.
    """
    now = clock.now()
    before = now - timedelta(minutes=older_than_minutes)
    found = await database.read(lambda tx: of_open(tx, before, limit + 1, workflow_id))
    items = [
        one if one.next is None else replace(one, next=reachable(one.next, catalog, view))
        for one in explain(found, now)[:limit]
    ]
    return StuckOnes(items, len(found.runs) > limit)
