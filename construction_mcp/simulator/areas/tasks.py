"""The Tasks tool (task items, not the schedule; FACTS 10.4)."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import UPLOADS, USER, USERS, Field, flag, instant, link, one_of, texts
from construction_mcp.simulator.operations import RecordType, creating, listing, next_number, showing, updating
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain
from construction_mcp.simulator.world import World

STATUSES = ("initiated", "in_progress", "ready_for_review", "closed", "void")


def _assignees(world: World, record: Record) -> list[dict[str, Any]]:
    notified = record["created_at"][:10]
    return [{**one, "date_notified": notified} for one in shape.people("assignee_ids")(world, record)]


ROW = plain("id number title description status due_date private") | {
    "assignee": person("assigned_id"),
    "assignees": _assignees,
    "date_notified": lambda _world, record: record["created_at"][:10],
    "task_item_category": shape.named("task_item_category_id", "task_item_category"),
}
SHOW = ROW | plain("created_at updated_at") | {
    "created_by": person("created_by_id"),
    "attachments": shape.attachments,
}  # fmt: skip


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    number = str(next_number(call, "task_item", call.project.id))
    start = {"status": "initiated", "private": False, "number": number, "assignee_ids": [], **body}
    return start if start.get("assigned_id") else {**start, "assigned_id": next(iter(start["assignee_ids"]), None)}


TASK_ITEM = RecordType(
    kind="task_item",
    wrapper="task_item",
    hook_name="Task Items",
    fields=texts("title number description")
    | {
        "due_date": Field(instant),
        "status": Field(one_of(*STATUSES)),
        "private": Field(flag),
        "assigned_id": USER,
        "assignee_ids": USERS,
        "distribution_member_ids": USERS,
        "task_item_category_id": Field(link("task_item_category")),
        "upload_ids": UPLOADS,
    },
    fill=_complete,
)

BASE = "/rest/v1.0/task_items"
ROUTES = (
    Route(
        "GET",
        BASE,
        listing(
            "task_item",
            ROW,
            sort_keys={name: name for name in ("number", "title", "due_date", "status")} | {"assignee": "assigned_id"},
            filters={
                "id": filters.record_id,
                "status": filters.same("status"),
                "assigned_id": filters.same("assigned_id"),
                "created_by_id": filters.same("created_by_id"),
                "task_item_category_id": filters.same("task_item_category_id"),
                "due_date": filters.during("due_date"),
                "query": filters.search("title", "description", "number"),
                "created_at": filters.during("created_at"),
            },
        ),
    ),
    Route("POST", BASE, creating(TASK_ITEM, SHOW), "standard"),
    Route("GET", BASE + "/{id}", showing("task_item", SHOW)),
    Route("PATCH", BASE + "/{id}", updating(TASK_ITEM, SHOW), "standard"),
)
