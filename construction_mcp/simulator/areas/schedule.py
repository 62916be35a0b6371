"""Schedule: the legacy tasks, and the same activities through REST v2 with string ids (FACTS 10.4)."""

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, not_found
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import Field, instant, texts, whole
from construction_mcp.simulator.operations import RecordType, listing, showing, updating
from construction_mcp.simulator.paging import V2_PAGES, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain, text_id
from construction_mcp.simulator.world import World

TASK = plain(
    "id name key start_datetime finish_datetime percentage parent_id row_number wbs critical_path milestone"
    " has_children full_outline_path schedule_duration baseline_start baseline_finish start_variance finish_variance"
    " actual_start actual_finish resource_name notes created_at updated_at"
) | {
    "task_name": shape.source("name"),
    "activity_id": shape.source("key"),
    "color": shape.const(None),
    "pending": shape.const(False),
    "resource_ids": shape.const([]),
    "manually_edited": shape.const(False),
    "created_by": person("created_by_id"),
    "updated_by": person("created_by_id"),
}
COMPACT = plain("id name key start_datetime finish_datetime percentage updated_at")

TASK_TYPE = RecordType(
    kind="schedule_task",
    wrapper="task",
    hook_name="Tasks",
    fields=texts("name notes resource_name")
    | {"percentage": Field(whole), "start_datetime": Field(instant), "finish_datetime": Field(instant)},
)


# -- REST v2


def _schedule_id(project_id: int) -> str:
    return f"schedule-{project_id}"


def list_schedules(call: Call) -> Answer:
    """One live schedule per project."""
    project = call.project
    row = {
        "schedule_id": _schedule_id(project.id),
        "project_id": str(project.id),
        "company_id": str(call.company_id),
        "schedule_name": f"{project['name']} Schedule",
        "schedule_type": "READONLY_PROJECT_SCHEDULE",
        "is_active": True,
        "data_date": project["updated_at"],
        "start_date": project["start_date"],
        "created_at": project["created_at"],
        "updated_at": project["updated_at"],
    }
    page, headers = cut_page(call, [row], V2_PAGES)
    return Answer(200, {"data": list(page)}, headers)


def _author(_world: World, record: Record) -> str:
    return str(record["created_by_id"])


ACTIVITY: dict[str, shape.Renderer] = {
    "activity_id": text_id(),
    "activity_name": shape.source("name"),
    "start_date": shape.source("start_datetime"),
    "finish_date": shape.source("finish_datetime"),
    "duration": shape.source("schedule_duration"),
    "duration_unit": shape.const("DAY"),
    "percent_complete": shape.source("percentage"),
    "parent_id": text_id("parent_id"),
    "ordered_parent_index": shape.source("row_number"),
    "is_critical": shape.source("critical_path"),
    "notes": shape.source("notes"),
    "schedule_id": lambda _world, record: _schedule_id(record.scope),
    "project_id": lambda _world, record: str(record.scope),
    "company_id": lambda world, record: str(world.company_of(record)),
    "created_by": _author,
    **plain("created_at updated_at"),
}


list_activities_of = listing(
    "schedule_task",
    ACTIVITY,
    sort_keys={
        "activity_id": "id",
        "activity_name": "name",
        "start_date": "start_datetime",
        "finish_date": "finish_datetime",
        "percent_complete": "percentage",
        "created_at": "created_at",
    },
    filters={
        "activity_id": filters.record_id,
        "activity_name": filters.search("name"),
        "is_critical": filters.same("critical_path"),
        "updated_at][gt": filters.after("updated_at"),
    },
)


def list_activities(call: Call) -> Answer:
    if call.params["schedule_id"] != _schedule_id(call.project.id):
        raise not_found("Schedule", call.params["schedule_id"])
    return list_activities_of(call)


V2 = "/rest/v2.0/companies/{company_id}/projects/{project_id}/schedules"
ROUTES = (
    Route(
        "GET",
        "/rest/v1.0/tasks",
        listing(
            "schedule_task",
            TASK,
            views={"compact": COMPACT},
            filters={
                "query": filters.search("name"),
                "row_number": filters.same("row_number"),
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
    Route("GET", "/rest/v1.0/tasks/{id}", showing("schedule_task", TASK)),
    Route("PATCH", "/rest/v1.0/tasks/{id}", updating(TASK_TYPE, TASK), "admin"),
    Route("GET", V2, list_schedules),
    Route("GET", V2 + "/{schedule_id}/activities", list_activities),
)
