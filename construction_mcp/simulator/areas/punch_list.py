"""Punch items (FACTS 10.4): status Open, Closed, Overdue or Pending in answers, open or closed in writes."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import (
    COST_CODE,
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
    money,
    one_of,
    text,
    texts,
    whole,
)
from construction_mcp.simulator.operations import RecordType, creating, listing, next_number, showing, updating
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import people_with_company, person_with_company, plain
from construction_mcp.simulator.world import World

WORKFLOW = (
    "draft", "initiated", "in_dispute", "work_required", "ready_for_review", "work_not_accepted", "ready_to_close",
    "not_accepted_by_creator", "closed",
)  # fmt: skip
IMPACTS = ("yes_known", "yes_unknown", "no_impact", "tbd", "n_a")


def _status(world: World, record: Record) -> str:
    """What the service derives: closed, not yet sent, past due, or open."""
    if record["workflow_status"] == "closed":
        return "Closed"
    if record["workflow_status"] == "draft":
        return "Pending"
    project = world.get("project", world.company_of(record), record.scope)
    overdue = record["due"] and record["due"] < world.today(project).isoformat()
    return "Overdue" if overdue else "Open"


def _ball(world: World, record: Record) -> list[dict[str, Any]]:
    step = record["workflow_status"]
    if step == "closed":
        return []
    holder = {
        "draft": "created_by_id",
        "ready_for_review": "punch_item_manager_id",
        "ready_to_close": "final_approver_id",
    }
    ids = [record[holder[step]]] if step in holder else record["assignee_ids"]
    found = (shape.user(world, each) for each in ids or ())
    return [{"id": each.id, "name": each["name"], "locale": "en"} for each in found if each]


def _row_assignments(world: World, record: Record) -> list[dict[str, Any]]:
    """The list sends times where the record of one sends dates."""
    times = {"notified_at": record["created_at"], "updated_at": record["updated_at"]}
    return [{**each, **times} for each in _assignments(world, record)]


def _assignments(world: World, record: Record) -> list[dict[str, Any]]:
    rows = []
    for place, each in enumerate(record["assignee_ids"] or (), start=1):
        user = shape.user(world, each)
        done = record["workflow_status"] in ("ready_for_review", "ready_to_close", "closed")
        rows.append(
            {
                "id": record.id * 10 + place,
                "approved": done,
                "comment": None,
                "login_information_id": each,
                "login_information": shape.as_person(user),
                "notified_at": record["created_at"][:10],
                "status": "resolved" if done else "unresolved",
                "updated_at": record["updated_at"][:10],
                "attachments": [],
            }
        )
    return rows


def _whole_amount(_world: World, record: Record) -> int | None:
    amount = record["cost_impact_amount"]
    return int(float(amount)) if amount else None


_BOTH = plain(
    "id name description reference position priority private workflow_status schedule_impact schedule_impact_days"
    " cost_impact created_at updated_at closed_at deleted_at"
) | {
    "due_date": shape.source("due"),
    "status": _status,
    "ball_in_court": _ball,
    "trade": shape.trade(),
    "punch_item_type": shape.named("punch_item_type_id", "punch_item_type"),
    "cost_code": shape.named("cost_code_id", "cost_code"),
    "created_by": person_with_company("created_by_id"),
    "closed_by": person_with_company("closed_by_id"),
    "punch_item_manager": person_with_company("punch_item_manager_id"),
    "final_approver": person_with_company("final_approver_id"),
    "location": shape.embedded("location_id", "location", shape.LOCATION | plain("code")),
    "custom_fields": shape.const({}),
}
ROW = _BOTH | plain("cost_impact_amount") | {
    "assignments": _row_assignments,
    "assignees": shape.people("assignee_ids"),
    "has_resolved_responses": shape.const(False),
    "has_unresolved_responses": shape.const(True),
}  # fmt: skip
SHOW = _BOTH | plain("date_initiated") | {
    "assignments": _assignments,
    "location": shape.location(),
    # The show record draws this amount as an integer, the list as a string of money.
    "cost_impact_amount": _whole_amount,
    "attachments": shape.attachments,
    "comments": shape.const([]),
    "can_email": shape.const(True),
    "distribution_members": people_with_company("distribution_member_ids"),
    "images": shape.const([]),
}  # fmt: skip


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    blank: dict[str, Any] = {
        "private": False,
        "priority": None,
        "assignee_ids": [],
        "punch_item_manager_id": call.actor.user_id,
        "date_initiated": call.now[:10],
        "position": next_number(call, "punch_item", call.project.id, "position"),
    }
    return _follow_status(call, {**blank, "workflow_status": "initiated", **body})


def _follow_status(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """`status` open or closed in a write sets the workflow status; closing stamps who and when."""
    asked = body.pop("status", None)
    if asked:
        body["workflow_status"] = "closed" if asked == "closed" else "initiated"
    if body.get("workflow_status") == "closed":
        return {**body, "closed_at": call.now, "closed_by_id": call.actor.user_id}
    if "workflow_status" in body:
        return {**body, "closed_at": None, "closed_by_id": None}
    return body


PUNCH_ITEM = RecordType(
    kind="punch_item",
    wrapper="punch_item",
    hook_name="Punch Items",
    required=("name",),
    configured=("location_id", "trade_id"),
    fields=texts("name description reference priority")
    | all_of(one_of(*IMPACTS), "schedule_impact cost_impact")
    | {
        "due": Field(day),
        "date_initiated": Field(day),
        "private": Field(flag),
        "position": Field(whole),
        "status": Field(one_of("open", "closed")),
        "workflow_status": Field(one_of(*WORKFLOW)),
        "schedule_impact_days": Field(whole),
        "cost_impact_amount": Field(money),
        "login_information_ids": Field(USERS.read, stored="assignee_ids"),
        "distribution_member_ids": USERS,
        "punch_item_manager_id": USER,
        "final_approver_id": USER,
        "punch_item_type_id": Field(link("punch_item_type")),
        "trade_id": TRADE,
        "cost_code_id": COST_CODE,
        "location_id": LOCATION,
        "upload_ids": UPLOADS,
    },
    fill=_complete,
    revise=lambda call, _record, changes: _follow_status(call, changes),
)


def _status_filter(call: Call, values: list[str]) -> filters.Keeps:
    """open includes what is overdue, as in the web list."""
    wanted = {value.lower() for value in values} | ({"overdue"} if "open" in values else set())
    return lambda record: _status(call.world, record).lower() in wanted


def add_comment(call: Call) -> Answer:
    item = call.find("punch_item", call.project.id, call.id_in_path())
    comment = {"id": item.id * 10, "body": text(call, "body", call.wrapped("comment").get("body") or "")}
    call.world.change(item, {})
    call.tell("Punch Items", "update", item)
    return Answer(
        201, {**comment, "created_at": call.now, "updated_at": call.now, "creator": shape.as_person(call.user)}
    )


BASE = "/rest/v1.1/punch_items"
ROUTES = (
    Route(
        "GET",
        BASE,
        listing(
            "punch_item",
            ROW,
            filters={
                "status": _status_filter,
                "priority": filters.same("priority"),
                "punch_item_type_id": filters.same("punch_item_type_id"),
                "location_id": filters.same("location_id"),
                "trade_id": filters.same("trade_id"),
                "id": filters.record_id,
                "query": filters.search("name", "description"),
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
    Route("POST", BASE, creating(PUNCH_ITEM, SHOW), "standard"),
    Route("GET", BASE + "/{id}", showing("punch_item", SHOW)),
    Route("PATCH", BASE + "/{id}", updating(PUNCH_ITEM, SHOW), "standard"),
    Route("POST", "/rest/v1.0/punch_items/{id}/comments", add_comment, "standard"),
    Route(
        "GET",
        "/rest/v1.0/punch_item_types",
        listing("punch_item_type", shape.TYPE_NAME, sort_keys={"name": "name"}, filters={"name": filters.same("name")}),
    ),
)
