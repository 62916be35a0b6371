"""Uploads in three steps: announce, send to storage without a bearer, attach the uuid (FACTS 9.1)."""

from datetime import timedelta
from typing import Any

from construction_mcp.simulator.answers import Answer, Refused, invalid, missing, not_found
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.instants import parse_instant
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.ulids import new_ulid
from construction_mcp.simulator.world import World

ATTACH_WITHIN = timedelta(days=7)
SEND_WITHIN = timedelta(hours=1)


def _scope(call: Call) -> int:
    return call.project.id if "project_id" in call.params else call.company_id or 0


def create_upload(call: Call) -> Answer:
    """Step 1: an address for the bytes, or one per segment."""
    name = call.body.get("response_filename") if isinstance(call.body, dict) else None
    if not name:
        raise missing("response_filename")
    segments = [_segment(each) for each in call.body.get("segments") or []]
    body = {
        "uuid": new_ulid(call.world),
        "name": str(name),
        "content_type": call.body.get("response_content_type") or "application/octet-stream",
        "segments": segments,
        "state": "ready" if segments else "non_segmented",
        "user_id": call.actor.user_id,
    }
    upload = call.world.add("upload", _scope(call), body)
    return Answer(201, _shown(call.world, upload))


def _segment(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict) or not sent.get("size") or not sent.get("sha256"):
        raise missing("segments.size")
    return {"size": int(sent["size"]), "sha256": str(sent["sha256"]), "etag": None}


def _shown(world: World, upload: Record) -> dict[str, Any]:
    address = f"{world.storage_url}/storage/{upload['uuid']}"
    if not upload["segments"]:
        fields = {"key": upload["uuid"], "policy": f"policy-{upload['uuid']}", "Content-Type": upload["content_type"]}
        return {"uuid": upload["uuid"], "status": upload["state"], "url": address, "fields": fields}
    segments = [
        {
            **segment,
            "url": f"{address}/{number}",
            "headers": {"content-length": str(segment["size"]), "x-amz-content-sha256": segment["sha256"]},
        }
        for number, segment in enumerate(upload["segments"])
    ]
    return {"uuid": upload["uuid"], "status": upload["state"], "segments": segments}


def find_upload(world: World, scopes: list[int], uuid: str) -> Record | None:
    for scope in scopes:
        for upload in world.table("upload", scope):
            if upload["uuid"] == uuid:
                return upload
    return None


def _upload(call: Call) -> Record:
    found = find_upload(call.world, [_scope(call)], call.params["uuid"])
    if found is None or found["user_id"] != call.actor.user_id:
        raise not_found("Upload", call.params["uuid"])
    return found


def show_upload(call: Call) -> Answer:
    return Answer(200, _shown(call.world, _upload(call)))


def complete_upload(call: Call) -> Answer:
    """Step 2b: the etags in order; complete when every segment has arrived under them."""
    upload = _upload(call)
    sent = call.body.get("segments") if isinstance(call.body, dict) else None
    if not isinstance(sent, list) or len(sent) != len(upload["segments"]):
        raise missing("segments")
    received = upload["received"] or {}
    for number, (segment, given) in enumerate(zip(upload["segments"], sent, strict=True)):
        if not given.get("etag") or given["etag"] != received.get(str(number), {}).get("etag"):
            raise invalid("segments", f"segment {number} was not received with that etag")
        segment["etag"] = given["etag"]
    return Answer(200, _shown(call.world, call.world.change(upload, {"state": "complete"})))


def take_uploads(call: Call, uuids: list[str]) -> list[dict[str, str]]:
    """Step 3: what to attach, for the record that names these uuids.

    Raises:
        Refused: 422, not there, not the caller's, not sent yet or older than a week.
    """
    scopes = [call.company_id or 0]
    if call.whole("project_id") is not None:
        scopes.insert(0, call.project.id)
    taken = []
    for uuid in uuids:
        upload = find_upload(call.world, scopes, uuid)
        if upload is None or upload["user_id"] != call.actor.user_id or not _arrived(upload) or _expired(call, upload):
            errors = {"upload_ids": [f"{uuid} was not found"]}
            raise Refused(422, f"Upload {uuid} was not found.", errors=errors, reason_code="UPLOAD_NOT_FOUND")
        taken.append({"uuid": uuid, "name": upload["name"], "size": upload["size"] or 0})
    return taken


def _arrived(upload: Record) -> bool:
    return upload["state"] == "complete" or (upload["state"] == "non_segmented" and upload["content"] is not None)


def _expired(call: Call, upload: Record) -> bool:
    created = parse_instant(upload["created_at"])
    return created is None or call.world.clock.now() - created > ATTACH_WITHIN


_OWNERS = ("/rest/v1.1/projects/{project_id}/uploads", "/rest/v1.1/companies/{company_id}/uploads")
ROUTES = tuple(
    route
    for base in _OWNERS
    for route in (
        Route("POST", base, create_upload, "standard"),
        Route("PATCH", base + "/{uuid}", complete_upload, "standard"),
        Route("GET", base + "/{uuid}", show_upload),
    )
)
