"""One list over one project or several: read in parallel, merged, cut into pages here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.listing import read_page
from construction_mcp.procore.together import together

Record = TypeVar("Record")

_KEPT_S = 60.0  # as in listing.py


@dataclass(frozen=True, slots=True)
class Source(Generic[Record]):
    """One upstream list and how its rows are read."""

    path: str
    query: Mapping[str, Any]
    shape: Callable[[Mapping[str, Any]], Record]


def chosen_projects(project_id: int | None, project_ids: Sequence[int] | None) -> list[int]:
    """The projects a list tool is asked about.

    Raises:
        Invalid: neither argument or both.
    """
    if (project_id is None) == (project_ids is None):
        raise Invalid("Give either project_id or project_ids.", details={"field": "project_id"})
    return list(dict.fromkeys(project_ids or [project_id or 0]))


async def read_across(
    procore: Procore,
    cursors: Cursors,
    sources: Sequence[Source[Record]],
    *,
    limit: int,
    cursor: str | None,
    order: Callable[[Record], Any],
    keep: Callable[[Record], bool] | None = None,
    keep_name: str = "",
) -> Page[Record]:
    """The page that `cursor` names. One source without `keep` is Procore's own page in Procore's order; everything else
    is read over capped pages, put into `order`, and says `truncated` when there was more.

    Raises:
        Invalid: VALIDATION_CURSOR, PROCORE_BUDGET_SPENT. ConstructionError: as `ProcoreClient.get`.
    """
    if len(sources) == 1:
        (one,) = sources
        return await read_page(
            procore,
            cursors,
            one.path,
            one.query,
            one.shape,
            limit=limit,
            cursor=cursor,
            keep=keep,
            keep_name=keep_name,
            order=order if keep else None,
        )
    asked = [[[one.path, dict(one.query)] for one in sources], limit, keep_name, procore.connection.id]
    start = int(cursors.read(cursor, asked)) if cursor else 0
    rows_max = _rows_max(procore, len(sources))
    read = [procore.list(one.path, one.query, items_max=rows_max, ttl_s=_KEPT_S) for one in sources]
    listings = await together(*read)
    records = [
        one.shape(row) for one, listing in zip(sources, listings, strict=True) for row in listing.items
        if isinstance(row, Mapping)
    ]  # fmt: skip
    kept = sorted((record for record in records if keep is None or keep(record)), key=order)
    more = cursors.sign(start + limit, asked) if start + limit < len(kept) else None
    truncated = any(listing.truncated for listing in listings)
    return Page(kept[start : start + limit], more, len(kept), truncated or None)


def _rows_max(procore: Procore, lists: int) -> int:
    """So many rows of each list that all of them together stay within the call's budget."""
    pages = procore.client.usage.left() // max(1, lists)
    return procore.limits.procore_page_size * max(1, min(procore.limits.procore_pages_max, pages))
