"""`query_audit_log`: who did what to what, and whether the log is what was written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal, Role
from construction_mcp.store.audit import Filters, page
from construction_mcp.store.audit import verify as verified
from construction_mcp.store.columns import optional_time_text
from construction_mcp.store.database import Database


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Entries, newest first. chain: with verify, how many there are in all and first_break, None where it holds."""

    items: Sequence[Mapping[str, Any]]
    next_cursor: str | None = None
    chain: Mapping[str, Any] | None = None


@tool(effect="read", role=Role.ADMIN)
async def query_audit_log(
    since: Annotated[datetime | None, "Earliest moment"] = None,
    until: Annotated[datetime | None, "Before this moment"] = None,
    actor: Annotated[str | None, Field(min_length=1, max_length=200), "Who did it"] = None,
    kind: Annotated[str | None, Field(min_length=1, max_length=64), "As deploy_workflow"] = None,
    about: Annotated[str | None, Field(min_length=1, max_length=200), "As workflow:wf_1, execution:exe_1"] = None,
    verify: Annotated[bool, "Check the hash chain"] = False,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    database: Database,
    cursors: Cursors,
    principal: Principal,
) -> AuditLog:
    """List changes, decisions, deployments and holds, newest first. For one run use observe_workflow_execution."""
    for field, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise Invalid(f"{field} needs a time zone.", details={"field": field}, hint="As 2026-03-02T09:00:00Z.")
    only = Filters(since, until, actor, kind, about)
    query = ["audit", optional_time_text(since), optional_time_text(until), actor, kind, about, principal.id]
    before = cursors.read(cursor, query) if cursor is not None else None
    found = await database.read(lambda tx: page(tx, only, limit + 1, before))
    chain = (await database.read(verified))._asdict() if verify else None
    more = cursors.sign(found[limit - 1]["sequence"], query) if len(found) > limit else None
    return AuditLog([_shown(one) for one in found[:limit]], more, chain)


def _shown(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry as it is chained, its targets as a list."""
    return {**entry, "targets": json.loads(entry["targets"])}
