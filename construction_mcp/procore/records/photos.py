"""Photos, which the API calls images. Source: endpoints `/rest/v1.0/images`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from construction_mcp.procore.records.families import Family, Reading, filters_of
from construction_mcp.procore.records.fields import moment, person, text
from construction_mcp.procore.responses import number_or_none

_FIRST, _LAST = date(2000, 1, 1), date(2100, 1, 1)  # a range needs both ends


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo. Those after `web_url` a list tells only when asked; `url` is the picture and needs a Procore login."""

    id: int
    filename: str | None
    description: str | None
    album: str | None
    taken_at: datetime | None
    uploader: str | None
    location: str | None
    web_url: str
    url: str | None = None
    size: int | None = None
    starred: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def list_query(
    *, search: str | None, uploaded_from: date | None, uploaded_to: date | None, starred: bool | None
) -> dict[str, Any]:
    """What Procore itself can filter by, latest upload first. Its `log_date` means photos of a daily log only."""
    uploaded = None
    if uploaded_from or uploaded_to:
        uploaded = f"{(uploaded_from or _FIRST).isoformat()}...{(uploaded_to or _LAST).isoformat()}"
    return {**filters_of(query=search, created_at=uploaded, starred=starred), "sort": "-created_at"}


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Photo:
    item_id = number_or_none(raw.get("id")) or 0
    return Photo(
        id=item_id,
        filename=text(raw.get("filename")),
        description=text(raw.get("description")),
        album=text(raw.get("image_category_name")),
        taken_at=moment(raw.get("taken_at")),
        uploader=person(raw.get("uploader")),
        location=person(raw.get("location")),
        web_url=reading.web_url("images", "show", item_id),
        **_details(raw),
    )


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": text(raw.get("url")),
        "size": number_or_none(raw.get("size")),
        "starred": raw.get("starred") is True,
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
    }


PHOTOS = Family("/rest/v1.0/images", _shape)
