"""Change orders: packages and potential change orders of the tiers, and the commitment and prime lists."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, missing
from construction_mcp.simulator.call import Call, Handler
from construction_mcp.simulator.fields import Field, day, instant, money, one_of, texts, whole
from construction_mcp.simulator.operations import RecordType, create, listing, next_number, showing, shown
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import named_person, person, plain
from construction_mcp.simulator.world import World

STATUSES = (
    "draft", "not_pricing", "pricing", "pending", "revised", "proceeding", "not_proceeding", "no_charge", "approved",
    "rejected", "void",
)  # fmt: skip
CURRENCY = shape.const({"currency_iso_code": "USD", "base_currency_iso_code": "USD"})

_MONEY = plain(
    "id number title status contract_id revision due_date invoiced_date grand_total created_at updated_at"
) | {"currency_configuration": CURRENCY, "custom_fields": shape.const({})}

PACKAGE_ROW = (
    _MONEY
    | plain("created_by_id deleted_at executed paid_date reviewed_at")
    | {"designated_reviewer": person("reviewer_id")}
)
PACKAGE = (
    _MONEY
    | plain("description executed paid_date reviewed_at deleted_at private schedule_impact_amount")
    | {
        "type": shape.source("package_type"),
        "creator": person("created_by_id"),
        "designated_reviewer": person("reviewer_id"),
        "reviewer": person("reviewer_id"),
        "attachments": shape.attachments,
        "line_items": shape.const([]),
    }
)

POTENTIAL_ROW = _MONEY | plain(
    "created_by_id deleted_at executed paid_date reviewed_at schedule_impact_amount"
) | {
    "change_order_tiers": shape.const(2),
    "change_reason": shape.const("Design Development"),
}  # fmt: skip


def _due_moment(_world: World, record: Record) -> str | None:
    """The list sends a date, the record of one sends a time."""
    due = record["due_date"]
    return due and (due if "T" in due else f"{due}T00:00:00Z")


NEW_POTENTIAL = (
    _MONEY
    | plain("description paid_date private schedule_impact_amount")
    | {
        "due_date": _due_moment,
        "creator": person("created_by_id"),
        "line_items": shape.const([]),
        "line_items_total": shape.source("grand_total"),
        "line_items_extended_total": shape.source("grand_total"),
        "accounting_method": shape.const("amount"),
        "field_change": shape.const(False),
        "paid": shape.const(False),
        "void": lambda _world, record: record["status"] == "void",
    }
)
POTENTIAL = (
    NEW_POTENTIAL
    | plain("deleted_at reviewed_at")
    | {
        "reviewer": person("reviewer_id"),
        "designated_reviewer": person("reviewer_id"),
        "received_from": person("created_by_id"),
        "attachments": shape.attachments,
    }
)


def _order(kind_name: str) -> shape.View:
    return (
        _MONEY
        | plain("description executed reviewed_at private schedule_impact_amount")
        | {
            "type": shape.const(kind_name),
            "created_by": named_person("created_by_id"),
            "designated_reviewer": named_person("reviewer_id"),
            "received_from": named_person("created_by_id"),
            "field_change": shape.const(False),
            "paid": shape.const(False),
            "signature_required": shape.const(False),
            "change_order_change_reason": shape.const(None),
            "currency_configuration": shape.const({"currency_iso_code": "USD"}),
        }
    )


COMMITMENT_ORDER = _order("CommitmentChangeOrder")
PRIME_ORDER = _order("PrimeChangeOrder") | plain("paid_date")
ATTACHED: shape.View = {"attachments": shape.const([])}

POTENTIAL_TYPE = RecordType(
    kind="potential_change_order",
    wrapper="change_order",
    hook_name="Potential Change Orders",
    fields=texts("title description number origin_id origin_data")
    | {
        "status": Field(one_of(*STATUSES)),
        "due_date": Field(instant),
        "invoiced_date": Field(day),
        "paid_date": Field(day),
        "grand_total": Field(money),
        "schedule_impact_amount": Field(whole),
    },
)


def create_potential(call: Call) -> Answer:
    """On a contract of the project; numbered in the project."""
    contract_id = call.whole("contract_id")
    if contract_id is None:
        raise missing("contract_id")
    number = f"{next_number(call, 'potential_change_order', call.project.id):03d}"
    start: dict[str, Any] = {"status": "draft", "number": number, "revision": 0, "grand_total": "0.00"}
    record = create(call, POTENTIAL_TYPE, {**start, **call.wrapped("change_order")})
    record = call.world.change(record, {"contract_id": contract_id, "revision": 0, "executed": False, "private": False})
    return shown(call, record, NEW_POTENTIAL, 201)


_FILTERS = {
    "id": filters.record_id,
    "status": filters.same("status"),
    "contract_id": filters.same("contract_id"),
    "contract_id!": filters.same("contract_id"),
    "executed": filters.same("executed"),
    "created_at": filters.during("created_at"),
    "updated_at": filters.during("updated_at"),
    "due_date": filters.during("due_date"),
    "origin_id": filters.same("origin_id"),
}


def _unpaged(kind: str, view: shape.View) -> Handler:
    """These two lists declare no pages."""
    sort_keys = {"id": "id", "created_at": "created_at"}
    return listing(kind, view, filters=_FILTERS, sort_keys=sort_keys, paged=False)


_PROJECT = "/rest/v1.0/projects/{project_id}"
ROUTES = (
    Route("GET", "/rest/v1.0/change_order_packages", listing("change_order_package", PACKAGE_ROW, filters=_FILTERS)),
    Route("GET", "/rest/v1.0/change_order_packages/{id}", showing("change_order_package", PACKAGE)),
    Route(
        "GET", "/rest/v1.0/potential_change_orders", listing("potential_change_order", POTENTIAL_ROW, filters=_FILTERS)
    ),
    Route("POST", "/rest/v1.0/potential_change_orders", create_potential, "standard"),
    Route("GET", "/rest/v1.0/potential_change_orders/{id}", showing("potential_change_order", POTENTIAL)),
    Route("GET", _PROJECT + "/commitment_change_orders", _unpaged("commitment_change_order", COMMITMENT_ORDER)),
    Route(
        "GET",
        _PROJECT + "/commitment_change_orders/{id}",
        showing("commitment_change_order", COMMITMENT_ORDER | ATTACHED),
    ),
    Route("GET", _PROJECT + "/prime_change_orders", _unpaged("prime_change_order", PRIME_ORDER)),
    Route("GET", _PROJECT + "/prime_change_orders/{id}", showing("prime_change_order", PRIME_ORDER | ATTACHED)),
)
