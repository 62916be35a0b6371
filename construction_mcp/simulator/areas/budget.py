"""Budget views (read): rows per cost code, amounts as strings (FACTS 10.4)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.operations import listing
from construction_mcp.simulator.paging import V1_PAGES, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person, plain
from construction_mcp.simulator.world import World

CURRENCY = {"currency_iso_code": "USD"}


def _links(world: World, record: Record) -> dict[str, str]:
    own = f"{world.api_url}/rest/v1.0/budget_views/{record.id}"
    return {name: f"{own}/{name}?project_id={record.scope}" for name in ("detail_rows", "summary_rows")}


VIEW = plain("id name description created_at updated_at") | {
    "created_by": person("created_by_id"),
    "role": shape.const("budget"),
    "links": _links,
}


def _code(world: World, record: Record) -> Record:
    return world.get("cost_code", record.scope, record["cost_code_id"])


def _forecast(_world: World, record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "amount": record["forecast"],
        "automatic_amount": record["forecast"],
        "manual_amount": None,
        "automatically_calculated": True,
        "calculation_strategy": "automatic",
        "notes": None,
    }


def _code_label(world: World, record: Record) -> str:
    code = _code(world, record)
    return f"{code['full_code']} - {code['name']}"


ROW = plain("id original_budget_amount budget_modifications cost_code_id") | {
    "project_id": shape.project_id,
    "company_id": shape.company_id,
    "project": lambda world, record: world.get("project", world.company_of(record), record.scope)["name"],
    "biller": lambda world, record: world.get("project", world.company_of(record), record.scope)["name"],
    "biller_id": shape.project_id,
    "biller_type": shape.const("Project"),
    "cost_code": _code_label,
    "root_cost_code": lambda world, record: str(_code(world, record)["full_code"]).partition("-")[0],
    "category": shape.source("category"),
    "category_id": shape.source("category_id"),
    "deletable": shape.const(False),
    "budget_forecast": _forecast,
    "currency_configuration": shape.const(CURRENCY),
}

_ROW_FILTERS = {
    "cost_code_id!": filters.same("cost_code_id"),
    "category_id!": filters.same("category_id"),
    "budget_line_item_id!": filters.record_id,
}

list_rows = listing(
    "budget_row", ROW, filters=_ROW_FILTERS, sort_keys={"cost_code": "cost_code_id", "category_id": "category_id"}
)


def detail_rows(call: Call) -> Answer:
    call.find("budget_view", call.project.id, call.id_in_path("budget_view_id"))
    return list_rows(call)


def summary_rows(call: Call) -> Answer:
    """The rows added up by `group_by`; by project when nothing is asked."""
    call.find("budget_view", call.project.id, call.id_in_path("budget_view_id"))
    group = _GROUPS.get(call.text("group_by") or "project", _GROUPS["project"])
    rows: dict[str, dict[str, Any]] = {}
    for record in call.world.table("budget_row", call.project.id):
        name = group(call.world, record)
        row = rows.setdefault(name, {"id": name, "name": name, "biller_type": "Project", **_ZERO})
        row["original_budget_amount"] += Decimal(record["original_budget_amount"])
        row["budget_modifications"] += Decimal(record["budget_modifications"])
        row["forecast"] += Decimal(record["forecast"])
    page, headers = cut_page(call, [_as_text(row) for row in rows.values()], V1_PAGES)
    return Answer(200, list(page), headers)


_ZERO = dict.fromkeys(("original_budget_amount", "budget_modifications", "forecast"), Decimal(0))


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: f"{row[name]:.2f}" for name in ("original_budget_amount", "budget_modifications")}
    forecast = {"amount": f"{row['forecast']:.2f}"}
    kept = {name: row[name] for name in ("id", "name", "biller_type")}
    return {**kept, **amounts, "budget_forecast": forecast, "currency_configuration": CURRENCY}


_GROUPS: dict[str, Callable[[World, Record], str]] = {
    "project": lambda world, record: str(ROW["project"](world, record)),
    "biller": lambda world, record: str(ROW["project"](world, record)),
    "category": lambda _world, record: str(record["category"]),
    "cost_code": _code_label,
    "cost_code_name": lambda world, record: str(_code(world, record)["name"]),
    "root_cost_code": lambda world, record: str(ROW["root_cost_code"](world, record)),
    "root_cost_code_name": lambda world, record: str(ROW["root_cost_code"](world, record)),
}

BASE = "/rest/v1.0/budget_views"
ROUTES = (
    Route("GET", BASE, listing("budget_view", VIEW, sort_keys={"created_at": "created_at"})),
    Route("GET", BASE + "/{budget_view_id}/detail_rows", detail_rows),
    Route("GET", BASE + "/{budget_view_id}/summary_rows", summary_rows),
)
