"""Tools that find project papers. What Procore knows of them is in `procore/records/`."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import documents, drawings
from construction_mcp.procore.records.documents import Document
from construction_mcp.procore.records.drawings import DRAWINGS, Drawing
from construction_mcp.procore.records.families import Wanted, reading_of
from construction_mcp.procore.records.specifications import read_sections
from construction_mcp.procore.together import together

ProjectId = Annotated[int, Field(ge=1), "Procore project id"]
Text = Annotated[str | None, Field(min_length=1, max_length=100), "Only those containing this"]
Limit = Annotated[int, Field(ge=1, le=100), "Most items to return"]
Cursor = Annotated[str | None, Field(max_length=1000), "next_cursor of the page before"]


@dataclass(frozen=True, slots=True)
class Read:
    """One file with its versions, or several."""

    item: Document | None = None
    items: list[Document] | None = None


@dataclass(frozen=True, slots=True)
class Specification:
    """One section of the specifications."""

    id: int
    number: str
    title: str | None
    web_url: str


@tool(effect="read", open_world=True, fields=True)
async def list_procore_documents(
    project_id: ProjectId,
    folder_id: Annotated[int | None, Field(ge=1), "Folder to look into; the root unless given"] = None,
    text: Annotated[
        str | None, Field(min_length=1, max_length=100), "Search names and paths below the folder, at most 30 folders"
    ] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
) -> Page[Document]:
    """List the folders and files in one folder of a project, folders first, at most limit; or search below it.

    For the versions of a file use get_procore_document.
    """
    asked = ["documents", project_id, folder_id, text, limit, procore.connection.id]
    start = int(cursors.read(cursor, asked)) if cursor else 0
    if text is None:
        found, truncated = await documents.read_level(procore, project_id, folder_id), False
    else:
        tree = await documents.search(procore, project_id, folder_id, text)
        found, truncated = tree.items, tree.truncated
    more = cursors.sign(start + limit, asked) if start + limit < len(found) else None
    return Page(found[start : start + limit], more, len(found), truncated or None)


@tool(effect="read", open_world=True)
async def get_procore_document(
    project_id: ProjectId,
    document_id: Annotated[int | None, Field(ge=1), "One file id"] = None,
    ids: Annotated[list[int] | None, Field(min_length=1, max_length=50), "Or several file ids, 1 to 50"] = None,
    *,
    procore: Procore,
) -> Read:
    """Return a file with all its versions and their addresses, newest first; or several by ids, one request each.

    Use list_procore_documents to find file ids and to look into folders.
    """
    if (document_id is None) == (ids is None):
        raise Invalid("Give either document_id or ids.", details={"field": "document_id"})
    if document_id is not None:
        return Read(await documents.read_file(procore, project_id, document_id))
    wanted = dict.fromkeys(ids or [])
    return Read(items=await together(*(documents.read_file(procore, project_id, one) for one in wanted)))


@tool(effect="read", open_world=True, fields=True)
async def list_procore_drawings(
    project_id: ProjectId,
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Only this in sheet number or title"] = None,
    drawing_id: Annotated[int | None, Field(ge=1), "All revisions of this sheet, old ones too"] = None,
    updated_since: Annotated[date | None, "Only changed on or after this day"] = None,
    detail: Annotated[Literal["summary", "full"], "full adds dates, status and the address of the PDF"] = "summary",
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Drawing]:
    """List drawing sheets of a project at their current revision, in Procore's order, at most limit.

    For written requirements use list_procore_specifications.
    """
    return await DRAWINGS.page(
        await reading_of(procore, project_id, clock.now(), full=detail == "full"),
        Wanted(cursors, limit, cursor),
        drawings.list_query(search=text, drawing_id=drawing_id, updated_since=updated_since),
    )


@tool(effect="read", open_world=True, fields=True)
async def list_procore_specifications(
    project_id: ProjectId,
    text: Text = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
) -> Page[Specification]:
    """List specification sections of a project by number, at most limit.

    For sheets use list_procore_drawings.
    """
    asked = ["specifications", project_id, text, limit, procore.connection.id]
    start = int(cursors.read(cursor, asked)) if cursor else 0
    words = (text or "").lower()
    sections = [one for one in await read_sections(procore, project_id) if words in one.title.lower()]
    sections.sort(key=lambda one: (one.number, one.id))
    more = cursors.sign(start + limit, asked) if start + limit < len(sections) else None
    items = [
        Specification(
            one.id,
            one.number,
            one.description,
            procore.web_url(project_id, "project", "specification_sections", one.id),
        )
        for one in sections[start : start + limit]
    ]
    return Page(items, more, len(sections))
