"""Correspondence, which the API calls generic tools: each type is a tool with its own items (FACTS 10.4)."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, not_found
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import (
    COST_CODE,
    LOCATION,
    SPEC_SECTION,
    TRADE,
    UPLOADS,
    USER,
    USERS,
    Field,
    anything,
    day,
    flag,
    text,
    texts,
)
from construction_mcp.simulator.operations import (
    IDS_ONLY,
    RecordType,
    create,
    in_company,
    listing,
    next_number,
    shown,
    update,
)
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import people, person, plain
from construction_mcp.simulator.world import World

TOOL = plain("id title abbreviation private_by_default") | {"domain_id": shape.source("domain")}


def _tool(world: World, record: Record) -> dict[str, Any] | None:
    found = world.find("generic_tool", world.company_of(record), record["generic_tool_id"])
    if found is None:
        return None
    return {
        "id": found.id,
        "abbreviation": found["abbreviation"],
        "domain_id": found["domain"],
        "title": found["title"],
    }


ITEM = plain(
    "id position title description status status_type due_date issued_at closed_at private schedule_impact cost_impact"
    " created_at updated_at"
) | {
    "created_by": person("created_by_id"),
    "received_from": person("received_from_id"),
    "assignees": people("assignee_ids"),
    "distribution_members": people("distribution_member_ids"),
    "location": shape.embedded("location_id", "location", shape.LOCATION | plain("code")),
    "trade": shape.trade(),
    "generic_tool": _tool,
    "attachments": shape.attachments,
    "custom_fields": shape.const({}),
}


def _status_type(body: dict[str, Any]) -> dict[str, Any]:
    return {"status_type": body["status"]} if body.get("status") in ("Open", "Closed", "Draft") else {}


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    start: dict[str, Any] = {
        "generic_tool_id": call.id_in_path("generic_tool_id"),
        "position": str(next_number(call, "generic_tool_item", call.project.id, "position")),
        "status": "Open",
        "status_type": "Open",
        "private": False,
        "issued_at": call.now,
        "received_from_id": call.actor.user_id,
        "assignee_ids": [],
        "distribution_member_ids": [],
    }
    return {**start, **body, **_status_type(body)}


def _impact(_call: Call, _name: str, value: Any) -> dict[str, Any]:
    """Written as a word, answered as an object."""
    return {"status": value, "value": None}


ITEM_TYPE = RecordType(
    kind="generic_tool_item",
    wrapper="generic_tool_item",
    hook_name="Generic Tool Items",
    fields=texts("title description position status")
    | {
        "due_date": Field(day),
        "private": Field(flag),
        "skip_emails": Field(anything),
        "schedule_impact": Field(_impact),
        "cost_impact": Field(_impact),
        "received_from_id": USER,
        "assignee_ids": USERS,
        "distribution_member_ids": USERS,
        "location_id": LOCATION,
        "cost_code_id": COST_CODE,
        "specification_section_id": SPEC_SECTION,
        "trade_id": TRADE,
        "upload_ids": UPLOADS,
    },
    fill=_complete,
    revise=lambda call, _record, changes: {
        **changes,
        **_status_type(changes),
        **({"closed_at": call.now} if changes.get("status") == "Closed" else {}),
    },
)

RESPONSE = plain("id notes official position status created_at") | {
    "created_by": person("created_by_id"),
    "attachments": shape.attachments,
}
RESPONSE_TYPE = RecordType(
    kind="generic_tool_response",
    wrapper="generic_tool_item_response",
    fields={"notes": Field(text), "official": Field(flag), "status": Field(text), "upload_ids": UPLOADS},
    fill=lambda _call, body: {"official": False, "status": None, **body},
)


def _item(call: Call) -> Record:
    """An item of exactly the tool in the path."""
    call.find("generic_tool", call.company_id or 0, call.id_in_path("generic_tool_id"))
    item = call.find("generic_tool_item", call.project.id, call.id_in_path("generic_tool_item_id"))
    if item["generic_tool_id"] != call.id_in_path("generic_tool_id"):
        raise not_found("Generic tool item", item.id)
    return item


ITEM_FILTERS = {
    "id": filters.record_id,
    "status": filters.same("status"),
    "generic_tool_id": filters.same("generic_tool_id"),
    "received_from_id": filters.same("received_from_id"),
    "created_by_id": filters.same("created_by_id"),
    "login_information_id": filters.holds("assignee_ids"),
    "query": filters.search("title", "description"),
    "created_at": filters.during("created_at"),
    "updated_at": filters.during("updated_at"),
}
ITEM_SORT = {name: name for name in ("due_date", "position", "status", "title", "updated_at", "created_at")}
ITEM_VIEWS = {"ids_only": IDS_ONLY, "compact": plain("id title status due_date")}


def list_items(call: Call) -> Answer:
    tool_id = call.id_in_path("generic_tool_id")
    call.find("generic_tool", call.company_id or 0, tool_id)
    return listing(
        "generic_tool_item",
        ITEM,
        rows=lambda _call, rows: [each for each in rows if each["generic_tool_id"] == tool_id],
        filters=ITEM_FILTERS,
        sort_keys=ITEM_SORT,
        views=ITEM_VIEWS,
    )(call)


def create_item(call: Call) -> Answer:
    call.find("generic_tool", call.company_id or 0, call.id_in_path("generic_tool_id"))
    return shown(call, create(call, ITEM_TYPE, call.wrapped("generic_tool_item")), ITEM, 201)


def show_item(call: Call) -> Answer:
    return shown(call, _item(call), ITEM)


def update_item(call: Call) -> Answer:
    return shown(call, update(call, ITEM_TYPE, _item(call), call.wrapped("generic_tool_item")), ITEM)


def list_responses(call: Call) -> Answer:
    item = _item(call)
    rows = call.world.table("generic_tool_response", item.scope).children(item.id)
    return listing("generic_tool_response", RESPONSE, rows=lambda _call, _rows: rows)(call)


def create_response(call: Call) -> Answer:
    item = _item(call)
    position = len(call.world.table("generic_tool_response", item.scope).children(item.id)) + 1
    response = create(call, RESPONSE_TYPE, call.wrapped("generic_tool_item_response"), parent=item.id)
    return shown(call, call.world.change(response, {"position": position}), RESPONSE, 201)


_ITEMS = "/rest/v1.0/projects/{project_id}/generic_tools/{generic_tool_id}/generic_tool_items"
_RESPONSES = _ITEMS + "/{generic_tool_item_id}/generic_tool_item_responses"
ROUTES = (
    Route(
        "GET",
        "/rest/v1.0/companies/{company_id}/generic_tools",
        listing("generic_tool", TOOL, scope=in_company),
    ),
    Route(
        "GET",
        "/rest/v1.0/projects/{project_id}/correspondence_type_items",
        listing("generic_tool_item", ITEM, filters=ITEM_FILTERS, sort_keys=ITEM_SORT, views=ITEM_VIEWS),
    ),
    Route("GET", _ITEMS, list_items),
    Route("POST", _ITEMS, create_item, "standard"),
    Route("GET", _ITEMS + "/{generic_tool_item_id}", show_item),
    Route("PATCH", _ITEMS + "/{generic_tool_item_id}", update_item, "standard"),
    Route("GET", _RESPONSES, list_responses),
    Route("POST", _RESPONSES, create_response, "standard"),
)
