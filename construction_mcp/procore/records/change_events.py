"""Change events. Source: endpoint `GET /rest/v1.1/change_events`; FACTS 10.4: amounts come as strings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import moment, person, text
from construction_mcp.procore.records.money import Money, currency_of, money, total_of
from construction_mcp.procore.responses import number_or_none

Scope = Literal["tbd", "in_scope", "out_of_scope", "any"]


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One change event. `cost` adds up the latest cost of its items. Those after `web_url` are full detail."""

    id: int
    number: str | None
    title: str | None
    status: str | None
    scope: str | None
    type: str | None
    cost: Money | None
    web_url: str
    description: str | None = None
    reason: str | None = None
    item_count: int | None = None
    created_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def list_query(*, updated_since: date | None) -> dict[str, Any]:
    """What Procore itself can filter by."""
    return filters_of(updated_at=since(updated_since))


def latest_first(event: ChangeEvent) -> tuple[int, int]:
    """Highest number first; numbers are zero-padded text."""
    return (-(number_or_none(event.number) or 0), -event.id)


def _shape(reading: Reading, raw: Mapping[str, Any]) -> ChangeEvent:
    event_id, rows = number_or_none(raw.get("id")) or 0, raw.get("change_items")
    items = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    costs = [cost for row in items if (cost := _cost(row, currency_of(raw)))]
    brief = ChangeEvent(
        id=event_id,
        number=text(raw.get("number")),
        title=text(raw.get("title")),
        status=person(raw.get("status")),
        scope=text(raw.get("scope")),
        type=person(raw.get("change_type")),
        cost=total_of(costs),
        web_url=reading.web_url("change_events", "events", event_id),
    )
    if not reading.full:
        return brief
    reason = raw.get("change_reason")
    return replace(
        brief,
        description=text(raw.get("description")),
        reason=text(reason.get("change_reason")) if isinstance(reason, Mapping) else text(reason),
        item_count=len(items),
        created_by=person(raw.get("created_by")),
        created_at=moment(raw.get("created_at")),
        updated_at=moment(raw.get("updated_at")),
    )


def _cost(item: Mapping[str, Any], currency: str | None) -> Money | None:
    latest = item.get("latest_cost_values")
    return money(latest.get("amount"), currency_of(item) or currency) if isinstance(latest, Mapping) else None


CHANGE_EVENTS = Family("/rest/v1.1/change_events", _shape)
