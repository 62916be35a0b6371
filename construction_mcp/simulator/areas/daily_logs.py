"""Daily logs: one table of types, and the header that completes and distributes a day (FACTS 10.3).

What a hurried client gets wrong: without a date a list answers today only, in the project's zone; hours are strings;
entries of outside people start pending and lists leave those out; the weather POST answers 200.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, Refused, missing
from construction_mcp.simulator.areas.daily_log_types import (
    CALAMITY,
    GROUND,
    LOG_TYPES,
    SKY,
    TEMPERATURE,
    WIND,
    LogType,
)
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import (
    LOCATION,
    UPLOADS,
    VENDOR,
    Field,
    Fields,
    anything,
    day,
    flag,
    one_of,
)
from construction_mcp.simulator.instants import day_at_noon, parse_day
from construction_mcp.simulator.operations import (
    RecordType,
    create,
    deleting,
    listing,
    showing,
    shown,
    update,
)
from construction_mcp.simulator.paging import V1_PAGES, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import View, person, plain
from construction_mcp.simulator.world import World

# -- what all types share

SHARED: Fields = {
    "date": Field(day),
    "datetime": Field(anything, stored="sent_datetime"),
    "vendor_id": VENDOR,
    "location_id": LOCATION,
    "mt_location": Field(anything),
    "status": Field(one_of("approved", "pending")),
}


def _noon(world: World, record: Record) -> str | None:
    day_of = parse_day(record["date"]) if record["date"] else None
    project = world.get("project", world.company_of(record), record.scope)
    return day_at_noon(day_of, project["time_zone"]) if day_of else None


def view_of(log: LogType) -> View:
    shared = plain("id date position created_at updated_at deleted_at daily_log_segment_id") | {
        "datetime": _noon,
        "created_by": person("created_by_id"),
        "vendor": shape.vendor(),
        "location": shape.location(),
        "permissions": shape.const({"can_update": True, "can_delete": True}),
    }
    extra = plain("status") if log.has_status else {}
    attached: View = {"attachments": shape.attachments} if log.web_attachments else {}
    view = {**shared, **extra, **plain(log.shown), **log.views, **attached}
    return {name: renderer for name, renderer in view.items() if name not in log.left_out.split()}


def record_type(log: LogType) -> RecordType:
    takes_uploads = {"upload_ids": UPLOADS}

    def complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
        project = call.project
        moment = body.pop("sent_datetime", None)
        today = call.world.today(project).isoformat()
        if "date" not in body:
            moment_day = parse_day(str(moment)) if moment else None
            body["date"] = moment_day.isoformat() if moment_day else today
        pending = not call.user["is_employee"] and not call.actor.is_service_account
        body |= _place(call, body.pop("mt_location", None))
        position = len(call.world.table(log.name, project.id)) + 1
        return {"status": "pending" if pending else "approved", "position": position, **body}

    def revise(call: Call, _record: Record, changes: dict[str, Any]) -> dict[str, Any]:
        changes.pop("sent_datetime", None)
        return {**changes, **_place(call, changes.pop("mt_location", None))}

    return RecordType(
        kind=log.name,
        wrapper=log.name,
        hook_name=log.hook_name,
        required=log.required,
        fields={**SHARED, **takes_uploads, **log.fields},
        fill=complete,
        revise=revise,
    )


def _place(call: Call, path: Any) -> dict[str, Any]:
    """`mt_location`, a path as text or array, finds or makes the tiers (FACTS 10.3: shown as "A>B")."""
    if not path:
        return {}
    names = [str(each) for each in path] if isinstance(path, list) else str(path).split(">")
    table = call.world.table("location", call.project.id)
    parent: Record | None = None
    for depth in range(1, len(names) + 1):
        full = ">".join(name.strip() for name in names[:depth])
        known = next((each for each in table if each["name"] == full), None)
        tier = {"name": full, "node_name": names[depth - 1].strip(), "parent_id": parent.id if parent else None}
        parent = known or call.world.add("location", call.project.id, tier)
    return {"location_id": parent.id if parent else None}


# -- lists


def _asked_days(call: Call) -> tuple[date, date]:
    """The days a list is about: `log_date`, `start_date` with `end_date`, or today (FACTS 5)."""
    if call.text("log_date"):
        asked = _date(call, "log_date")
        return asked, asked
    if call.text("start_date") or call.text("end_date"):
        start = _date(call, "start_date") if call.text("start_date") else _date(call, "end_date")
        end = _date(call, "end_date") if call.text("end_date") else call.world.today(call.project)
        return start, end
    today = call.world.today(call.project)
    return today, today


def _date(call: Call, name: str) -> date:
    asked = parse_day(call.text(name) or "")
    if asked is None:
        raise Refused(400, f"{name} is not a date", field_name=name)
    return asked


def _of_days(call: Call, records: Iterable[Record]) -> list[Record]:
    start, end = (each.isoformat() for each in _asked_days(call))
    return [record for record in records if record["date"] and start <= record["date"] <= end]


def _of_days_and_status(call: Call, records: Iterable[Record]) -> list[Record]:
    """`filters[status]`: pending, approved or all; approved unless asked (FACTS 5)."""
    wanted = (filters.values_of(call, "filters[status]") or ["approved"])[0]
    return [record for record in _of_days(call, records) if wanted in ("all", record["status"])]


LOG_FILTERS = {
    "created_by_id": filters.same("created_by_id"),
    "location_id": filters.same("location_id"),
    "vendor_id": filters.same("vendor_id"),
    "daily_log_segment_id": filters.same("daily_log_segment_id"),
    "search": filters.search("notes", "comments", "comment"),
}


def _log_routes(log: LogType) -> Iterable[Route]:
    view, kind = view_of(log), record_type(log)
    folder = "/daily_logs" if log.name == "weather_log" else ""
    version = "v1.1" if log.name == "weather_log" else "v1.0"
    base = f"/rest/{version}/projects/{{project_id}}{folder}/{log.name}s"
    rows = _of_days_and_status if log.has_status else _of_days
    paged = log.name != "plan_revision_log"  # the one list without pages

    def create_log(call: Call) -> Answer:
        sent = call.wrapped(log.name)
        if call.world.switches.daily_log_upload_ids == "weather_only" and log.name != "weather_log":
            sent = {name: value for name, value in sent.items() if name != "upload_ids"}
        record = create(call, kind, sent)
        call.tell("Daily Logs", "create", record)
        return shown(call, record, view, 200 if log.name == "weather_log" else 201)

    def update_log(call: Call) -> Answer:
        record = call.find(log.name, call.project.id, call.id_in_path())
        return shown(call, update(call, kind, record, call.wrapped(log.name)), view)

    yield Route("GET", base, listing(log.name, view, rows=rows, filters=LOG_FILTERS, paged=paged))
    yield Route("POST", base, create_log, "standard")
    yield Route("GET", base + "/{id}", showing(log.name, view))
    yield Route("PATCH", base + "/{id}", update_log, "standard")
    yield Route("DELETE", base + "/{id}", deleting(kind), "standard")


# -- the frame of a day

HEADER = plain("id log_date completed completed_at completable distributed distributed_at distributable") | {
    "log_datetime": lambda world, record: day_at_noon(
        date.fromisoformat(record["log_date"]),
        world.get("project", world.company_of(record), record.scope)["time_zone"],
    ),
    "completed_by": person("completed_by_id"),
    "distributed_by": person("distributed_by_id"),
}


def _header(call: Call) -> Record:
    """The header of a day, made when the day is first looked at."""
    scope = call.project.id
    if call.text("id"):
        return call.find("daily_log_header", scope, call.whole("id") or 0)
    asked = _date(call, "log_date") if call.text("log_date") else call.world.today(call.project)
    for header in call.world.table("daily_log_header", scope):
        if header["log_date"] == asked.isoformat():
            return header
    blank = {"completed": False, "completable": True, "distributed": False, "distributable": True}
    return call.world.add("daily_log_header", scope, {"log_date": asked.isoformat(), **blank})


def show_header(call: Call) -> Answer:
    return shown(call, _header(call), HEADER)


def update_header(call: Call) -> Answer:
    sent, header = call.wrapped("daily_log_header"), _header(call)
    changes: dict[str, Any] = {}
    for name in ("completed", "distributed"):
        if name not in sent:
            raise missing(f"daily_log_header.{name}")
        turned = flag(call, name, sent[name])
        if turned != header[name]:
            who = {f"{name}_at": call.now, f"{name}_by_id": call.actor.user_id}
            changes |= {name: turned, **(who if turned else dict.fromkeys(who))}
    return shown(call, call.world.change(header, changes), HEADER)


def list_headers(call: Call) -> Answer:
    start, end = (each.isoformat() for each in _asked_days(call))
    headers = [
        each for each in call.world.table("daily_log_header", call.project.id) if start <= each["log_date"] <= end
    ]
    return listing("daily_log_header", HEADER, rows=lambda _call, _rows: headers)(call)


def count_logs(call: Call) -> Answer:
    rows = []
    for position, log in enumerate(LOG_TYPES, start=1):
        found = _of_days_and_status(call, call.world.table(log.name, call.project.id))
        live = [record for record in found if not record.is_deleted]
        rows.append({"module_name": f"{log.name}s", "count": len(live), "position": position})
    page, headers = cut_page(call, rows, V1_PAGES)
    return Answer(200, list(page), headers)


def weather_conditions(_call: Call) -> Answer:
    lists = {"sky": SKY, "ground": GROUND, "calamity": CALAMITY, "wind": WIND, "temperature": TEMPERATURE}
    return Answer(200, {name: [{"key": each, "value": each} for each in values] for name, values in lists.items()})


DELAY_TYPE = plain("id display_name translation_key visible created_at updated_at")

_PROJECT = "/rest/v1.0/projects/{project_id}"
ROUTES = (
    *(route for log in LOG_TYPES for route in _log_routes(log)),
    Route("GET", _PROJECT + "/daily_log_headers", show_header),
    Route("PATCH", _PROJECT + "/daily_log_headers", update_header, "standard"),
    Route("GET", _PROJECT + "/daily_log_headers/index", list_headers),
    Route("GET", "/rest/v1.1/projects/{project_id}/daily_logs/counts", count_logs),
    Route(
        "GET",
        _PROJECT + "/daily_logs/delay_log_types",
        listing("delay_log_type", DELAY_TYPE, filters={"visible": filters.same("visible")}),
    ),
    Route("GET", _PROJECT + "/daily_logs/weather_conditions", weather_conditions),
)
