"""Tools over changes and money. What Procore knows of them is in `procore/records/`; amounts are decimal strings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit, ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import budget, change_events, change_orders
from construction_mcp.procore.records.across import read_across
from construction_mcp.procore.records.budget import Line
from construction_mcp.procore.records.change_events import CHANGE_EVENTS, ChangeEvent, Scope
from construction_mcp.procore.records.change_orders import KINDS, ChangeOrder, Kind
from construction_mcp.procore.records.choices import Choice, chosen
from construction_mcp.procore.records.families import Wanted, reading_of
from construction_mcp.procore.records.money import Money

UpdatedSince = Annotated[date | None, "Only changed on or after this day"]


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget: `totals` add up all rows that fit the filters by column, `items` are some of them."""

    view: Choice
    totals: Mapping[str, Money]
    items: list[Line]
    total: int
    next_cursor: str | None = None
    truncated: bool | None = None
    other_views: list[Choice] | None = None


@tool(effect="read", open_world=True, fields=True)
async def list_procore_change_events(
    project_id: ProjectId,
    status: Annotated[str | None, Field(min_length=1, max_length=50), "Only with this status"] = None,
    scope: Annotated[Scope, "Only this scope"] = "any",
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Only this in number or title"] = None,
    updated_since: UpdatedSince = None,
    detail: Annotated[Literal["summary", "full"], "full adds description, reason and author"] = "summary",
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[ChangeEvent]:
    """List change events of a project, highest number first, with status, scope and latest cost.

    For what has been priced and sent use list_procore_change_orders.
    """
    state, words = (status or "").lower(), (text or "").lower()

    def keep(event: ChangeEvent) -> bool:
        return (
            (not state or (event.status or "").lower() == state)
            and (scope in ("any", event.scope))
            and words in f"{event.number} {event.title}".lower()
        )

    return await CHANGE_EVENTS.page(
        await reading_of(procore, project_id, clock.now(), full=detail == "full"),
        Wanted(cursors, limit, cursor),
        change_events.list_query(updated_since=updated_since),
        keep=keep,
        keep_name=f"{state}:{scope}:{words}:{detail}",
        order=change_events.latest_first,
    )


@tool(effect="read", open_world=True, fields=True)
async def list_procore_change_orders(
    project_id: ProjectId,
    kind: Annotated[Kind | Literal["any"], "Only this kind"] = "any",
    status: Annotated[str, Field(min_length=1, max_length=50), "open (not settled), any, or one status"] = "open",
    overdue: Annotated[bool, "Only unsettled ones past their due date"] = False,
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Only this in number or title"] = None,
    updated_since: UpdatedSince = None,
    detail: Annotated[Literal["summary", "full"], "full adds contract, reviewer and days of delay"] = "summary",
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[ChangeOrder]:
    """List change orders of a project, earliest due date first, with amount and days overdue.

    For changes not yet priced use list_procore_change_events.
    """
    state, words = status.lower(), (text or "").lower()
    reading = await reading_of(procore, project_id, clock.now(), full=detail == "full")

    def keep(order: ChangeOrder) -> bool:
        is_asked = state == "any" or (change_orders.is_open(order) if state == "open" else order.status == state)
        return is_asked and (not overdue or bool(order.is_overdue)) and words in f"{order.number} {order.title}".lower()

    return await read_across(
        procore,
        cursors,
        change_orders.sources(reading, KINDS if kind == "any" else [kind], updated_since),
        limit=limit,
        cursor=cursor,
        order=change_orders.due_first,
        keep=keep,
        keep_name=f"{kind}:{state}:{overdue}:{words}:{detail}",
    )


@tool(effect="read", open_world=True)
async def get_procore_budget_view(
    project_id: ProjectId,
    view: Annotated[str | None, Field(min_length=1, max_length=100), "Its name or id; the first unless given"] = None,
    cost_code: Annotated[str | None, Field(min_length=1, max_length=50), "Only cost codes containing this"] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
) -> BudgetView:
    """Return a budget view of a project: totals by column, and its rows by cost code.

    The columns are the company's own. For changes not yet in the budget use list_procore_change_orders.
    """
    views = await budget.read_views(procore, project_id)
    if not views:
        raise Invalid("The project has no budget view the connection can see.", code="PROCORE_INVALID")
    shown = chosen(view, views, "view") if view else views[0]
    asked = ["budget", project_id, shown.id, cost_code, limit, procore.connection.id]
    start = int(cursors.read(cursor, asked)) if cursor else 0
    rows = await budget.read_rows(procore, project_id, shown.id)
    words = (cost_code or "").lower()
    lines = [line for line in rows.items if words in (line.cost_code or "").lower()]
    return BudgetView(
        view=shown,
        totals=budget.totals(lines),
        items=lines[start : start + limit],
        total=len(lines),
        next_cursor=cursors.sign(start + limit, asked) if start + limit < len(lines) else None,
        truncated=rows.truncated or None,
        other_views=[one for one in views if one.id != shown.id] or None,
    )
