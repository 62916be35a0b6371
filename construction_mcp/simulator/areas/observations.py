"""Observations (FACTS 10.4). Creating one tells nobody; `send_unsent` sends all unsent ones of the project."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import (
    LOCATION,
    TRADE,
    UPLOADS,
    USER,
    USERS,
    Field,
    all_of,
    day,
    flag,
    link,
    one_of,
    text,
    texts,
)
from construction_mcp.simulator.operations import (
    RecordType,
    create,
    creating,
    in_company,
    listing,
    next_number,
    showing,
    shown,
    updating,
)
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain, render
from construction_mcp.simulator.world import World

STATUSES = ("initiated", "ready_for_review", "not_accepted", "closed")  # in filters by their place (FACTS 5)
PRIORITIES = ("Low", "Medium", "High", "Urgent")

TYPE = plain("id name category category_key category_id") | {
    "active": shape.const(True),
    "localized_name": shape.source("name"),
}


def _assignee(world: World, record: Record) -> dict[str, Any] | None:
    user = shape.user(world, record["assignee_id"])
    firm = shape.employer(world, user)
    if user is None:
        return None
    vendor = {"id": firm.id, "name": firm["name"]} if firm else None
    return {"id": user.id, "name": user["name"], "vendor": vendor}


SHOW = plain(
    "id number name description status priority personal date_notified due_date closed_at"
    " created_at updated_at deleted_at"
) | {
    "description_rich_text": shape.source("description"),
    "assignee": _assignee,
    "created_by": person("created_by_id"),
    "location": shape.location(),
    "trade": shape.trade(),
    "type": shape.embedded("type_id", "observation_type", TYPE, in_company=True),
    "distribution_members": shape.people("distribution_member_ids"),
    "attachments": shape.attachments,
    "custom_fields": shape.const({}),
}
ROW = {name: renderer for name, renderer in SHOW.items() if name not in ("distribution_members", "attachments")}


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    number = str(next_number(call, "observation", call.project.id))
    blank: dict[str, Any] = {"status": "initiated", "priority": None, "personal": False, "number": number}
    return {**blank, "date_notified": None, "distribution_member_ids": [], **body}


def _revise(call: Call, _record: Record, changes: dict[str, Any]) -> dict[str, Any]:
    if "status" in changes:
        changes["closed_at"] = call.now if changes["status"] == "closed" else None
    return changes


OBSERVATION = RecordType(
    kind="observation",
    wrapper="observation",
    hook_name="Observation Items",
    required=("name", "type_id"),
    configured=("due_date",),
    fields=texts("name description number")
    | {
        "priority": Field(one_of(*PRIORITIES)),
        "status": Field(one_of(*STATUSES)),
        "personal": Field(flag),
        "due_date": Field(day),
        "assignee_id": USER,
        "distribution_member_ids": USERS,
        "type_id": Field(link("observation_type", in_company=True)),
        "trade_id": TRADE,
        "location_id": LOCATION,
        "upload_ids": UPLOADS,
    },
    fill=_complete,
    revise=_revise,
)


def _label(_world: World, record: Record) -> str:
    return str(record["status"]).replace("_", " ").title()


RESPONSE = plain("id comment created_at updated_at") | {
    "item_id": lambda _world, record: record.parent,
    "status": _label,
    "created_by": shape.named_person("created_by_id"),
    "created_by_name": lambda world, record: (shape.as_person(shape.user(world, record["created_by_id"])) or {}).get(
        "name"
    ),
    "attachments": shape.const([]),
}
RESPONSE_TYPE = RecordType(
    kind="observation_response",
    wrapper="response_log",
    hook_name="Observation Item Response Logs",
    fields={"comment": Field(text)} | all_of(one_of(*STATUSES), "status"),
)


def _item(call: Call) -> Record:
    return call.find("observation", call.project.id, call.id_in_path("item_id"))


def list_responses(call: Call) -> Answer:
    item = _item(call)
    rows = call.world.table("observation_response", item.scope).children(item.id)
    return listing("observation_response", RESPONSE, rows=lambda _call, _rows: rows)(call)


def create_response(call: Call) -> Answer:
    """A response may carry a new status, which the observation takes over."""
    item, sent = _item(call), call.wrapped("response_log")
    status = call.body.get("status") or sent.get("status") or item["status"]
    sent = {**sent, "status": status}
    response = create(call, RESPONSE_TYPE, sent, parent=item.id)
    if status != item["status"]:
        changed = call.world.change(item, _revise(call, item, {"status": status}))
        call.tell("Observation Items", "update", changed)
    return shown(call, response, RESPONSE, 201)


def send_unsent(call: Call) -> Answer:
    unsent = [each for each in call.world.table("observation", call.project.id) if not each["date_notified"]]
    sent = [call.world.change(each, {"date_notified": call.now[:10]}) for each in unsent]
    return Answer(200, [render(call.world, each, ROW) for each in sent])


BASE = "/rest/v1.0/observations"
ROUTES = (
    Route(
        "GET",
        BASE + "/items",
        listing(
            "observation",
            ROW,
            filters={
                "id": filters.record_id,
                "status": filters.coded("status", STATUSES),
                "priority": filters.same("priority"),
                "type_id": filters.same("type_id"),
                "assignee_id": filters.same("assignee_id"),
                "created_by_id": filters.same("created_by_id"),
                "location_id": filters.same("location_id"),
                "trade_ids": filters.same("trade_id"),
                "search": filters.search("name", "description", "number"),
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
    Route("POST", BASE + "/items", creating(OBSERVATION, SHOW), "standard"),
    Route("GET", BASE + "/items/{id}", showing("observation", SHOW)),
    Route("PATCH", BASE + "/items/{id}", updating(OBSERVATION, SHOW), "standard"),
    Route("POST", BASE + "/items/send_unsent", send_unsent, "standard"),
    Route("GET", BASE + "/types", listing("observation_type", TYPE, scope=in_company)),
    Route("GET", BASE + "/items/{item_id}/response_logs", list_responses),
    Route("POST", BASE + "/items/{item_id}/response_logs", create_response, "standard"),
)
