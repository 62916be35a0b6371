"""What later steps are told about a value that was written into a config."""

from typing import Any

import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.actions.hole import Hole
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.expressions.port import Schema
from construction_mcp.workflow.checking import schema_of_value
from construction_mcp.workflow.compiler import compile_plan
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.facts import Facts

RFI: Schema = {"type": "object", "properties": {"number": {"type": "string"}}}
ASK = {"approvers": "Jo", "message": "Send it?", "show": {"reply": "Yes", "cost": 5}, "editable": ["reply"]}


def codes(*steps: tuple[str, str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Where the problems of a workflow of these actions are, and of what kind."""
    actions = [{"key": key, "type": type_, "config": config} for key, type_, config in steps]
    shape = {"name": "Test", "project_id": 7, "trigger": {"type": "manual"}, "actions": actions}
    definition = Definition.model_validate(shape)
    found = compile_plan(definition, Facts("simulator", 1), Catalogue(), CelEngine()).problems
    return [(one.path, one.code) for one in found]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (["a", "b"], {"type": "string"}),
        ([{"n": 1}, {"n": 2}], {"type": "object", "properties": {"n": {"type": "integer"}}}),
        ([Hole("x", RFI), Hole("y", RFI)], RFI),
        ([Hole("x", {})], {}),
        (["a", 1], {}),
        ([], {}),
    ],
)
def test_a_list_holds_what_its_items_have_in_common(value: list[Any], items: Schema) -> None:
    found = schema_of_value(value)

    assert found["items"].get("properties") == items.get("properties")
    assert found["items"].get("type") == items.get("type")


def test_a_list_that_is_written_out_is_known_itself() -> None:
    assert schema_of_value(["a", "b"])["const"] == ["a", "b"]
    assert "const" not in schema_of_value(["a", Hole("x", {})])


@pytest.mark.parametrize(("field", "is_editable"), [("reply", True), ("replay", False), ("cost", False)])
def test_an_edit_is_read_by_a_name_that_may_be_edited(field: str, is_editable: bool) -> None:
    log = ("log", "notify.log", {"text": f"{{{{ steps.ask.output.edits.{field} }}}}"})

    found = codes(("ask", "approval.request", ASK), log)

    assert found == ([] if is_editable else [("actions.log.config.text", "EXPRESSION_UNKNOWN_NAME")])


def test_an_item_nobody_knows_may_stand_where_a_text_is_wanted() -> None:
    made = ("made", "transform.set", {"value": ["{{ trigger.input.first }}"]})

    assert codes(made, ("log", "notify.log", {"text": "{{ steps.made.output.value[0] }}"})) == []


def test_a_field_is_known_through_a_map_and_a_group() -> None:
    steps = (
        ("rfis", "procore.rfi.list", {}),
        ("short", "transform.map", {"items": "{{ steps.rfis.output.items }}", "to": {"n": "item.number"}}),
        ("by", "transform.group", {"items": "{{ steps.short.output.items }}", "by": "item.n"}),
    )
    right, wrong = (
        ("log", "notify.log", {"text": f"{{{{ steps.by.output.items[0].items[0].{field} }}}}"}) for field in ("n", "m")
    )

    assert codes(*steps, right) == []
    assert codes(*steps, wrong) == [("actions.log.config.text", "EXPRESSION_UNKNOWN_NAME")]
