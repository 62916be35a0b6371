"""Inspections, which the API calls checklists: made from a template, answered item by item."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, missing
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import (
    LOCATION,
    TRADE,
    USER,
    USERS,
    VENDOR,
    Field,
    day,
    flag,
    instant,
    number,
    one_of,
    read_fields,
    text,
    texts,
)
from construction_mcp.simulator.operations import RecordType, create, listing, next_number, showing, shown, updating
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import people_with_company, person_with_company, plain
from construction_mcp.simulator.world import World

STATUSES = ("Open", "In Review", "Closed")
ITEM_STATUSES = ("yes", "no", "n/a", "none")

TEMPLATE = plain("id name description number created_at updated_at") | {
    "deletable": shape.const(True),
    "trade": shape.trade(),
}


def items_of(world: World, checklist: Record) -> list[Record]:
    return world.table("checklist_item", checklist.scope).children(checklist.id)


def _count(*statuses: str) -> shape.Renderer:
    return lambda world, record: sum(1 for each in items_of(world, record) if each["status"] in statuses)


def _overdue(world: World, record: Record) -> bool:
    due = record["due_at"]
    return bool(due and record["status"] != "Closed" and due < world.clock.now().isoformat())


SHOW = plain(
    "id name list_template_id list_template_name number status description inspection_date due_at closed_at private"
    " created_at updated_at"
) | {
    "template_id": shape.source("list_template_id"),
    "deleted": lambda _world, record: record.is_deleted,
    "overdue": _overdue,
    "location": shape.embedded("location_id", "location", shape.LOCATION | plain("code")),
    "trade": shape.trade(),
    "created_by": person_with_company("created_by_id"),
    "closed_by": person_with_company("closed_by_id"),
    "point_of_contact": person_with_company("point_of_contact_id"),
    "responsible_contractor": shape.vendor("responsible_contractor_id"),
    "inspectors": people_with_company("inspector_ids"),
    "distribution_members": people_with_company("distribution_member_ids"),
    "item_count": lambda world, record: len(items_of(world, record)),
    "conforming_item_count": _count("yes"),
    "deficient_item_count": _count("no"),
    "not_applicable_item_count": _count("n/a"),
    "neutral_item_count": shape.const(0),
    "inspected_item_count": _count("yes", "no", "n/a"),
    "attachments": shape.const([]),
    "custom_fields": shape.const({}),
}


def _revise(call: Call, _record: Record, changes: dict[str, Any]) -> dict[str, Any]:
    if "status" in changes:
        closed = changes["status"] == "Closed"
        changes |= {"closed_at": call.now if closed else None, "closed_by_id": call.actor.user_id if closed else None}
    return changes


CHECKLIST = RecordType(
    kind="checklist",
    wrapper="list",
    hook_name="Inspection Checklists",
    fields=texts("name description")
    | {
        "status": Field(one_of(*STATUSES)),
        "inspection_date": Field(day),
        "due_at": Field(instant),
        "private": Field(flag),
        "inspector_ids": USERS,
        "distribution_member_ids": USERS,
        "point_of_contact_id": USER,
        "responsible_contractor_id": VENDOR,
        "location_id": LOCATION,
        "trade_id": TRADE,
    },
    revise=_revise,
)


def create_checklist(call: Call) -> Answer:
    """The template gives the name and the items, all still unanswered."""
    template_id = call.whole("list_template_id")
    if template_id is None:
        raise missing("list_template_id")
    template = call.find("checklist_template", call.project.id, template_id)
    sent = call.wrapped("list")
    checklist = create(call, CHECKLIST, sent)
    start = {
        "list_template_id": template.id,
        "list_template_name": template["name"],
        "name": checklist["name"] or template["name"],
        "number": next_number(call, "checklist", call.project.id),
        "status": checklist["status"] or "Open",
        "private": bool(checklist["private"]),
        "inspector_ids": checklist["inspector_ids"] or [call.actor.user_id],
    }
    checklist = call.world.change(checklist, start)
    for place, name in enumerate(template["items"], start=1):
        item = {"name": name, "position": place, "status": "none"}
        call.world.add("checklist_item", checklist.scope, item, parent=checklist.id)
    return shown(call, checklist, SHOW, 201)


_WORDS = {"yes": "Pass", "no": "Fail", "n/a": "N/A"}


def _response(_world: World, record: Record) -> dict[str, Any] | None:
    status = record["status"]
    place = ITEM_STATUSES.index(status) + 1
    return None if status == "none" else {"id": place, "name": _WORDS[status], "corresponding_status": status}


ITEM = plain("id name position status updated_at") | {
    "list_id": lambda _world, record: record.parent,
    "section_id": lambda _world, record: record.parent,
    "number": lambda _world, record: str(record["position"]),
    "relative_position": shape.source("position"),
    "type": shape.const({"id": 1, "category": "response_set", "name": "Pass/Fail/N/A"}),
    "response": _response,
}


def respond(call: Call) -> Answer:
    item = call.find("checklist_item", call.project.id, call.id_in_path("item_id"))
    fields = {
        "status": Field(one_of(*ITEM_STATUSES)),
        "text_value": Field(text),
        "number_value": Field(number),
        "date_value": Field(day),
    }
    sent = read_fields(call, call.wrapped("item_response"), fields)
    status = sent.get("status") or item["status"]
    changed = call.world.change(item, {"status": status, "responded_at": call.now})
    checklist = call.world.get("checklist", item.scope, item.parent or 0)
    call.tell("Inspection Checklists", "update", call.world.change(checklist, {}))
    chosen = _response(call.world, changed)
    payload = {name: sent.get(name) for name in ("text_value", "number_value", "date_value")}
    option = chosen and {"id": chosen["id"], "name": chosen["name"]}
    return Answer(
        201,
        {
            "item_id": item.id,
            "status": status,
            "responded_at": call.now,
            "responder": shape.as_person(call.user),
            "item_type": {"id": 1, "category": "response_set", "name": "Pass/Fail/N/A"},
            "payload": {**payload, "response_option": option},
        },
    )


_PROJECT = "/projects/{project_id}/checklist"
ROUTES = (
    Route(
        "GET",
        f"/rest/v1.1{_PROJECT}/list_templates",
        listing("checklist_template", TEMPLATE, sort_keys={"name": "name"}, filters={"query": filters.search("name")}),
    ),
    Route(
        "GET",
        f"/rest/v1.0{_PROJECT}/lists",
        listing(
            "checklist",
            SHOW,
            sort_keys={name: name for name in ("created_at", "inspection_date", "name", "number", "updated_at")},
            filters={
                "id": filters.record_id,
                "status": filters.coded("status", STATUSES),
                "template_id": filters.same("list_template_id"),
                "inspector_id": filters.holds("inspector_ids"),
                "location_id": filters.same("location_id"),
                "trade_id": filters.same("trade_id"),
                "created_by_id": filters.same("created_by_id"),
                "inspection_date": filters.during("inspection_date"),
                "query": filters.search("name", "list_template_name"),
                "created_at": filters.during("created_at"),
                "updated_at": filters.during("updated_at"),
                "closed_at": filters.during("closed_at"),
            },
        ),
    ),
    Route("POST", f"/rest/v1.1{_PROJECT}/lists", create_checklist, "standard"),
    Route("GET", f"/rest/v1.0{_PROJECT}/lists/{{id}}", showing("checklist", SHOW)),
    Route("PATCH", f"/rest/v1.1{_PROJECT}/lists/{{id}}", updating(CHECKLIST, SHOW), "standard"),
    Route(
        "GET",
        f"/rest/v1.1{_PROJECT}/list_items",
        listing(
            "checklist_item",
            ITEM,
            filters={
                "id": filters.record_id,
                "list_id": filters.parent_id,
                "section_id": filters.parent_id,
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
    Route("POST", f"/rest/v1.0{_PROJECT}/items/{{item_id}}/item_response", respond, "standard"),
)
