"""Specification sections, their revisions and sets (read)."""

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, missing
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.operations import listing
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import plain

SECTION = plain("id number description current_revision_id") | {
    "label": lambda _world, record: f"{record['number']} - {record['description']}",
}

REVISION = plain("id number description revision issued_date received_date updated_at specification_set_id") | {
    "specification_section_id": lambda _world, record: record.parent,
    "specification_section_division_id": shape.source("division"),
    "url": lambda world, record: f"{world.api_url}/download/spec-{record.id}",
    "custom_fields": shape.const({}),
}

# The set's timestamps are drawn as dates in the record.
SET = plain("id name date position") | {
    "project_id": shape.project_id,
    "company_id": shape.company_id,
    "created_at": lambda _world, record: record["created_at"][:10],
    "updated_at": lambda _world, record: record["updated_at"][:10],
}


def list_revisions(call: Call) -> Answer:
    if call.text("specification_section_division_id") is None:
        raise missing("specification_section_division_id")
    return listing(
        "specification_revision",
        REVISION,
        filters={"specification_section_division_id!": filters.same("division")},
    )(call)


ROUTES = (
    Route(
        "GET",
        "/rest/v1.0/specification_sections",
        listing(
            "specification_section",
            SECTION,
            paged=False,
            sort_keys={"number": "number"},
            filters={"id": filters.record_id},
        ),
    ),
    Route("GET", "/rest/v1.0/specification_section_revisions", list_revisions),
    Route("GET", "/rest/v1.0/projects/{project_id}/specification_sets", listing("specification_set", SET)),
)
