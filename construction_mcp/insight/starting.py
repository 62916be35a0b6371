"""The trigger that a goal asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.insight.advice import Missing
from construction_mcp.insight.goal import Goal
from construction_mcp.insight.when import When
from construction_mcp.procore.event_names import EVENTS
from construction_mcp.workflow.definition import Trigger

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


@dataclass(frozen=True, slots=True)
class Start:
    """A trigger, and what the words leave open about it."""

    trigger: Mapping[str, Any]
    missing: Sequence[Missing] = ()


def start_of(goal: Goal, like: Trigger | None = None) -> Start | None:
    """The trigger a goal names; None where it says neither when nor upon what.

    like: a schedule that gives what the goal leaves open.
    """
    if goal.when is not None:
        return _scheduled(goal, goal.when, like)
    if goal.on_event and goal.kind is not None:
        name = _resource(goal, goal.kind)
        events = _events(goal, name)
        return Start({"type": "webhook", "source": "procore", "resources": [name], "events": events})
    return None


def _resource(goal: Goal, kind: str) -> str:
    """What Procore's events call it; documents come in many sorts, so the goal's own word counts there."""
    said = goal.text.lower()
    named = [name for name in EVENTS if name.lower() in said] if kind == "document" else []
    return max(named, key=len, default=RESOURCES[kind])


def _scheduled(goal: Goal, when: When, like: Trigger | None) -> Start:
    cron, assumed = when.like(like.cron if like else None)
    zone = goal.zone or (like.timezone if like else None)
    missing = [Missing(f"trigger.{at}", "Is this what they mean?", assumed=one) for at, one in enumerate(assumed, 1)]
    if goal.zone is None:
        missing.append(Missing("trigger.timezone", "Which time zone is that in, as America/Chicago?", assumed=zone))
    base = like.written() if like else {"type": "schedule"}
    return Start({**base, "cron": cron, **({"timezone": zone} if zone else {})}, missing)


def _events(goal: Goal, resource: str) -> list[str]:
    known = set(goal.concepts)
    wanted = [event for event, said in (("create", _BY_CREATION), ("update", _BY_CHANGE)) if known & said] or [
        "create",
        "update",
    ]
    return [event for event in wanted if event in EVENTS[resource]] or list(EVENTS[resource])[:1]
