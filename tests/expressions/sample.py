"""A scope such as the compiler builds, and values such as a run has."""

from typing import Any

from construction_mcp.expressions.port import Scope

PERSON = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "email": {"type": ["string", "null"], "format": "email"}},
}
RFI: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer"},
        "subject": {"type": "string"},
        "status": {"enum": ["open", "closed"]},
        "due_date": {"type": ["string", "null"], "format": "date"},
        "days_overdue": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "is_overdue": {"type": "boolean"},
        "cost": {"type": "number"},
        "ball_in_court": {"anyOf": [PERSON, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "custom_fields": {"type": "object"},
    },
}
STEP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "output": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"items": {"type": "array", "items": RFI}, "total": {"type": "integer"}},
        },
        "status": {"type": "string"},
    },
}
SCOPE = Scope(
    {
        "steps.open_rfis": STEP,
        "steps.closed_rfis": STEP,
        "vars.notify_to": {"type": "string", "format": "email"},
        "vars.limit": {"type": "integer"},
        "vars.days": {"type": "array", "items": {"type": "integer"}},
        "trigger": {},
        "item": RFI,
        "index": {"type": "integer"},
    }
)
ITEMS: list[dict[str, Any]] = [
    {"id": 1, "subject": "Slab edge", "due_date": "2026-02-27", "days_overdue": 3, "is_overdue": True, "cost": 4.5},
    {"id": 2, "subject": "Door", "due_date": None, "days_overdue": None, "is_overdue": False, "cost": None},
    {"id": 3, "subject": "Beam", "due_date": "2026-03-05", "days_overdue": 0, "is_overdue": False, "cost": 2},
]
VALUES: dict[str, Any] = {
    "steps": {"open_rfis": {"output": {"items": ITEMS, "total": 3}, "status": "completed"}},
    "vars": {"notify_to": "ann@example.com", "limit": 2, "text": "plain", "nothing": None, "step": "open_rfis"},
    "trigger": {"body": {"amount": "1,200.50", "lines": [{"quantity": 2}]}},
    "item": ITEMS[1],
    "clock": {"now": "2026-03-03T04:30:00Z", "timezone": "America/Chicago", "holidays": ["2026-03-04"]},
}
