"""Folders and files. The root answers one level only: nested folders come back empty (FACTS 9.2)."""

from typing import Any

from construction_mcp.simulator import shape
from construction_mcp.simulator.answers import Answer, Refused
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.fields import Field, flag, read_fields, text, uploads, whole
from construction_mcp.simulator.operations import shown
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import plain, render
from construction_mcp.simulator.world import World


def _folders_in(world: World, scope: int, parent_id: int | None) -> list[Record]:
    return [each for each in world.table("folder", scope) if each["parent_id"] == parent_id and not each.is_deleted]


def _files_in(world: World, scope: int, folder_id: int | None) -> list[Record]:
    return [each for each in world.table("file", scope) if each["parent_id"] == folder_id and not each.is_deleted]


def _path(world: World, record: Record) -> str:
    names = [str(record["name"])]
    parent = world.find("folder", record.scope, record["parent_id"])
    while parent is not None:
        names.insert(0, parent["name"])
        parent = world.find("folder", record.scope, parent["parent_id"])
    return "/".join(names)


def _has(kind: str) -> shape.Renderer:
    def renderer(world: World, record: Record) -> bool:
        found: list[Record] = []
        if kind in ("folder", "any"):
            found += _folders_in(world, record.scope, record.id)
        if kind in ("file", "any"):
            found += _files_in(world, record.scope, record.id)
        return bool(found)

    return renderer


FOLDER_ROW = plain("id name parent_id private updated_at") | {
    "name_with_path": _path,
    "is_tracked": shape.const(False),
    "tracked_folder": shape.const(None),
    "folders": shape.const([]),
    "files": shape.const([]),
    "read_only": shape.const(False),
    "is_deleted": shape.const(False),
    "is_recycle_bin": shape.const(False),
    "has_children": _has("any"),
    "has_children_files": _has("file"),
    "has_children_folders": _has("folder"),
    "custom_fields": shape.const({}),
}


def _versions(world: World, record: Record) -> list[dict[str, Any]]:
    version = {
        "id": record.id * 10 + 1,
        "file_id": record.id,
        "number": 1,
        "size": record["size"],
        "notes": "",
        "created_at": record["created_at"],
        "created_by": shape.as_person(shape.user(world, record["created_by_id"])),
        "url": f"{world.api_url}/download/{record['uuid'] or f'file-{record.id}'}",
    }
    return [version]


FILE = plain("id name parent_id size description file_type private created_at updated_at") | {
    "name_with_path": _path,
    "is_tracked": shape.const(False),
    "tracked_folder": shape.const(None),
    "checked_out_until": shape.const(None),
    "checked_out_by": shape.const(None),
    "is_deleted": lambda _world, record: record.is_deleted,
    "file_versions": _versions,
    "custom_fields": shape.const({}),
}


def _level(call: Call, folder: Record | None) -> dict[str, Any]:
    """One folder's own children; theirs stay empty until they are asked for."""
    scope, folder_id = call.project.id, folder.id if folder else None
    folders = [] if call.flag("exclude_folders") else _folders_in(call.world, scope, folder_id)
    files = [] if call.flag("exclude_files") else _files_in(call.world, scope, folder_id)
    return {
        "folders": [render(call.world, each, FOLDER_ROW) for each in folders],
        "files": [render(call.world, each, FILE) for each in files],
    }


def list_root(call: Call) -> Answer:
    """The project's root, which is a folder without a record of its own."""
    root = {"id": call.project.id, "name": "Root", "parent_id": None, "private": False, "name_with_path": "Root"}
    return Answer(200, {**root, "is_tracked": False, "updated_at": call.project["updated_at"], **_level(call, None)})


def show_folder(call: Call) -> Answer:
    folder = call.find("folder", call.project.id, call.id_in_path())
    return Answer(200, {**render(call.world, folder, FOLDER_ROW), **_level(call, folder)})


def show_file(call: Call) -> Answer:
    return shown(call, call.find("file", call.project.id, call.id_in_path()), FILE)


_FILE_FIELDS = {
    "name": Field(text),
    "description": Field(text),
    "parent_id": Field(whole),
    "upload_uuid": Field(uploads, stored="attachments"),
    "data": Field(lambda _call, _name, value: value),
    "unique_name": Field(flag),
}


def create_file(call: Call) -> Answer:
    """From an upload, or from bytes sent with the form; a name used in the folder is a conflict (FACTS 6)."""
    sent = read_fields(call, call.wrapped("file"), _FILE_FIELDS)
    data, attached = sent.pop("data", None), sent.pop("attachments", None)
    upload = attached[0] if attached else None
    name = sent.get("name") or (upload and upload["name"]) or (isinstance(data, dict) and data["filename"]) or "file"
    parent_id = sent.get("parent_id")
    if parent_id == call.project.id:
        parent_id = None
    elif parent_id is not None:
        call.find("folder", call.project.id, parent_id)
    for each in _files_in(call.world, call.project.id, parent_id):
        if each["name"] == name:
            raise _taken(call, each)
    body = {
        "name": name,
        "parent_id": parent_id,
        "description": sent.get("description"),
        "size": upload["size"] if upload else len(data or ""),
        "file_type": str(name).rpartition(".")[2],
        "private": False,
        "uuid": upload["uuid"] if upload else None,
        "created_by_id": call.actor.user_id,
    }
    record = call.world.add("file", call.project.id, body)
    call.tell("Project Files", "create", record)
    return shown(call, record, FILE, 201)


def _taken(call: Call, existing: Record) -> Refused:
    message = "Name has already been taken"
    extra = {"error_type": "name_taken", "file": render(call.world, existing, FILE)}
    return Refused(409, message, errors={"base": [message]}, extra=extra)


def create_folder(call: Call) -> Answer:
    sent = read_fields(call, call.wrapped("folder"), {"name": Field(text), "parent_id": Field(whole)})
    if not sent.get("name"):
        raise Refused(400, "folder.name is required", field_name="folder.name")
    record = call.world.add("folder", call.project.id, {"private": False, "parent_id": None, **sent})
    call.tell("Project Folders", "create", record)
    return shown(call, record, FOLDER_ROW, 201)


ROUTES = (
    Route("GET", "/rest/v1.0/folders", list_root),
    Route("GET", "/rest/v1.0/folders/{id}", show_folder),
    Route("POST", "/rest/v1.0/folders", create_folder, "standard"),
    Route("GET", "/rest/v1.0/files/{id}", show_file),
    Route("POST", "/rest/v1.0/files", create_file, "standard"),
)
