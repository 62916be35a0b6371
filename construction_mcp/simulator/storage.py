"""The storage host: takes uploaded bytes and gives files back, without a Procore bearer (FACTS 9.1, 9.2)."""

import base64
import hashlib
from typing import Any

from construction_mcp.simulator.answers import Answer, Refused
from construction_mcp.simulator.areas.uploads import SEND_WITHIN, find_upload
from construction_mcp.simulator.instants import parse_instant
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.world import World


class Storage:
    """Addressed by the upload's uuid; a bearer makes a request fail, as it does on real storage."""

    def __init__(self, world: World) -> None:
        self._world = world

    def receive_form(self, uuid: str, form: dict[str, Any]) -> Answer:
        """The one-part upload: every field that was given, plus `file`."""
        upload = self._open_upload(uuid)
        if form.get("key") != uuid or form.get("policy") != f"policy-{uuid}":
            raise Refused(403, "The fields of the upload are incomplete.")
        part = form.get("file")
        if not isinstance(part, dict) or "content" not in part:
            raise Refused(400, "The file part is missing.")
        content = part["content"]
        self._world.change(upload, {"content": base64.b64encode(content).decode(), "size": len(content)})
        return Answer(204)

    def receive_segment(self, uuid: str, number: str, content: bytes) -> Answer:
        """One segment; its digest and size must be the announced ones."""
        upload = self._open_upload(uuid)
        segments = upload["segments"]
        if not number.isdigit() or int(number) >= len(segments):
            raise Refused(404, f"There is no segment {number}.")
        announced = segments[int(number)]
        digest = hashlib.sha256(content).hexdigest()
        if len(content) != announced["size"] or digest != announced["sha256"]:
            raise Refused(400, "The segment differs from what was announced.")
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        part = {"etag": etag, "content": base64.b64encode(content).decode()}
        received = {**(upload["received"] or {}), number: part}
        size = sum(segment["size"] for segment in segments)
        self._world.change(upload, {"received": received, "state": "receiving", "size": size})
        return Answer(200, headers={"ETag": etag})

    def download(self, name: str) -> bytes:
        """The bytes of an upload, or a line of text for the sample's files."""
        upload = self._find(name)
        if upload is None:
            return f"Invented sample content of {name}.\n".encode()
        if upload["segments"]:
            received = upload["received"] or {}
            parts = [
                received[str(number)]["content"] for number in range(len(upload["segments"])) if str(number) in received
            ]
            return b"".join(base64.b64decode(part) for part in parts)
        return base64.b64decode(upload["content"] or "")

    def _find(self, uuid: str) -> Record | None:
        companies = [company.id for company in self._world.table("company", 0)]
        projects = [project.id for company in companies for project in self._world.table("project", company)]
        return find_upload(self._world, [*companies, *projects], uuid)

    def _open_upload(self, uuid: str) -> Record:
        """An upload announced within the last hour."""
        upload = self._find(uuid)
        created = parse_instant(upload["created_at"]) if upload else None
        if upload is None or created is None or self._world.clock.now() - created > SEND_WITHIN:
            raise Refused(403, "The upload address is unknown or has expired.")
        return upload
