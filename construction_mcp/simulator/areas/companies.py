"""Companies, projects and who is asking."""

from collections.abc import Iterable
from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, Refused, missing
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import Field, all_of, day, flag, money, text, texts, whole
from construction_mcp.simulator.instants import TIME_ZONES
from construction_mcp.simulator.operations import RecordType, create, in_company, listing, shown, update
from construction_mcp.simulator.paging import V1_PAGES, PageSize, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import plain, render
from construction_mcp.simulator.world import World

COMPANY = plain("id name is_active logo_url pcn_business_experience my_company")


def list_companies(call: Call) -> Answer:
    """The caller's companies; with a service account those that installed the app (FACTS 2.6)."""
    mine = [record for record in call.world.table("company", 0) if record.id in call.user["company_ids"]]
    page, headers = cut_page(call, mine, V1_PAGES)
    return Answer(200, [render(call.world, record, COMPANY) for record in page], headers)


def show_me(call: Call) -> Answer:
    return Answer(200, shape.as_person(call.user))


def _company(world: World, record: Record) -> dict[str, Any]:
    owner = world.get("company", 0, record.scope)
    return {"id": owner.id, "name": owner["name"]}


def _stage(_world: World, record: Record) -> dict[str, Any] | None:
    return {"id": 1 if record["active"] else 2, "name": record["stage"]} if record["stage"] else None


COMPACT = plain("id name")
NORMAL = plain(
    "id name display_name project_number address city state_code country_code zip county latitude longitude time_zone"
    " total_value estimated_value active start_date completion_date created_at updated_at"
    " accounting_project_number origin_id origin_code origin_data phone store_number designated_market_area"
    " parent_job_id photo_id"
) | {"company": _company, "project_stage": _stage, "is_demo": shape.const(False)}
FULL = NORMAL | plain("description flag projected_finish_date actual_start_date public_notes square_feet") | {
    "tz_name": lambda _world, record: TIME_ZONES.get(record["time_zone"], "UTC"),
    "departments": shape.const([]),
}  # fmt: skip


def _mine(call: Call, records: Iterable[Record]) -> list[Record]:
    """Only projects the caller is on (FACTS 5: non-admins; a service account: its permitted ones)."""
    return [record for record in records if call.actor.user_id in record["member_ids"]]


def _by_status(_call: Call, values: list[str]) -> filters.Keeps:
    wanted = values[0].lower()
    return lambda record: wanted == "all" or bool(record["active"]) == (wanted == "active")


def _time_zone(_call: Call, name: str, value: Any) -> str:
    if value not in TIME_ZONES:
        raise Refused(422, "time_zone is not in the list", errors={name: ["is not included in the list"]})
    return str(value)


PROJECT = RecordType(
    kind="project",
    wrapper="project",
    hook_name="Projects",
    required=("name",),
    scope=in_company,
    fields=texts("name project_number address city state_code country_code zip county phone description origin_id")
    | all_of(day, "start_date completion_date projected_finish_date actual_start_date")
    | all_of(money, "total_value estimated_value")
    | {"active": Field(flag), "time_zone": Field(_time_zone), "square_feet": Field(whole), "flag": Field(text)},
    fill=lambda call, changes: {
        "display_name": changes["name"],
        "time_zone": "UTC",
        "active": True,
        "stage": "Preconstruction",
        # Whoever creates a project is on it; a service account must be permitted by a person first (FACTS 2.6).
        "member_ids": [] if call.actor.is_service_account else [call.actor.user_id],
        **changes,
    },
)

list_projects = listing(
    "project",
    NORMAL,
    scope=in_company,
    rows=_mine,
    pages=PageSize(100, 300),  # FACTS 4
    views={"ids": shape.plain("id"), "compact": COMPACT, "extended": FULL},
    sort_keys={"name": "name", "display_name": "display_name"},
    filters={
        "by_status": _by_status,
        "name": filters.search("name"),
        "project_number": filters.same("project_number"),
        "created_at": filters.during("created_at"),
        "updated_at": filters.during("updated_at"),
        "origin_id": filters.same("origin_id"),
        "id": filters.record_id,
    },
)


def list_company_projects(call: Call) -> Answer:
    """v1.1 wants company_id in the query besides the header."""
    if call.text("company_id") is None:
        raise missing("company_id")
    return list_projects(call)


def show_project(call: Call) -> Answer:
    if call.text("company_id") is None:
        raise missing("company_id")
    return shown(call, call.visible_project(call.id_in_path()), COMPACT if call.text("view") == "minimal" else FULL)


def create_project(call: Call) -> Answer:
    record = create(call, PROJECT, call.wrapped("project"))
    if not call.actor.is_service_account:
        user = call.user
        call.world.change(user, {"project_ids": [*user["project_ids"], record.id]})
    return shown(call, record, FULL, 201)


def update_project(call: Call) -> Answer:
    return shown(call, update(call, PROJECT, call.visible_project(call.id_in_path()), call.wrapped("project")), FULL)


_TOOLS = (
    ("rfi", "RFIs"), ("submittal_log", "Submittals"), ("daily_log", "Daily Log"), ("punch_list", "Punch List"),
    ("observations", "Observations"), ("checklists", "Inspections"), ("incidents", "Incidents"),
    ("meeting", "Meetings"), ("documents", "Documents"), ("images", "Photos"), ("drawing_log", "Drawings"),
    ("specifications", "Specifications"), ("calendar", "Schedule"), ("task_items", "Tasks"),
    ("change_events", "Change Events"), ("budgeting", "Budget"), ("commitments", "Commitments"),
    ("prime_contract", "Prime Contracts"), ("directory", "Directory"),
)  # fmt: skip


_KEPT_IN = {  # part of a path -> the tool that its records are kept in
    "rfis": "RFIs",
    "submittals": "Submittals",
    "punch_items": "Punch List",
    "observations": "Observations",
    "folders": "Documents",
    "tasks": "Schedule",
    "change_events": "Change Events",
}


def require_tool(call: Call) -> None:
    """Nobody reads or writes in a tool that the project has switched off.

    Raises:
        Refused: 403, as for a missing permission: the service does not tell the two apart (FACTS 6).
    """
    project_id = call.whole("project_id")
    project = None if project_id is None else call.world.find("project", call.company_id or 0, project_id)
    off = (project["tools_off"] if project is not None else None) or ()
    if any(_KEPT_IN.get(part) in off for part in call.path.split("/")):
        raise Refused(403, "You do not have permission to access this resource.")


def list_tools(call: Call) -> Answer:
    """The project's tools, in the order of its menu; on unless the project's `tools_off` names them."""
    off = call.project["tools_off"] or ()
    first = call.project.id % 1000 * 100
    rows = [
        {
            "id": first + place,
            "engine_name": engine,
            "title": title,
            "position": place,
            "is_active": title not in off,
            "required": False,
        }
        for place, (engine, title) in enumerate(_TOOLS, start=1)
    ]
    page, headers = cut_page(call, rows, V1_PAGES)
    return Answer(200, list(page), headers)


ROUTES = (
    Route("GET", "/rest/v1.0/projects/{project_id}/tools", list_tools),
    Route("GET", "/rest/v1.0/companies", list_companies),
    Route("GET", "/rest/v1.0/me", show_me),
    Route("GET", "/rest/v1.1/projects", list_company_projects),
    Route("GET", "/rest/v1.0/projects/{id}", show_project),
    Route("POST", "/rest/v1.0/projects", create_project, "admin"),
    Route("PATCH", "/rest/v1.0/projects/{id}", update_project, "admin"),
)
