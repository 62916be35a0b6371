"""Commitments, prime contracts (REST v2: string ids, `data`) and subcontractor invoices (read)."""

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.operations import listing, showing
from construction_mcp.simulator.paging import PageSize
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import person_with_company, plain, text_id
from construction_mcp.simulator.world import World

_CONTRACT = plain(
    "number title description status executed private accounting_method grand_total signature_required"
    " contract_date created_at updated_at deleted_at"
) | {
    "id": text_id(),
    "project_id": lambda _world, record: str(record.scope),
    "vendor_id": text_id("vendor_id"),
    "currency_iso_code": shape.const("USD"),
}
COMMITMENT = _CONTRACT | {"type": shape.source("contract_type")}
PRIME = _CONTRACT | {"contractor_id": text_id("vendor_id")}

_FILTERS = {
    "id": filters.record_id,
    "type": filters.same("contract_type"),
    "status": filters.same("status"),
    "executed": filters.same("executed"),
    "vendor_id": filters.same("vendor_id"),
    "accounting_method": filters.same("accounting_method"),
    "created_at": filters.during("created_at"),
    "updated_at": filters.during("updated_at"),
}


def _vendor_name(world: World, record: Record) -> str | None:
    found = shape.linked(world, record, "vendor_id", "vendor", in_company=True)
    return str(found["name"]) if found else None


REQUISITION = plain(
    "id number invoice_number status billing_date requisition_start requisition_end percent_complete"
    " total_claimed_amount submitted_at period_id contract_name final created_at updated_at"
) | {
    "project_id": shape.project_id,
    "commitment_id": lambda _world, record: record.parent,
    "commitment_type": shape.const("WorkOrderContract"),
    "vendor_id": shape.source("vendor_id"),
    "vendor_name": _vendor_name,
    "deletable": shape.const(False),
    "created_by": person_with_company("created_by_id"),
    "currency_configuration": shape.const({"currency_iso_code": "USD", "base_currency_iso_code": "USD"}),
    "attachments": shape.const([]),
}

V2 = "/rest/v2.0/companies/{company_id}/projects/{project_id}"
ROUTES = (
    Route("GET", V2 + "/commitment_contracts", listing("commitment_contract", COMMITMENT, filters=_FILTERS)),
    Route(
        "GET",
        V2 + "/commitment_contracts/{commitment_contract_id}",
        showing("commitment_contract", COMMITMENT, id_name="commitment_contract_id"),
    ),
    Route("GET", V2 + "/prime_contracts", listing("prime_contract", PRIME, filters=_FILTERS)),
    Route(
        "GET",
        V2 + "/prime_contracts/{prime_contract_id}",
        showing("prime_contract", PRIME, id_name="prime_contract_id"),
    ),
    Route(
        "GET",
        "/rest/v1.1/requisitions",
        listing(
            "requisition",
            REQUISITION,
            pages=PageSize(30, 2000),  # FACTS 4
            filters={
                "id": filters.record_id,
                "commitment_id": filters.parent_id,
                "status": filters.same("status"),
                "period_id": filters.same("period_id"),
                "created_at": filters.during("created_at"),
                "updated_at": filters.during("updated_at"),
            },
        ),
    ),
)
