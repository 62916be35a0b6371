"""What a trigger brings, made up: for trying a workflow before anything has happened.

It has the shape of `trigger_schema` and values as a mid-sized builder's records have them, each field by its name.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from construction_mcp.actions.action import ActionTypes
from construction_mcp.expressions.port import Schema
from construction_mcp.procore.event_names import EVENTS, named
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.triggers import trigger_schema

_RECORD_ID, _USER_ID = 42001, 501

# By the name of the field, whatever record it is in. A field that is not here is null where it may be.
_TEXTS: Mapping[str, str] = {
    "number": "014",
    "subject": "Slab edge at grid C-4",
    "title": "Storefront glazing, Level 1",
    "name": "Guardrail missing at slab opening",
    "status": "Open",
    "question": "Drawing A-201 shows the slab edge 6 in. outside of S-101. Which one governs?",
    "body": "S-101 governs; A-201 will be revised.",
    "description": "Seen on the morning walk, north stair.",
    "location": "Building A>Level 2",
    "spec_section": "08 44 13 Glazed Aluminum Curtain Walls",
    "drawing_number": "A-201",
    "revision": "0",
    "response": "Approved",
    "scope": "tbd",
    "amount": "12500.00",
    "currency": "USD",
}
_PEOPLE = frozenset(
    {"assignee", "assignees", "attendees", "ball_in_court", "created_by", "final_approver", "inspectors",
     "point_of_contact", "punch_item_manager", "rfi_manager", "submittal_manager", "uploader"}
)  # fmt: skip
_NUMBERS: Mapping[str, int] = {"items": 12, "inspected": 12, "deficient": 2, "days_overdue": 0}
_AHEAD = frozenset({"due_date", "submit_by", "required_on_site_date"})
_NOT_YET = frozenset({"attachments", "closed_at", "not_applied", "returned_date"})

# Where the same name means something else. Procore writes the status of an RFI in lower case; an inspection is worth an
# event once it is done.
_OF_KIND: Mapping[str, Mapping[str, Any]] = {
    "RFIs": {"status": "open"},
    "Inspection Checklists": {"name": "Pre-Pour Concrete", "status": "Closed"},
    "Observation Items": {"type": "Fall Protection", "category": "Safety", "priority": "High"},
    "Change Events": {"title": "Rooftop screen extension"},
    "Incidents": {"title": "Laceration at north stair"},
    "Meetings": {"title": "Weekly Owner Meeting"},
    "Project Files": {"name": "Site logistics plan.pdf"},
}


def sample_event(
    trigger: Trigger | None,
    types: ActionTypes,
    now: datetime,
    *,
    company_id: int | None = None,
    project_id: int | None = None,
) -> dict[str, Any]:
    """A value for `trigger` as this trigger would bring it at `now` (aware): the first of its resources and events.

    `input` is null and a custom sender's `body` an example, since what those hold is their sender's business.
    """
    kind = "manual" if trigger is None else trigger.type
    found: dict[str, Any] = {"type": kind, "at": _moment(now), "input": None}
    schema = trigger_schema(trigger, types)["properties"]
    if "body" in schema:
        found["body"] = {"example": "Whatever the sender sends stands here."}
    if trigger is not None and "event" in schema:
        resource = named((trigger.resources or ["RFIs"])[0]) or "RFIs"
        event = next(iter(trigger.events or EVENTS[resource]))
        found["event"] = {
            "id": "01K9ZX3V5T8Q2M4N6P7R8S9TAB",
            "resource_name": resource,
            "event_type": event,
            "resource_id": _RECORD_ID,
            "project_id": project_id or 1001,
            "company_id": company_id,
            "user_id": _USER_ID,
            "at": _moment(now - timedelta(seconds=2)),
        }
        found["record"] = None if event == "delete" else _record(trigger, resource, types, found["event"], now)
    return found


def _record(
    trigger: Trigger, resource: str, types: ActionTypes, event: Mapping[str, Any], now: datetime
) -> dict[str, Any] | None:
    """The record of the event; None where it is of no kind that is known."""
    alone = trigger.model_copy(update={"resources": [resource]})
    schema = trigger_schema(alone, types)["properties"]["record"]
    if not schema:
        return None
    record: dict[str, Any] = _value(schema, "", now)
    link = f"https://app.procore.com/{event['project_id']}/project/sample/{event['resource_id']}"
    own = {"id": event["resource_id"], "project_id": event["project_id"], "web_url": link, **_OF_KIND.get(resource, {})}
    return {**record, **{name: value for name, value in own.items() if name in record}}


def _value(schema: Schema, name: str, now: datetime) -> Any:
    """A value of the schema, guessed by the field's name; null where it may be null and nothing better is known."""
    choices = schema.get("anyOf", [schema])
    some: Schema = next((one for one in choices if one.get("type") != "null"), {})
    if name in _NOT_YET and len(choices) > 1:
        return None
    kind = some.get("type")
    if kind == "object":
        return {key: _value(one, key, now) for key, one in some.get("properties", {}).items()}
    if kind == "array":
        return [_value(some.get("items", {}), name, now)]
    if kind == "string":
        return _text(some, name, now) or (None if len(choices) > 1 else name)
    plain = {"integer": _NUMBERS.get(name, 1), "number": float(_NUMBERS.get(name, 1)), "boolean": False}
    return plain.get(str(kind))


def _text(schema: Schema, name: str, now: datetime) -> str | None:
    if schema.get("format") == "date":
        return (now + timedelta(days=7 if name in _AHEAD else 0)).date().isoformat()
    if schema.get("format") == "date-time":
        return _moment(now - timedelta(hours=1))
    choices: Sequence[str] = schema.get("enum", ())
    return choices[0] if choices else "Dana Ortiz" if name in _PEOPLE else _TEXTS.get(name)


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
