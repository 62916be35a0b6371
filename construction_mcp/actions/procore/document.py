"""Folders and files. Performed by `procore/records/documents.py`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from construction_mcp.actions.action import Written
from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.actions.procore.kinds import Kind, ListConfig, OneConfig, RecordId, Text
from construction_mcp.procore.records.documents import FOLDERS_MAX, Document


class DocumentList(ListConfig):
    """Which folders and files."""

    folder_id: Annotated[RecordId | None, Field(description="Folder to look into; the root unless given")] = None
    text: Text = None

    @model_validator(mode="after")
    def _looks_in_one_place(self) -> Self:
        if self.folder_id is not None and (isinstance(self.projects, list) or self.projects == ALL_ACTIVE):
            raise ValueError("a folder is in one project; give its id as projects")
        return self


class DocumentGet(OneConfig):
    """Which file."""

    document_id: Annotated[RecordId, Field(description="File id")]


def _folders(written: Written) -> int:
    """A folder answers its own level only, so that searching asks for each folder."""
    return FOLDERS_MAX if written.get("text") is not None else 1


_DOCUMENTS = Kind(
    "procore.document",
    "a file",
    "folders and files",
    "Documents",
    Document,
    "list_procore_documents",
    "get_procore_document",
)

TYPES = (
    _DOCUMENTS.list(
        DocumentList, "List the folders and files in one folder, folders first, or search below it.", _folders, pages=1
    ),
    _DOCUMENTS.get(DocumentGet, "Read one file with all its versions and their addresses, newest first."),
)
