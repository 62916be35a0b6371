"""Photos and their albums."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, missing
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import LOCATION, Field, all_of, flag, link, read_fields, text, texts, uploads
from construction_mcp.simulator.operations import IDS_ONLY, RecordType, listing, showing, shown, updating
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain
from construction_mcp.simulator.world import World


def _album(world: World, record: Record) -> Record | None:
    return world.find("image_category", record.scope, record["image_category_id"])


def _url(suffix: str = "") -> shape.Renderer:
    return lambda world, record: f"{world.api_url}/download/{record['uuid'] or f'image-{record.id}'}{suffix}"


def _links(world: World, record: Record) -> dict[str, str]:
    own = f"{world.api_url}/rest/v1.0/images/{record.id}?project_id={record.scope}"
    return {"self": own, "update": own, "delete": own}


IMAGE = plain(
    "id filename description size taken_at created_at updated_at image_category_id private starred width height"
) | {
    "url": _url(),
    "thumbnail_url": _url("?size=thumb"),
    "image_category_name": lambda world, record: (album := _album(world, record)) and album["name"],
    "image_category_private": shape.const(False),
    "permanently_deleted": shape.const(False),
    "projection": shape.const("regular"),
    "location": shape.location(),
    "uploader": person("created_by_id"),
    "links": _links,
    "trades": shape.const([]),
    "comments_count": shape.const(0),
}

SHOW = {name: renderer for name, renderer in IMAGE.items() if name != "projection"}

CATEGORY = plain("id name private position created_at updated_at") | {
    "count": lambda world, record: sum(
        1 for each in world.table("image", record.scope) if each["image_category_id"] == record.id
    ),
    "cover_photo": shape.const(None),
}

IMAGE_TYPE = RecordType(
    kind="image",
    wrapper="image",
    hook_name="Images",
    fields=texts("description")
    | all_of(flag, "private starred")
    | {"image_category_id": Field(link("image_category")), "location_id": LOCATION},
)


def create_image(call: Call) -> Answer:
    """The picture comes as an upload uuid, or as form data under `image[data]`."""
    sent = call.wrapped("image")
    nested = call.body.get("upload")
    source: dict[str, Any] = nested if isinstance(nested, dict) else {}
    name = call.body.get("image_name") or source.get("image_name")
    if not name:
        raise missing("image_name")
    uuid = call.body.get("upload_uuid") or source.get("uuid") or sent.get("upload_uuid")
    attached = uploads(call, "upload_uuid", uuid) if uuid else []
    body = {
        "filename": text(call, "image_name", name),
        "size": attached[0]["size"] if attached else 0,
        "uuid": attached[0]["uuid"] if attached else None,
        "created_by_id": call.actor.user_id,
        "taken_at": call.now,
        "private": False,
        "starred": False,
        "width": 1600,
        "height": 1200,
        **read_fields(call, sent, IMAGE_TYPE.fields),
    }
    record = call.world.add("image", call.project.id, body)
    call.tell("Images", "create", record)
    return shown(call, record, IMAGE, 201)


BASE = "/rest/v1.0/images"
ROUTES = (
    Route("GET", "/rest/v1.0/image_categories", listing("image_category", CATEGORY)),
    Route(
        "GET",
        BASE,
        listing(
            "image",
            IMAGE,
            sort_keys={"created_at": "created_at", "taken_at": "taken_at", "most_recent": "created_at"},
            views={"ids_only": IDS_ONLY},
            filters={
                "image_category_id!": filters.same("image_category_id"),
                "id": filters.record_id,
                "log_date": filters.during("taken_at"),
                "private": filters.same("private"),
                "starred": filters.same("starred"),
                "location_id": filters.same("location_id"),
                "uploader_id": filters.same("created_by_id"),
                "query": filters.search("filename", "description"),
                "created_at": filters.during("created_at"),
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
    Route("POST", BASE, create_image, "standard"),
    Route("GET", BASE + "/{id}", showing("image", SHOW)),
    Route("PATCH", BASE + "/{id}", updating(IMAGE_TYPE, IMAGE), "standard"),
)
