"""Budget views and their rows. Source: endpoints `/rest/v1.0/budget_views`, `.../detail_rows`; FACTS 10.4.

A view's columns are the company's own choice: amounts are whatever properties of a row hold money.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.choices import Choice, choices_in
from construction_mcp.procore.records.fields import text
from construction_mcp.procore.records.listing import KEPT_S
from construction_mcp.procore.records.money import Money, currency_of, money, total_of
from construction_mcp.procore.responses import number_or_none

_FORECAST = "budget_forecast"
_NOT_AMOUNTS = frozenset({"id", "project_id", "company_id", "biller_id", "category_id", "cost_code_id", "position"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a cost code and category with its amounts by column."""

    id: int
    cost_code: str | None
    category: str | None
    amounts: Mapping[str, Money]


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a view that were read; `truncated` when there are more."""

    items: list[Line]
    truncated: bool


async def read_views(procore: Procore, project_id: int) -> list[Choice]:
    """The budget views of the project. One request, kept."""
    query = {"project_id": project_id}
    listing = await procore.list("/rest/v1.0/budget_views", query, ttl_s=procore.limits.record_cache_s)
    return choices_in(listing.items)


async def read_rows(procore: Procore, project_id: int, view_id: int) -> Rows:
    """The rows of a view, by cost code. One request for each hundred."""
    path, query = f"/rest/v1.0/budget_views/{view_id}/detail_rows", {"project_id": project_id, "sort": "cost_code"}
    listing = await procore.list(path, query, ttl_s=KEPT_S)
    return Rows([_line(row) for row in listing.items if isinstance(row, Mapping)], listing.truncated)


def totals(lines: list[Line]) -> dict[str, Money]:
    """Each column added up; a column of several currencies has no total."""
    names = dict.fromkeys(name for line in lines for name in line.amounts)
    sums = {name: total_of(line.amounts[name] for line in lines if name in line.amounts) for name in names}
    return {name: total for name, total in sums.items() if total is not None}


def _line(raw: Mapping[str, Any]) -> Line:
    currency = currency_of(raw)
    amounts = {name: found for name, value in raw.items() if (found := _amount(name, value, currency))}
    return Line(
        id=number_or_none(raw.get("id")) or 0,
        cost_code=text(raw.get("cost_code")),
        category=text(raw.get("category")),
        amounts=amounts,
    )


def _amount(name: str, value: Any, currency: str | None) -> Money | None:
    """Money in a column: a decimal string, or the amount of the forecast. Ids and codes are not money."""
    if name == _FORECAST and isinstance(value, Mapping):
        return money(value.get("amount"), currency)
    if name in _NOT_AMOUNTS or not isinstance(value, str) or "." not in value:
        return None
    return money(value, currency)
