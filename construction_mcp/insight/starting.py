"""The trigger that a goal asks for."""

from collections.abc import Mapping
from typing import Any

from construction_mcp.insight.advice import Missing
from construction_mcp.insight.goal import Goal
from construction_mcp.procore.event_names import EVENTS

RESOURCES: Mapping[str, str] = {  # our word for a record -> what Procore's events of it are called
    "rfi": "RFIs",
    "submittal": "Submittals",
    "daily_log": "Daily Logs",
    "punch_item": "Punch Items",
    "observation": "Observation Items",
    "inspection": "Inspection Checklists",
    "incident": "Incidents",
    "meeting": "Meetings",
    "change_event": "Change Events",
    "weather": "Weather Logs",
    "schedule_task": "Tasks",
    "photo": "Images",
    "document": "Project Files",
}
_BY_CREATION = frozenset({"new"})
_BY_CHANGE = frozenset({"approved", "failed", "closed", "changed", "response", "overdue"})


def trigger_of(goal: Goal) -> dict[str, Any] | None:
    """The trigger a goal names, as far as it does; None where it says neither when nor upon what."""
    if goal.when is not None:
        zone = {"timezone": goal.zone} if goal.zone else {}
        return {"type": "schedule", "cron": goal.when.cron, **zone}
    if goal.on_event and goal.kind in RESOURCES:
        name = RESOURCES[goal.kind]
        return {"type": "webhook", "source": "procore", "resources": [name], "events": _events(goal, name)}
    return None


def open_points(goal: Goal) -> list[Missing]:
    """What the words leave open about when it runs."""
    assumed = goal.when.assumed if goal.when else ()
    found = [Missing(f"trigger.{at}", "Is this what they mean?", assumed=one) for at, one in enumerate(assumed, 1)]
    if goal.when is not None and goal.zone is None:
        found.append(Missing("trigger.timezone", "Which time zone is that in, as America/Chicago?"))
    return found


def _events(goal: Goal, resource: str) -> list[str]:
    known = set(goal.concepts)
    wanted = [event for event, said in (("create", _BY_CREATION), ("update", _BY_CHANGE)) if known & said] or [
        "create",
        "update",
    ]
    return [event for event in wanted if event in EVENTS[resource]] or list(EVENTS[resource])[:1]
