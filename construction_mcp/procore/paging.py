"""Lists over several pages: the rest in parallel once their number is known, and an honest word where it stops.

Source: Procore "Pagination": follow `Link` rel="next"; `Total` and `Per-Page` tell how many; the URLs in `Link` may
drop our filters, so only their page number is used. Not every list is paged.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from construction_mcp.core.config import Limits
from construction_mcp.procore.client import ProcoreClient
from construction_mcp.procore.connection import Connection
from construction_mcp.procore.responses import Answer, links_of, number_or_none, rows_of, total_of
from construction_mcp.procore.together import together

_PAGE_MARKS = ("page", "cursor", "page_start")


@dataclass(frozen=True, slots=True)
class Listing:
    """What was read: rows as they came, each once; `truncated` when Procore has more than was asked for here."""

    items: list[Any]
    total: int | None
    truncated: bool


class Pages:
    """Reads lists through the client."""

    def __init__(self, client: ProcoreClient, limits: Limits) -> None:
        self._client = client
        self._limits = limits

    async def read(
        self,
        connection: Connection,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        company: int | None = None,
        items_max: int | None = None,
        ttl_s: float = 0.0,
    ) -> Listing:
        """The list, at most `items_max` rows, `procore_pages_max` pages and what the call's budget still allows.

        Raises:
            As `ProcoreClient.get`; one page that fails fails the list, for half a list misleads.
        """
        size = min(self._limits.procore_page_size, items_max or self._limits.procore_page_size)
        asked = {**(query or {}), "per_page": size}

        async def page(marks: Mapping[str, Any]) -> Answer:
            return await self._client.get(connection, path, {**asked, **marks}, company=company, ttl_s=ttl_s)

        answers = [await page({"page": 1})]
        known, reach = _pages_in(answers[0], size), self._reach(items_max, size)
        if known is not None:
            answers += await together(*(page({"page": number}) for number in range(2, min(known, reach) + 1)))
        else:
            while len(answers) < reach and (marks := _next_marks(answers[-1])):
                answers.append(await page(marks))
        return _listing(answers, items_max)

    def _reach(self, items_max: int | None, size: int) -> int:
        """The number of pages this list may cost."""
        wanted = self._limits.procore_pages_max if items_max is None else math.ceil(items_max / size)
        return max(1, min(wanted, self._limits.procore_pages_max, 1 + self._client.usage.left()))


def _listing(answers: list[Answer], items_max: int | None) -> Listing:
    rows = _once(row for answer in answers for row in rows_of(answer.data))
    cut = items_max is not None and len(rows) > items_max
    return Listing(rows[:items_max], total_of(answers[0].headers), cut or "next" in links_of(answers[-1].headers))


def _once(rows: Iterable[Any]) -> list[Any]:
    """Rows in order without repetitions: a record created meanwhile pushes others onto the next page."""
    seen: set[Any] = set()
    kept = []
    for row in rows:
        mark = row.get("id") if isinstance(row, Mapping) else None
        if not isinstance(mark, int | str) or mark not in seen:
            kept.append(row)
            seen.add(mark if isinstance(mark, int | str) else None)
    return kept


def _pages_in(first: Answer, size: int) -> int | None:
    """How many pages there are, where `Total` or the last link says so; None to find out by following."""
    links = links_of(first.headers)
    if "next" not in links:
        return 1  # many lists are not paged: without a link, what came is all there is
    total = total_of(first.headers)
    if total is not None:
        per_page = number_or_none(first.headers.get("per-page")) or size
        return math.ceil(total / max(1, per_page))
    return number_or_none(_marks_of(links.get("last", "")).get("page"))


def _next_marks(answer: Answer) -> dict[str, str]:
    return _marks_of(links_of(answer.headers).get("next", ""))


def _marks_of(url: str) -> dict[str, str]:
    """The place in the list that a link points to; everything else in it is ours already, or missing."""
    values = parse_qs(urlsplit(url).query)
    return {name: values[name][0] for name in _PAGE_MARKS if name in values}
