"""One page of a Procore list for a tool: filters that Procore knows are its own, the others run over capped pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from construction_mcp.core.cursor import Cursors
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore

Record = TypeVar("Record")

KEPT_S = 60.0  # the same list again within a minute is a person paging or narrowing, not asking for news


async def read_page(
    procore: Procore,
    cursors: Cursors,
    path: str,
    query: Mapping[str, Any],
    shape: Callable[[Mapping[str, Any]], Record],
    *,
    limit: int,
    cursor: str | None,
    keep: Callable[[Record], bool] | None = None,
    keep_name: str = "",
    order: Callable[[Record], Any] | None = None,
    rows: Callable[[Sequence[Any]], list[Mapping[str, Any]]] | None = None,
) -> Page[Record]:
    """The page that `cursor` names, at most `limit` records.

    keep, order: what Procore cannot filter or sort; they run over at most `procore_pages_max` pages, and the page says
    `truncated` when there was more. `keep_name` tells cursors of different filters apart.
    rows: how an answer becomes rows, where a list is not plain; it too is then read over capped pages.

    Raises:
        Invalid: VALIDATION_CURSOR. ConstructionError: as `ProcoreClient.get`.
    """
    asked = [path, dict(query), limit, keep_name, procore.connection.id]
    start = int(cursors.read(cursor, asked)) if cursor else 0
    if keep is None and order is None and rows is None:
        return await _upstream_page(procore, cursors, path, query, shape, limit, start, asked)
    listing = await procore.list(path, query, ttl_s=KEPT_S)
    found = listing.items if rows is None else rows(listing.items)
    records = [shape(row) for row in found if isinstance(row, Mapping)]
    kept = [record for record in records if keep is None or keep(record)]
    if order is not None:
        kept.sort(key=order)
    more = cursors.sign(start + limit, asked) if start + limit < len(kept) else None
    return Page(kept[start : start + limit], more, len(kept), listing.truncated or None)


async def _upstream_page(
    procore: Procore,
    cursors: Cursors,
    path: str,
    query: Mapping[str, Any],
    shape: Callable[[Mapping[str, Any]], Record],
    limit: int,
    start: int,
    asked: Any,
) -> Page[Record]:
    """Procore's own page: one request."""
    number = start // limit + 1
    answer = await procore.page(path, {**query, "per_page": limit, "page": number}, ttl_s=KEPT_S)
    items = [shape(row) for row in answer.items]
    total = answer.total
    is_last = len(items) < limit if total is None else start + limit >= total
    return Page(items[:limit], None if is_last else cursors.sign(start + limit, asked), total)
