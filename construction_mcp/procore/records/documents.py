"""Folders and files. Source: endpoints `/rest/v1.0/folders`, `/rest/v1.0/files`; FACTS 9.2.

A folder answers its own level only: folders inside come back empty and have to be asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import moment, person, text
from construction_mcp.procore.records.listing import KEPT_S
from construction_mcp.procore.responses import number_or_none
from construction_mcp.procore.together import together

FOLDERS_MAX = 30  # requests one search may cost; half of what a call may spend


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a file; `url` asks for a Procore login."""

    number: int | None
    created_at: datetime | None
    created_by: str | None
    size: int | None
    notes: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """A folder or a file. `path` is its place from the root. Versions come from get_procore_document only."""

    id: int
    kind: Literal["folder", "file"]
    name: str | None
    path: str | None
    updated_at: datetime | None
    size: int | None
    web_url: str
    description: str | None = None
    private: bool | None = None
    versions: list[Version] | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """What was found; `truncated` when some folders were not looked into."""

    items: list[Document]
    truncated: bool


async def read_level(procore: Procore, project_id: int, folder_id: int | None) -> list[Document]:
    """What lies in a folder, or in the root: folders first, as Procore orders them. One request."""
    path = "/rest/v1.0/folders" if folder_id is None else f"/rest/v1.0/folders/{folder_id}"
    raw = await procore.get(path, {"project_id": project_id}, ttl_s=KEPT_S)
    rows = [("folder", row) for row in raw.get("folders") or []] + [("file", row) for row in raw.get("files") or []]
    return [_document(procore, project_id, kind, row) for kind, row in rows if isinstance(row, Mapping)]


async def search(procore: Procore, project_id: int, folder_id: int | None, words: str) -> Tree:
    """Everything below a folder whose path contains `words`, case aside: level by level, each level at once."""
    asked, found = words.lower(), []
    level, looked = await read_level(procore, project_id, folder_id), 1
    while level:
        found += [one for one in level if asked in (one.path or one.name or "").lower()]
        folders = [one.id for one in level if one.kind == "folder"]
        room = FOLDERS_MAX - looked
        looked += min(len(folders), room)
        if len(folders) > room:
            return Tree(found, truncated=True)
        levels = await together(*(read_level(procore, project_id, one) for one in folders))
        level = [one for inside in levels for one in inside]
    return Tree(found, truncated=False)


async def read_file(procore: Procore, project_id: int, file_id: int) -> Document:
    """One file with its versions, newest first. One request."""
    raw = await procore.get(f"/rest/v1.0/files/{file_id}", {"project_id": project_id}, ttl_s=KEPT_S)
    rows = raw.get("file_versions")
    versions = [_version(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    document = _document(procore, project_id, "file", raw)
    return replace(
        document,
        description=text(raw.get("description")),
        private=raw.get("private") is True,
        versions=sorted(versions, key=lambda one: -(one.number or 0)),
    )


def _document(procore: Procore, project_id: int, kind: str, raw: Mapping[str, Any]) -> Document:
    one, is_folder = number_or_none(raw.get("id")) or 0, kind == "folder"
    place = ("folders", one) if is_folder else ("files", one)
    return Document(
        id=one,
        kind="folder" if is_folder else "file",
        name=text(raw.get("name")),
        path=text(raw.get("name_with_path")),
        updated_at=moment(raw.get("updated_at")),
        size=number_or_none(raw.get("size")),
        web_url=procore.web_url(project_id, "project", "documents", *place),
    )


def _version(raw: Mapping[str, Any]) -> Version:
    return Version(
        number=number_or_none(raw.get("number")),
        created_at=moment(raw.get("created_at")),
        created_by=person(raw.get("created_by")),
        size=number_or_none(raw.get("size")),
        notes=text(raw.get("notes")),
        url=text(raw.get("url")),
    )
