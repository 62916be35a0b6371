"""Money: change events and orders, budget, contracts and invoices. Amounts are strings with cents."""

from collections.abc import Iterator

from construction_mcp.simulator.sample import words
from construction_mcp.simulator.sample.plot import Maker, Plot, Row


def _amount(plot: Plot, low: int, high: int) -> str:
    return f"{plot.between(low, high)}.{plot.pick(('00', '50', '25'))}"


def change_events(plot: Plot) -> Iterator[Row]:
    for number in range(1, plot.scale.change_events + 1):
        age, amount = plot.between(2, 150), _amount(plot, 1_500, 90_000)
        title = plot.pick(words.CHANGE_EVENTS)
        yield (
            {
                "number": f"{number:03d}",
                "title": title,
                "description": f"{title}. Pricing requested.",
                "scope": plot.pick(("tbd", "in_scope", "out_of_scope")),
                "status_id": plot.pick(plot.ids("change_event_status", in_company=True)),
                "type_id": plot.pick(plot.ids("change_event_type", in_company=True)),
                "reason_id": plot.pick(plot.ids("change_reason", in_company=True)),
                "items": [{"description": title, "amount": amount}],
                "created_by_id": plot.pick(plot.employees),
                **plot.stamps(-age, -age / 2),
            },
            None,
        )


def commitments(plot: Plot) -> Iterator[Row]:
    vendors = [vendor.id for vendor in plot.subcontractors]
    for number, vendor in enumerate(vendors[: max(3, plot.scale.change_events)], start=1):
        is_order = number % 4 == 0
        yield (
            {
                "number": f"{'PO' if is_order else 'SC'}-{number:02d}",
                "title": plot.get("vendor", vendor, in_company=True)["name"],
                "description": "Scope per exhibit A.",
                "status": plot.pick(("Approved", "Approved", "Draft", "Out For Signature")),
                "contract_type": "PurchaseOrderContract" if is_order else "WorkOrderContract",
                "vendor_id": vendor,
                "executed": number % 5 != 0,
                "private": True,
                "accounting_method": "amount",
                "signature_required": False,
                "grand_total": _amount(plot, 40_000, 2_900_000),
                "contract_date": plot.days(-200),
                **plot.stamps(-200, -20),
            },
            None,
        )


def prime_contracts(plot: Plot) -> Iterator[Row]:
    yield (
        {
            "number": "PC-01",
            "title": f"Prime Contract, {plot.project['name']}",
            "description": "Guaranteed maximum price.",
            "status": "Approved",
            "vendor_id": plot.ids("vendor", in_company=True)[0],
            "executed": True,
            "private": True,
            "accounting_method": "amount",
            "signature_required": True,
            "grand_total": plot.project["total_value"],
            "contract_date": plot.project["start_date"],
            **plot.stamps(-280, -15),
        },
        None,
    )


def _orders(contract_kind: str, *, per_project: int, package_type: str | None = None) -> Maker:
    def maker(plot: Plot) -> Iterator[Row]:
        contracts = plot.ids(contract_kind)
        for number in range(1, max(2, plot.scale.change_events // per_project) + 1):
            age = plot.between(3, 120)
            status = plot.pick(("draft", "pricing", "pending", "approved", "approved", "rejected"))
            yield (
                {
                    "number": f"{number:03d}",
                    "title": plot.pick(words.CHANGE_EVENTS),
                    "description": "See backup.",
                    "status": status,
                    "package_type": package_type,
                    "contract_id": plot.pick(contracts),
                    "revision": 0,
                    "executed": status == "approved",
                    "private": False,
                    "grand_total": _amount(plot, 900, 85_000),
                    "schedule_impact_amount": plot.pick((0, 0, 2, 5)),
                    "due_date": None if plot.maybe(0.2) else plot.days(21 - age),
                    "reviewed_at": plot.moment(-age / 2) if status == "approved" else None,
                    "reviewer_id": plot.pick(plot.employees),
                    "created_by_id": plot.pick(plot.employees),
                    **plot.stamps(-age, -age / 2),
                },
                None,
            )

    return maker


def budget_views(plot: Plot) -> Iterator[Row]:
    for name in ("Standard Budget View", "Forecast View"):
        author = plot.employees[0]
        yield {"name": name, "description": name, "created_by_id": author, **plot.stamps(-250, -3)}, None


def budget_rows(plot: Plot) -> Iterator[Row]:
    categories = ("Labor", "Materials", "Commitment", "Other")
    for place, code in enumerate(plot.ids("cost_code")):
        category = place % len(categories)
        original = plot.between(30_000, 1_800_000)
        change = plot.between(-20_000, 60_000) if plot.maybe(0.5) else 0
        yield (
            {
                "cost_code_id": code,
                "category": categories[category],
                "category_id": category + 1,
                "original_budget_amount": f"{original}.00",
                "budget_modifications": f"{change}.00",
                "forecast": f"{original + change + plot.between(-9_000, 30_000)}.00",
                **plot.stamps(-250, -3),
            },
            None,
        )


def requisitions(plot: Plot) -> Iterator[Row]:
    """Two monthly invoices on most subcontracts."""
    contracts = [each for each in plot.records("commitment_contract") if each["contract_type"] == "WorkOrderContract"]
    for contract in contracts:
        for number in (1, 2):
            start = -70 + 30 * number
            yield (
                {
                    "number": number,
                    "invoice_number": f"{contract['number']}-{number}",
                    "status": "approved" if number == 1 else plot.pick(("draft", "under_review", "approved_as_noted")),
                    "billing_date": plot.days(start + 30),
                    "requisition_start": plot.days(start),
                    "requisition_end": plot.days(start + 29),
                    "submitted_at": plot.days(start + 31),
                    "percent_complete": f"{plot.between(5, 40) * number}.25%",
                    "total_claimed_amount": _amount(plot, 9_000, 140_000),
                    "period_id": number,
                    "contract_name": contract["title"],
                    "vendor_id": contract["vendor_id"],
                    "final": False,
                    "created_by_id": plot.pick(plot.employees),
                    **plot.stamps(start, start + 5),
                },
                contract.id,
            )


MAKERS: dict[str, Maker] = {
    "change_event": change_events,
    "commitment_contract": commitments,
    "prime_contract": prime_contracts,
    "change_order_package": _orders("prime_contract", per_project=4, package_type="PrimeContractChangeOrder"),
    "potential_change_order": _orders("prime_contract", per_project=2),
    "commitment_change_order": _orders("commitment_contract", per_project=2),
    "prime_change_order": _orders("prime_contract", per_project=3),
    "budget_view": budget_views,
    "budget_row": budget_rows,
    "requisition": requisitions,
}
