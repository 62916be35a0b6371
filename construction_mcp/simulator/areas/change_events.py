"""Change events (FACTS 10.4): `status` and `scope` are required; amounts are strings."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, missing
from construction_mcp.simulator.call import Call, Handler
from construction_mcp.simulator.fields import Field, Read, anything, one_of, texts, whole
from construction_mcp.simulator.operations import RecordType, creating, listing, next_number, showing, updating
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain, text_id
from construction_mcp.simulator.world import World

SCOPES = ("tbd", "in_scope", "out_of_scope")


def _status(world: World, record: Record) -> dict[str, Any] | None:
    found = shape.linked(world, record, "status_id", "change_event_status", in_company=True)
    return {"id": found.id, "name": found["name"], "mapped_to_status": found["name"].lower()} if found else None


def _type(world: World, record: Record) -> dict[str, Any] | None:
    found = shape.linked(world, record, "type_id", "change_event_type", in_company=True)
    return {"id": found.id, "name": found["name"], "abbreviation": found["name"][:2].upper()} if found else None


def _reason(world: World, record: Record) -> dict[str, Any] | None:
    found = shape.linked(world, record, "reason_id", "change_reason", in_company=True)
    return {"id": found.id, "change_reason": found["name"]} if found else None


def _items(_world: World, record: Record) -> list[dict[str, Any]]:
    currency = {"currency_iso_code": "USD"}
    return [
        {
            "id": record.id * 10 + place,
            "event_id": record.id,
            "event_number": record["number"],
            "event_title": record["title"],
            "description": item.get("description"),
            "item_type": "change_event_line_item",
            "cost_impact": item.get("cost_impact") or {},
            "revenue_impact": item.get("revenue_impact") or {},
            "latest_cost_values": {"amount": item.get("amount"), "amount_project_currency": item.get("amount")},
            "currency_configuration": currency,
            "created_at": record["created_at"],
            "updated_at": record["updated_at"],
        }
        for place, item in enumerate(record["items"] or (), start=1)
    ]


SHOW = plain("id number title description scope created_at updated_at deleted_at") | {
    "project_id": shape.project_id,
    "company_id": shape.company_id,
    "status": _status,
    "change_type": _type,
    "change_reason": _reason,
    "event_origin": shape.source("event_origin"),
    "in_recycle_bin": lambda _world, record: record.is_deleted,
    "comments_enabled": shape.const(True),
    "deletable": shape.const(True),
    "created_by": person("created_by_id"),
    "attachments": shape.attachments,
    "external_data": lambda _w, record: {"origin_id": record["origin_id"], "origin_data": record["origin_data"]},
    "change_items": _items,
    "markup_items": shape.const([]),
    "production_quantities": shape.const([]),
    "notes": shape.const({}),
    "currency_configuration": shape.const({"currency_iso_code": "USD"}),
    "custom_fields": shape.const({}),
}


def _chosen(kind: str) -> Read:
    """`{"id": n}` of one of the company's list."""

    def read(call: Call, name: str, value: Any) -> int:
        chosen = whole(call, name, value.get("id") if isinstance(value, dict) else value)
        return call.find(kind, call.company_id or 0, chosen).id

    return read


def _external(_call: Call, _name: str, value: Any) -> Any:
    return value.get("origin_id") if isinstance(value, dict) else None


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    number = f"{next_number(call, 'change_event', call.project.id):03d}"
    return {"number": number, "items": [], **body}


CHANGE_EVENT = RecordType(
    kind="change_event",
    wrapper="change_event",
    hook_name="Change Events",
    required=("status", "scope"),
    fields=texts("number title description")
    | {
        "scope": Field(one_of(*SCOPES)),
        "status": Field(_chosen("change_event_status"), stored="status_id"),
        "change_type": Field(_chosen("change_event_type"), stored="type_id"),
        "change_reason": Field(_chosen("change_reason"), stored="reason_id"),
        "event_origin": Field(anything),
        "external_data": Field(_external, stored="origin_id"),
        "change_items": Field(anything, stored="items"),
    },
    fill=_complete,
)


def _company_list(kind: str) -> Handler:
    view = {"id": text_id(), "name": shape.source("name")}
    return listing(kind, view, scope=lambda call: call.company_id or 0)


def list_reasons(call: Call) -> Answer:
    if call.text("company_id") is None:
        raise missing("company_id")
    view = plain("id") | {"change_reason": shape.source("name")}
    return listing("change_reason", view, scope=lambda call: call.company_id or 0)(call)


BASE = "/rest/v1.1/change_events"
ROUTES = (
    Route(
        "GET",
        BASE,
        listing(
            "change_event",
            SHOW,
            filters={"created_at": filters.during("created_at"), "updated_at": filters.during("updated_at")},
        ),
    ),
    Route("POST", BASE, creating(CHANGE_EVENT, SHOW), "standard"),
    Route("GET", BASE + "/{id}", showing("change_event", SHOW)),
    Route("PATCH", BASE + "/{id}", updating(CHANGE_EVENT, SHOW), "standard"),
    Route("GET", "/rest/v2.0/companies/{company_id}/change_events/statuses", _company_list("change_event_status")),
    Route("GET", "/rest/v2.0/companies/{company_id}/change_event/types", _company_list("change_event_type")),
    Route("GET", "/rest/v1.0/change_order_change_reasons", list_reasons),
)
