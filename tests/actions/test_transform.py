"""What is known about items stays known about what a transform makes of them."""

from typing import Any

import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.expressions.port import Schema

TYPES = Catalogue()
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
RFI: Schema = {"type": "object", "properties": {"number": TEXT, "days_overdue": {"type": "integer"}}}
RFIS: Schema = {"type": "array", "items": RFI}


def output(name: str, **inputs: Schema) -> dict[str, Any]:
    found = TYPES.get(f"transform.{name}")
    assert found is not None
    assert callable(found.output)
    fields: dict[str, Any] = dict(found.output(inputs))["properties"]
    return fields


@pytest.mark.parametrize("name", ["filter", "sort"])
@pytest.mark.parametrize("items", [RFIS, {"anyOf": [RFIS, {"type": "null"}]}], ids=["list", "list or null"])
def test_items_that_only_stay_or_move_are_what_they_were(name: str, items: Schema) -> None:
    assert output(name, items=items) == {"items": RFIS, "skipped": {"type": "integer"}}


def test_mapped_items_are_what_the_expression_gives() -> None:
    picked: Schema = {"type": "object", "properties": {"who": TEXT}}

    assert output("map", items=RFIS, to=picked)["items"] == {"type": "array", "items": picked}


def test_a_group_has_a_key_of_the_expression_and_the_items_as_they_were() -> None:
    group = output("group", items=RFIS, by=TEXT)["items"]["items"]

    assert group["properties"] == {"key": TEXT, "items": RFIS, "count": {"type": "integer"}}
    assert group["additionalProperties"] is False


@pytest.mark.parametrize(
    ("op", "inputs", "value"),
    [
        ("count", {"items": RFIS}, {"type": "integer"}),
        ("sum", {"items": RFIS, "of": NUMBER}, {"type": "number"}),
        ("avg", {"items": RFIS, "of": NUMBER}, {"anyOf": [{"type": "number"}, {"type": "null"}]}),
        ("max", {"items": RFIS, "of": TEXT}, {"anyOf": [TEXT, {"type": "null"}]}),
        ("min", {"items": {"type": "array", "items": NUMBER}}, {"anyOf": [NUMBER, {"type": "null"}]}),
        ("min", {"items": {"type": "array"}}, {}),
    ],
)
def test_an_aggregate_gives_what_its_operation_gives(op: str, inputs: dict[str, Schema], value: Schema) -> None:
    assert output("aggregate", op={"const": op}, **inputs) == {"value": value}


def test_an_aggregate_whose_operation_a_template_decides_may_give_anything() -> None:
    assert output("aggregate", items=RFIS, op=TEXT, of=NUMBER) == {"value": {}}


@pytest.mark.parametrize("name", ["filter", "sort", "map", "group", "aggregate", "set"])
def test_nothing_is_claimed_about_what_is_not_known(name: str) -> None:
    fields = output(name, items={}, to={}, by={}, value={})

    assert fields.get("items", {}).get("items", {}).get("properties", {}).get("key", {}) == {}
    assert fields.get("value", {}) == {}


def test_a_set_value_is_what_it_was_set_to() -> None:
    assert output("set", value=RFIS) == {"value": RFIS}


def test_an_approval_gives_every_editable_value_as_it_was_shown() -> None:
    approval = TYPES.get("approval.request")
    assert approval is not None
    assert callable(approval.output)
    show: Schema = {"type": "object", "properties": {"reply": TEXT, "days": NUMBER}}

    given = approval.output({"show": show, "editable": {"type": "array", "const": ["reply"]}})
    computed = approval.output({"show": show, "editable": {"type": "array"}})

    assert given["properties"]["edits"]["properties"] == {"reply": TEXT}
    assert computed["properties"]["edits"] == {"type": "object"}
