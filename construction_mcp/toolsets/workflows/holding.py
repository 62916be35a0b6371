"""Stopping everything at once, and letting it go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal
from construction_mcp.engine.holds import Holds
from construction_mcp.store.holds import Hold, Scope

HeldProject = Annotated[int | None, Field(ge=1), "Only what runs in this Procore project"]
HeldConnection = Annotated[
    str | None, Field(min_length=1, max_length=200), "Only what runs as this connection, as run_as names it"
]


@dataclass(frozen=True, slots=True)
class Held:
    """All that is held now, oldest first; scope is all, project or connection."""

    held: Sequence[Hold]


@tool(effect="workspace", destructive=True, idempotent=True)
async def pause_all(
    project_id: HeldProject = None,
    connection: HeldConnection = None,
    *,
    holds: Holds,
    principal: Principal,
) -> Held:
    """Hold every workflow, or those of one project or connection, within a second; return all that is held.

    Queued work waits and nothing is lost. Use resume_all to go on, rollback_workflow to pause one workflow.
    """
    return Held(await holds.hold(*_subject(project_id, connection), principal.id))


@tool(effect="workspace", idempotent=True)
async def resume_all(
    project_id: HeldProject = None,
    connection: HeldConnection = None,
    *,
    holds: Holds,
    principal: Principal,
) -> Held:
    """Let go on what pause_all holds, named as it was held; return what is still held.

    Schedules that fell due meanwhile count as missed and follow their catch_up.
    """
    return Held(await holds.release(*_subject(project_id, connection), principal.id))


def _subject(project_id: int | None, connection: str | None) -> tuple[Scope, str]:
    if project_id is not None and connection is not None:
        raise Invalid("Give a project or a connection, or neither for everything.", details={"field": "connection"})
    if project_id is not None:
        return "project", str(project_id)
    return ("all", "") if connection is None else ("connection", connection)
