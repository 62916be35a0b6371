"""Drawing areas, sheets and their revisions (read)."""

from collections.abc import Iterable
from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, not_found
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.operations import IDS_ONLY, listing, showing
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import plain, render
from construction_mcp.simulator.world import World


def _pdf(kind: str) -> shape.Renderer:
    return lambda world, record: f"{world.api_url}/download/{kind}-{record.id}"


def _revisions(world: World, drawing: Record) -> list[Record]:
    return world.table("drawing_revision", drawing.scope).children(drawing.id)


def _drawings_in(world: World, area: Record) -> list[Record]:
    return world.table("drawing", area.scope).children(area.id)


AREA = plain("id name description created_at updated_at") | {
    "drawings_count": lambda world, record: len(_drawings_in(world, record)),
    "deletable": shape.const(False),
}

_SHEET = plain("id revision_number updated_at") | {
    "pdf_url": _pdf("pdf"),
    "png_url": _pdf("png"),
    "thumbnail_url": _pdf("thumb"),
    "large_thumbnail_url": _pdf("large"),
    "pdf_size": shape.const(412_000),
    "png_size": shape.const(230_000),
    "floorplan": shape.const(False),
    "has_drawing_sketches": shape.const(False),
}


def _current(world: World, record: Record) -> dict[str, Any] | None:
    found = [each for each in _revisions(world, record) if each["current"]]
    return render(world, found[0], _SHEET) if found else None


DRAWING = plain("id number title discipline drawing_discipline_id") | {
    "obsolete": shape.const(False),
    "current_revision": _current,
}

REVISION = _SHEET | plain("number title drawing_date received_date current position") | {
    "drawing_id": lambda _world, record: record.parent,
    "drawing_set": lambda _world, record: {"id": record["drawing_set_id"]},
    "drawing_area": lambda _world, record: {"id": record["drawing_area_id"]},
    "discipline": lambda _w, record: {"id": record["discipline_id"], "name": record["discipline"], "position": 1},
    "obsolete": shape.const(False),
    "status": shape.const("published"),
    "height": shape.const(2400),
    "width": shape.const(3600),
    "drawing_sketches_count": shape.const(0),
    "order_in_drawing": lambda _world, record: int(record["revision_number"]),
    "custom_fields": shape.const({}),
}  # fmt: skip

SET = plain("id name date position created_at updated_at") | {
    "project_id": shape.project_id,
    "company_id": shape.company_id,
    "connected": shape.const(False),
    "deletable": shape.const(False),
    "published_drawings_count": lambda world, record: sum(
        1 for each in world.table("drawing_revision", record.scope) if each["drawing_set_id"] == record.id
    ),
    "unpublished_drawings_count": shape.const(0),
}


def list_drawings(call: Call) -> Answer:
    """By area; the project follows from it, so it need not be named."""
    area_id = call.id_in_path("drawing_area_id")
    area = next((each for each in _visible_areas(call) if each.id == area_id), None)
    if area is None:
        raise not_found("Drawing area", area_id)
    rows = _drawings_in(call.world, area)
    return listing(
        "drawing",
        DRAWING,
        scope=lambda _call: area.scope,
        rows=lambda _call, _rows: rows,
        filters={
            "drawing_discipline_id": filters.same("drawing_discipline_id"),
            "drawing_set_id": filters.same("drawing_set_id"),
        },
    )(call)


def _visible_areas(call: Call) -> Iterable[Record]:
    for project in call.world.table("project", call.company_id or 0):
        if call.actor.user_id in project["member_ids"]:
            yield from call.world.table("drawing_area", project.id)


def _current_only(call: Call, records: Iterable[Record]) -> list[Record]:
    """Older revisions only when asked for."""
    if call.flag("with_obsolete") or call.text("drawing_id"):
        return list(records)
    return [record for record in records if record["current"]]


BASE = "/rest/v1.0/projects/{project_id}"
ROUTES = (
    Route(
        "GET",
        "/rest/v1.1/projects/{project_id}/drawing_areas",
        listing("drawing_area", AREA, filters={"id": filters.record_id}, views={"only_ids": IDS_ONLY}),
    ),
    Route("GET", "/rest/v1.1/drawing_areas/{drawing_area_id}/drawings", list_drawings),
    Route(
        "GET",
        BASE + "/drawing_revisions",
        listing(
            "drawing_revision",
            REVISION,
            rows=_current_only,
            views={"only_ids": IDS_ONLY},
            sort_keys={"id": "id"},
            filters={
                "id!": filters.record_id,
                "ids": filters.record_id,
                "drawing_id!": filters.parent_id,
                "drawing_area_id!": filters.same("drawing_area_id"),
                "drawing_set_id!": filters.same("drawing_set_id"),
                "drawing_discipline_id!": filters.same("discipline_id"),
                "query!": filters.search("number", "title"),
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
    Route("GET", BASE + "/drawing_revisions/{id}", showing("drawing_revision", REVISION)),
    Route("GET", BASE + "/drawing_sets", listing("drawing_set", SET)),
)
