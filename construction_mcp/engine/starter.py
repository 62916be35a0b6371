"""How a start becomes an execution: one way for a schedule, a delivery, a poll and a person."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from construction_mcp.store.executions import EVENT, INTERACTIVE, SCHEDULED, NewExecution
from construction_mcp.store.starts import Startable

_PRIORITIES = {"schedule": SCHEDULED, "webhook": EVENT, "poll": EVENT, "workflow": EVENT}


def new_execution(
    active: Startable,
    trigger: Mapping[str, Any],
    *,
    requested_by: str,
    key: str | None,
    depth: int = 0,
) -> NewExecution:
    """An execution of the active version, ready to be enqueued.

    trigger: as `trigger_value` makes it. requested_by: `schedule`, `webhook`, `poll`, `workflow`, or a person's id,
    who is served first. key: what tells this start from another of the same workflow.
    """
    return NewExecution(
        workflow_id=active.id,
        version=active.number,
        plan_hash=active.plan_hash,
        trigger=trigger,
        environment=active.environment,
        company_id=active.company_id,
        project_id=active.project_id,
        run_as=active.run_as,
        requested_by=requested_by,
        key=key,
        priority=_PRIORITIES.get(requested_by, INTERACTIVE),
        depth=depth,
    )


def trigger_value(
    trigger: Mapping[str, Any],
    kind: str,
    at: datetime,
    *,
    given: Any = None,
    event: Mapping[str, Any] | None = None,
    record: Any = None,
    body: Any = None,
) -> dict[str, Any]:
    """What expressions see as `trigger`: exactly the names that `trigger_schema` promises for this trigger.

    kind: how it started this time: the trigger's type, or `manual`. given: a person's input.
    """
    value: dict[str, Any] = {"type": kind, "at": moment_text(at), "input": given}
    if trigger["type"] == "poll" or trigger.get("source") == "procore":
        value |= {"event": event, "record": record}
    elif trigger["type"] == "webhook":
        value["body"] = body
    return value


def event_key(event_id: str) -> str:
    """The key of what an event starts: however often and however late it is told, one execution."""
    return f"event:{event_id}"


def change_key(resource_name: str, resource_id: int | str, updated_at: str) -> str:
    """The key of what a poll starts: this state of this record, once."""
    return f"change:{resource_name}:{resource_id}:{updated_at}"


def moment_text(moment: datetime) -> str:
    """As expressions read moments: UTC to the second, `2026-03-02T15:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
