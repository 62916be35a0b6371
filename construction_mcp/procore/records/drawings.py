"""Drawing sheets by their current revision. Source: endpoint `GET .../drawing_revisions`, which hides older ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import day, moment, person, text
from construction_mcp.procore.responses import number_or_none


@dataclass(frozen=True, slots=True)
class Drawing:
    """One revision of a sheet. Those after `web_url` come with full detail only; `pdf_url` asks for a Procore login."""

    id: int
    drawing_id: int | None
    number: str | None
    title: str | None
    discipline: str | None
    revision: str | None
    drawing_date: date | None
    web_url: str
    received_date: date | None = None
    status: str | None = None
    is_current: bool | None = None
    updated_at: datetime | None = None
    pdf_url: str | None = None


def list_query(*, search: str | None, drawing_id: int | None, updated_since: date | None) -> dict[str, Any]:
    """What Procore itself can filter by; a drawing's id brings its older revisions too."""
    return {**filters_of(updated_at=since(updated_since)), "query": search, "drawing_id": drawing_id}


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Drawing:
    revision_id = number_or_none(raw.get("id")) or 0
    brief = Drawing(
        id=revision_id,
        drawing_id=number_or_none(raw.get("drawing_id")),
        number=text(raw.get("number")),
        title=text(raw.get("title")),
        discipline=person(raw.get("discipline")),
        revision=text(raw.get("revision_number")),
        drawing_date=day(raw.get("drawing_date")),
        web_url=reading.web_url("drawings", "revisions", revision_id),
    )
    return replace(brief, **_details(raw)) if reading.full else brief


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "received_date": day(raw.get("received_date")),
        "status": text(raw.get("status")),
        "is_current": raw.get("current") is True,
        "updated_at": moment(raw.get("updated_at")),
        "pdf_url": text(raw.get("pdf_url")),
    }


DRAWINGS = Family("/rest/v1.0/projects/{project_id}/drawing_revisions", _shape)
