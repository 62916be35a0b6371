"""Changes and money: exact amounts, open work, and a budget that adds up."""

from decimal import Decimal

import pytest

from construction_mcp.procore.records.money import Money, decimal, money, total_of
from tests.toolsets.desk import DEFAULT_CHARS_MAX, size

pytestmark = pytest.mark.anyio


async def test_change_events_carry_the_sum_of_their_items_as_exact_text(desk):
    answer = await desk.call("list_procore_change_events", project_id=desk.projects[0])

    for item in answer["items"]:
        record = desk.world.get("change_event", desk.projects[0], item["id"])
        total = sum((Decimal(one["amount"]) for one in record["items"]), Decimal(0))
        assert Decimal(item["cost"]["amount"]) == total
        assert isinstance(item["cost"]["amount"], str)
        assert item["cost"]["currency"] == "USD"
    assert size(answer) <= DEFAULT_CHARS_MAX


async def test_change_events_are_told_by_status_and_scope(desk):
    every = (await desk.call("list_procore_change_events", project_id=desk.projects[0], limit=100))["items"]

    pending = await desk.call("list_procore_change_events", project_id=desk.projects[0], status="pending")
    outside = await desk.call("list_procore_change_events", project_id=desk.projects[0], scope="out_of_scope")

    assert desk.trace["upstream_requests"] == 0
    assert [one["id"] for one in pending["items"]] == [one["id"] for one in every if one["status"] == "Pending"]
    assert [one["id"] for one in outside["items"]] == [one["id"] for one in every if one["scope"] == "out_of_scope"]
    assert [one["number"] for one in every] == sorted((one["number"] for one in every), reverse=True)


async def test_open_change_orders_of_all_kinds_come_in_three_requests_at_once(desk):
    await desk.call("list_procore_projects")
    answer = await desk.call("list_procore_change_orders", project_id=desk.projects[0], limit=100)

    settled = {"approved", "rejected", "void", "no_charge", "not_proceeding"}
    wanted = {
        one.id
        for kind in ("prime", "commitment", "potential")
        for one in desk.world.table(f"{kind}_change_order", desk.projects[0])
        if one["status"] not in settled
    }
    assert desk.trace["upstream_requests"] == 3
    assert {one["id"] for one in answer["items"]} == wanted


@pytest.mark.parametrize("kind", ["prime", "commitment", "potential"])
async def test_change_orders_of_a_kind_are_paged_though_procore_may_not_page_them(desk, kind):
    found, cursor = [], None
    while True:
        page = await desk.call(
            "list_procore_change_orders", project_id=desk.projects[0], kind=kind, status="any", limit=2, cursor=cursor
        )
        found += [one["id"] for one in page["items"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break

    records = list(desk.world.table(f"{kind}_change_order", desk.projects[0]))
    assert sorted(found) == sorted(one.id for one in records)


async def test_overdue_change_orders_are_unsettled_and_late(desk):
    answer = await desk.call("list_procore_change_orders", project_id=desk.projects[0], overdue=True)

    assert answer["items"]
    assert all(one["is_overdue"] and one["due_date"] < "2026-03-02" for one in answer["items"])


async def test_a_budget_adds_up_whatever_page_is_shown(desk):
    answer = await desk.call("get_procore_budget_view", project_id=desk.projects[0], limit=3)

    rows = list(desk.world.table("budget_row", desk.projects[0]))
    totals = {name: Decimal(one["amount"]) for name, one in answer["totals"].items()}
    assert desk.trace["upstream_requests"] == 2
    assert len(answer["items"]) == 3
    assert answer["total"] == len(rows)
    assert totals == {
        "original_budget_amount": sum((Decimal(one["original_budget_amount"]) for one in rows), Decimal(0)),
        "budget_modifications": sum((Decimal(one["budget_modifications"]) for one in rows), Decimal(0)),
        "budget_forecast": sum((Decimal(one["forecast"]) for one in rows), Decimal(0)),
    }


async def test_a_budget_view_is_chosen_by_name_and_narrowed_by_cost_code(desk):
    first = await desk.call("get_procore_budget_view", project_id=desk.projects[0])
    other = first["other_views"][0]

    answer = await desk.call(
        "get_procore_budget_view", project_id=desk.projects[0], view=other["name"], cost_code="concrete"
    )

    assert answer["view"] == other
    assert all("concrete" in one["cost_code"].lower() for one in answer["items"])
    assert size(first) <= DEFAULT_CHARS_MAX


@pytest.mark.parametrize("value", ["0.10", "50000.00", "-12.5", 7, 0.1])
def test_an_amount_is_exactly_what_was_sent(value):
    assert decimal(value) == Decimal(str(value))


@pytest.mark.parametrize("value", [None, True, "", "n/a", "NaN", "Infinity", "1e9999999", "9" * 31, [], {}])
def test_what_is_no_amount_is_none(value):
    assert money(value, "USD") is None


def test_amounts_of_different_currencies_have_no_sum():
    assert total_of([Money(Decimal(1), "USD"), Money(Decimal(1), "CAD")]) is None
    assert total_of([Money(Decimal("0.1"), "USD"), Money(Decimal("0.2"), "USD")]) == Money(Decimal("0.3"), "USD")
