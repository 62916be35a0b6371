"""Incidents: event times are UTC, with `time_unknown` for local midnight (FACTS 7). Up to 1000 per page (FACTS 4)."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import LOCATION, UPLOADS, USERS, Field, all_of, flag, instant, one_of, texts
from construction_mcp.simulator.operations import RecordType, creating, listing, next_number, showing, updating
from construction_mcp.simulator.paging import PageSize
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    number = next_number(call, "incident", call.project.id)
    blank: dict[str, Any] = {"status": "open", "private": False, "recordable": False, "time_unknown": False}
    return {**blank, "number": number, "event_date": call.now, "distribution_member_ids": [], **body}


INCIDENT = RecordType(
    kind="incident",
    wrapper="incident",
    hook_name="Incidents",
    fields=texts("title description")
    | all_of(flag, "private recordable time_unknown")
    | {
        "event_date": Field(instant),
        "status": Field(one_of("open", "closed")),
        "location_id": LOCATION,
        "distribution_member_ids": USERS,
        "assignee_ids": USERS,
        "upload_uuids": UPLOADS,
    },
    fill=_complete,
)

_COUNTS = "records_count open_observations_count closed_observations_count actions_count witness_statements_count"

ROW = plain(
    "id number title description event_date time_unknown status private recordable created_at updated_at deleted_at"
) | {
    "created_by": person("created_by_id"),
    "location": shape.location(),
    "attachments_count": lambda world, record: len(shape.attachments(world, record)),
    "custom_fields": shape.const({}),
    **{name: shape.const(0) for name in _COUNTS.split()},
}
EMPTY_PARTS = "actions environmentals injuries near_misses property_damages witness_statements"
SHOW = ROW | {"distribution_members": shape.people("distribution_member_ids")} | {
    name: shape.const([]) for name in EMPTY_PARTS.split()
}  # fmt: skip

BASE = "/rest/v1.0/projects/{project_id}/incidents"
ROUTES = (
    Route(
        "GET",
        BASE,
        listing(
            "incident",
            ROW,
            pages=PageSize(1000, 1000),
            sort_keys={name: name for name in ("created_at", "event_date", "number", "recordable", "title")},
            filters={
                "id": filters.record_id,
                "status": filters.same("status"),
                "recordable": filters.same("recordable"),
                "time_unknown": filters.same("time_unknown"),
                "location_id": filters.same("location_id"),
                "assignee_id": filters.holds("assignee_ids"),
                "query": filters.search("title", "description"),
                "created_at": filters.during("created_at"),
                "updated_at": filters.during("updated_at"),
                "event_date": filters.during("event_date"),
            },
        ),
    ),
    Route("POST", BASE, creating(INCIDENT, SHOW), "standard"),
    Route("GET", BASE + "/{id}", showing("incident", SHOW)),
    Route("PATCH", BASE + "/{id}", updating(INCIDENT, SHOW), "standard"),
)
