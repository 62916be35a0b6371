"""Change orders of the contract with the owner (prime), of commitments, and potential ones.

Source: endpoints `.../prime_change_orders`, `.../commitment_change_orders` (neither is paged) and
`/rest/v1.0/potential_change_orders`; FACTS 10.4: money is a string.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.records.across import Source
from construction_mcp.procore.records.families import Reading, filters_of, since
from construction_mcp.procore.records.fields import day, days_overdue, moment, person, text
from construction_mcp.procore.records.money import Money, currency_of, money
from construction_mcp.procore.responses import number_or_none

Kind = Literal["prime", "commitment", "potential"]

_SETTLED = frozenset({"approved", "rejected", "void", "no_charge", "not_proceeding"})
_PATHS: dict[Kind, str] = {
    "prime": "/rest/v1.0/projects/{project_id}/prime_change_orders",
    "commitment": "/rest/v1.0/projects/{project_id}/commitment_change_orders",
    "potential": "/rest/v1.0/potential_change_orders",
}
_PAGES: dict[Kind, tuple[str, ...]] = {
    "prime": ("prime_contracts", "change_orders"),
    "commitment": ("commitments", "change_orders"),
    "potential": ("potential_change_orders",),
}
KINDS: tuple[Kind, ...] = ("prime", "commitment", "potential")


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """One change order. `is_overdue` while it is not settled. Those after `web_url` come with full detail only."""

    id: int
    kind: Kind
    number: str | None
    title: str | None
    status: str | None
    amount: Money | None
    due_date: date | None
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    contract_id: int | None = None
    revision: int | None = None
    schedule_impact_days: int | None = None
    executed: bool | None = None
    reviewer: str | None = None
    description: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def sources(reading: Reading, kinds: Sequence[Kind], updated_since: date | None) -> list[Source[ChangeOrder]]:
    """The lists to read, one request or more each."""
    query = filters_of(updated_at=since(updated_since))
    return [_source(reading, kind, query) for kind in kinds]


def is_open(order: ChangeOrder) -> bool:
    """Whether it still waits for somebody: neither approved nor turned down."""
    return order.status not in _SETTLED


def due_first(order: ChangeOrder) -> tuple[bool, date, str, int]:
    """Earliest due date first, those without one last."""
    return (order.due_date is None, order.due_date or date.max, order.kind, order.id)


def _source(reading: Reading, kind: Kind, query: Mapping[str, Any]) -> Source[ChangeOrder]:
    path = _PATHS[kind]
    place = {} if "{project_id}" in path else {"project_id": reading.project_id}
    return Source(
        path.format(project_id=reading.project_id), {**place, **query}, lambda raw: _shape(reading, kind, raw)
    )


def _shape(reading: Reading, kind: Kind, raw: Mapping[str, Any]) -> ChangeOrder:
    order_id, status, due = number_or_none(raw.get("id")) or 0, text(raw.get("status")), day(raw.get("due_date"))
    late = days_overdue(due, reading.today, is_open=status not in _SETTLED)
    brief = ChangeOrder(
        id=order_id,
        kind=kind,
        number=text(raw.get("number")),
        title=text(raw.get("title")),
        status=status,
        amount=money(raw.get("grand_total"), currency_of(raw)),
        due_date=due,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=reading.web_url(*_PAGES[kind], order_id),
    )
    return replace(brief, **_details(raw)) if reading.full else brief


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "contract_id": number_or_none(raw.get("contract_id")),
        "revision": number_or_none(raw.get("revision")),
        "schedule_impact_days": number_or_none(raw.get("schedule_impact_amount")),
        "executed": raw.get("executed") is True,
        "reviewer": person(raw.get("designated_reviewer")),
        "description": text(raw.get("description")),
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
    }
