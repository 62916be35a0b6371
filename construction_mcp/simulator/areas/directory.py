"""People, vendors, places and codes."""

from collections.abc import Iterable
from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import missing
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.operations import IDS_ONLY, in_company, listing, showing
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import plain
from construction_mcp.simulator.world import World


def _vendor_of_user(world: World, record: Record) -> dict[str, Any] | None:
    firm = shape.employer(world, record)
    return None if firm is None else {"id": firm.id, "name": firm["name"]}


def _template(_world: World, record: Record) -> dict[str, Any]:
    """The permission template that stands for the user's level on project tools."""
    names = {"admin": "Project Admin", "standard": "Project Team", "read": "Read Only Guest", "none": "No Access"}
    place = list(names).index(record["level"]) + 1
    return {"id": place, "name": names[record["level"]], "project_specific": False, "type": "global"}


USER = plain(
    "id first_name last_name name initials email_address job_title business_phone mobile_phone is_employee is_active"
    " created_at updated_at address city state_code zip country_code employee_id notes origin_id"
) | {"vendor": _vendor_of_user, "permission_template": _template}
USER_COMPACT = plain("id first_name last_name name initials") | {"vendor": _vendor_of_user}

USER_FILTERS = {
    "created_at": filters.during("created_at"),
    "updated_at": filters.during("updated_at"),
    "vendor_id": filters.same("vendor_id"),
    "search": filters.search("name", "email_address", "job_title"),
    "employee": filters.same("is_employee"),
    "id": filters.record_id,
}
USER_SORT = {"name": "last_name", "full_name": "name", "email": "email_address", "job_title": "job_title"}


def _everywhere(_call: Call) -> int:
    return 0


def _of_company(call: Call, records: Iterable[Record]) -> list[Record]:
    company = call.whole("company_id") or call.company_id
    return [record for record in records if company in record["company_ids"]]


def _of_project(call: Call, records: Iterable[Record]) -> list[Record]:
    members = set(call.project["member_ids"])
    return [record for record in records if record.id in members]


def _trades(world: World, record: Record) -> list[dict[str, Any]]:
    found = (world.find("trade", record.scope, each) for each in record["trade_ids"] or ())
    return [shape.render(world, each, shape.TRADE) for each in found if each]


VENDOR = plain(
    "id name abbreviated_name email_address website business_phone address city state_code country_code zip is_active"
    " authorized_bidder prequalified project_ids created_at updated_at notes origin_id license_number"
) | {"trades": _trades, "attachments": shape.const([])}

VENDOR_FILTERS = {
    "id": filters.record_id,
    "search": filters.search("name"),
    "trade_id": filters.holds("trade_ids"),
    "origin_id": filters.same("origin_id"),
    "created_at": filters.during("created_at"),
    "updated_at": filters.during("updated_at"),
}


def _vendor_scope(call: Call) -> int:
    """Project vendors are company vendors that work there."""
    if "project_id" in call.params:
        return call.world.company_of(call.project)
    if call.text("company_id") is None:
        raise missing("company_id")
    return in_company(call)


def _working_here(call: Call, records: Iterable[Record]) -> list[Record]:
    return [record for record in records if call.project.id in record["project_ids"]]


VENDOR_VIEWS = {"ids_only": IDS_ONLY, "name": plain("id name"), "compact": plain("id name is_active logo")}

LOCATION = shape.LOCATION | plain("code")


def _below(_call: Call, values: list[str]) -> filters.Keeps:
    wanted = set(values)
    return lambda record: str(record["parent_id"]) in wanted


COST_CODE = plain(
    "id name code full_code position sortable_code budgeted created_at updated_at origin_id origin_data"
) | {"biller": shape.const("Project"), "biller_id": shape.project_id, "biller_type": shape.const("Project")}

ROUTES = (
    Route(
        "GET",
        "/rest/v1.3/companies/{company_id}/users",
        listing(
            "user",
            USER,
            scope=_everywhere,
            rows=_of_company,
            filters=USER_FILTERS,
            sort_keys=USER_SORT,
            views={"ids_only": IDS_ONLY},
        ),
    ),
    Route(
        "GET",
        "/rest/v1.0/projects/{project_id}/users",
        listing(
            "user",
            USER,
            scope=_everywhere,
            rows=_of_project,
            filters=USER_FILTERS,
            sort_keys=USER_SORT,
            views={"compact": USER_COMPACT},
        ),
    ),
    Route("GET", "/rest/v1.0/projects/{project_id}/users/{id}", showing("user", USER, scope=_everywhere)),
    Route(
        "GET",
        "/rest/v1.1/projects/{project_id}/vendors",
        listing(
            "vendor",
            VENDOR,
            scope=_vendor_scope,
            rows=_working_here,
            filters=VENDOR_FILTERS,
            sort_keys={"name": "name"},
            views=VENDOR_VIEWS,
        ),
    ),
    Route(
        "GET",
        "/rest/v1.0/vendors",
        listing(
            "vendor",
            VENDOR,
            scope=_vendor_scope,
            filters=VENDOR_FILTERS,
            sort_keys={"name": "name"},
            views=VENDOR_VIEWS,
        ),
    ),
    Route("GET", "/rest/v1.0/vendors/{id}", showing("vendor", VENDOR, scope=in_company)),
    Route(
        "GET",
        "/rest/v1.0/projects/{project_id}/locations",
        listing(
            "location",
            LOCATION,
            filters={
                "id": filters.record_id,
                "parent_id": _below,
                "search": filters.search("name"),
                "updated_at": filters.during("updated_at"),
            },
            sort_keys={name: name for name in ("created_at", "name", "node_name", "parent_id", "updated_at")},
        ),
    ),
    Route(
        "GET",
        "/rest/v1.0/cost_codes",
        listing("cost_code", COST_CODE, filters={"id": filters.record_id, "origin_id": filters.same("origin_id")}),
    ),
    Route(
        "GET",
        "/rest/v1.0/companies/{company_id}/trades",
        listing("trade", shape.TRADE, scope=in_company, filters={"query": filters.search("name")}),
    ),
)
