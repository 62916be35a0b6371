"""Who hears of trouble: of one workflow, and of everything. How they are told is in `engine/alerts.py`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.destinations import MAIL_ADDRESS
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.writing import existing
from construction_mcp.store import audit
from construction_mcp.store.alert_rules import EVERYTHING, Least, Rule, put_rule, rules_of
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.workflows import Workflows

_Kind = Literal["failed", "needs_review", "reconnect", "missed", "quarantined", "stopped"]
_Address = Annotated[str, Field(min_length=3, max_length=254)]
_Recipients = Annotated[list[_Address] | None, Field(max_length=20), "Mail addresses; none: the owner again"]


@dataclass(frozen=True, slots=True)
class Told:
    """What counts now."""

    recipients: Sequence[str]
    off: Sequence[str]


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What counts now. least: how bad it has to be: warning, error or critical."""

    recipients: Sequence[str]
    least: str


@tool(effect="workspace", idempotent=True)
async def configure_workflow_notifications(
    workflow_id: Annotated[str, Field(min_length=1, max_length=64), "Whose trouble it is"],
    recipients: _Recipients = None,
    off: Annotated[list[_Kind] | None, Field(max_length=6), "Kinds to leave out"] = None,
    *,
    database: Database,
    workflows: Workflows,
    principal: Principal,
    clock: Clock,
) -> Told:
    """Say who is mailed about a workflow's trouble and which kinds not; what is not given stays."""
    await existing(workflows, workflow_id)
    rule = await _changed(database, clock, principal, workflow_id, recipients, off, None)
    return Told(rule.recipients, rule.off)


@tool(effect="workspace", role=Role.ADMIN, idempotent=True)
async def configure_global_alerts(
    recipients: Annotated[list[_Address] | None, Field(max_length=20), "Mail addresses"] = None,
    least: Annotated[Literal["warning", "error", "critical", "same"], "How bad it has to be"] = "same",
    *,
    database: Database,
    principal: Principal,
    clock: Clock,
) -> Everywhere:
    """Say who is mailed about all workflows' trouble besides their owners; what is not given stays."""
    rule = await _changed(database, clock, principal, EVERYTHING, recipients, None, None if least == "same" else least)
    return Everywhere(rule.recipients, rule.least)


async def _changed(
    database: Database,
    clock: Clock,
    principal: Principal,
    workflow_id: str,
    recipients: Sequence[str] | None,
    off: Sequence[str] | None,
    least: Least | None,
) -> Rule:
    """The rule with what was given, kept with its audit entry; nothing given reads it.

    Raises:
        Invalid: a recipient is no mail address.
    """
    for address in recipients or ():
        if not re.fullmatch(MAIL_ADDRESS, address):
            raise Invalid(f"{address[:100]!r} is no mail address.", details={"field": "recipients"})
    given = {"recipients": recipients, "off": off, "least": least}
    changes = {name: value for name, value in given.items() if value is not None}

    def write(tx: Tx) -> Rule:
        before = rules_of(tx, [workflow_id]).get(workflow_id, Rule())
        rule = replace(before, **changes)  # type: ignore[arg-type]  # each as its field takes it
        if rule != before:
            put_rule(tx, workflow_id, rule)
            name = "configure_workflow_notifications" if workflow_id else "configure_global_alerts"
            told = ", ".join(rule.recipients) or "the owner"
            targets = [f"workflow:{workflow_id}"] if workflow_id else []
            words = f"Tell {told} of trouble, except {', '.join(rule.off) or 'nothing'}"
            audit.append(tx, audit.Entry(principal.id, name, "done", words, targets), clock.now())
        return rule

    return await database.write(write, durable=True)
