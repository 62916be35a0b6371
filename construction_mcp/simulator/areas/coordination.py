"""Coordination issues (FACTS 10.4)."""

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.fields import LOCATION, TRADE, UPLOADS, USER, Field, day, one_of, texts
from construction_mcp.simulator.operations import RecordType, creating, listing, showing, updating
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person_with_company, plain

STATUSES = ("open", "in_progress", "blocked", "unblocked", "ready_for_review", "moved_to_observation", "closed")
TYPES = (
    "building_code", "clash", "client_feedback", "constructability", "coordination", "design_review",
    "existing_condition", "requirement_change", "other",
)  # fmt: skip

ISSUE = plain(
    "id title description status issue_type priority due_date creation_source created_at updated_at"
) | {
    "assignee": person_with_company("assignee_id"),
    "created_by": person_with_company("created_by_id"),
    "location": shape.location(),
    "trade": shape.trade(),
    "attachments": shape.attachments,
    "comments_count": shape.const(0),
    "custom_fields": shape.const({}),
}  # fmt: skip

ISSUE_TYPE = RecordType(
    kind="coordination_issue",
    wrapper="coordination_issue",
    hook_name="Coordination Issues",
    required=("title",),
    fields=texts("title description creation_source")
    | {
        "status": Field(one_of(*STATUSES)),
        "issue_type": Field(one_of(*TYPES)),
        "priority": Field(one_of("low", "medium", "high", "critical")),
        "due_date": Field(day),
        "assignee_id": USER,
        "location_id": LOCATION,
        "trade_id": TRADE,
        "attachment_upload_uuids": UPLOADS,
    },
    fill=lambda _call, body: {"status": "open", "issue_type": "clash", "creation_source": "web", **body},
)

BASE = "/rest/v1.0/coordination_issues"
ROUTES = (
    Route(
        "GET",
        BASE,
        listing(
            "coordination_issue",
            ISSUE,
            sort_keys={name: name for name in ("created_at", "updated_at", "due_date", "title", "status")},
            filters={
                "ids": filters.record_id,
                "status": filters.same("status"),
                "assignee_id": filters.same("assignee_id"),
                "created_by_id": filters.same("created_by_id"),
                "location_id": filters.same("location_id"),
                "trade_id": filters.same("trade_id"),
                "issue_type": filters.same("issue_type"),
                "priority": filters.same("priority"),
                "search": filters.search("title", "description"),
                "updated_at": filters.during("updated_at"),
                "created_at": filters.during("created_at"),
                "due_date": filters.during("due_date"),
            },
        ),
    ),
    Route("POST", BASE, creating(ISSUE_TYPE, ISSUE), "standard"),
    Route("GET", BASE + "/{id}", showing("coordination_issue", ISSUE)),
    Route("PATCH", BASE + "/{id}", updating(ISSUE_TYPE, ISSUE), "standard"),
)
