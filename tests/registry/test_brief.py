"""The listed input schema admits what the enforced one admits, and costs little."""

import json
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from construction_mcp.core.instructions import instructions
from construction_mcp.registry.brief import brief
from construction_mcp.registry.build import input_schema
from construction_mcp.registry.catalog import View, load_catalog
from construction_mcp.registry.signature import read_signature
from construction_mcp.server.listing import tool_wire
from tests.properties.shapes import minimal

CATALOG = load_catalog()


class Leaf(BaseModel):
    """Deep."""

    depth: int


class Branch(BaseModel):
    """One level down."""

    kind: Annotated[str, Field(min_length=1, description="Its kind")]
    leaf: Annotated[Leaf | None, Field(description="Below")] = None


async def grow(
    trunk: Annotated[Branch, "The required one"],
    side: Annotated[Branch | None, "The optional one"] = None,
    sides: Annotated[list[Branch] | None, "More of them"] = None,
    mode: Annotated[Literal["slow", "fast"], "How it grows"] = "slow",
) -> None: ...


@pytest.fixture(scope="module")
def full() -> dict[str, Any]:
    return input_schema("here:grow", read_signature(grow))


def test_a_required_argument_is_listed_without_its_inside(full: dict[str, Any]) -> None:
    assert brief(full)["properties"]["trunk"] == {"type": "object", "properties": {}, "description": "The required one"}


def test_an_optional_argument_shows_one_level(full: dict[str, Any]) -> None:
    kind = {"type": "string", "description": "Its kind"}
    leaf = {"type": "object", "properties": {}, "description": "Below"}
    inside = {"type": "object", "properties": {"kind": kind, "leaf": leaf}, "required": ["kind"]}

    assert brief(full)["properties"]["side"] == {**inside, "description": "The optional one"}
    assert brief(full)["properties"]["sides"]["items"] == inside


def test_a_default_is_told_in_words(full: dict[str, Any]) -> None:
    assert full["properties"]["mode"]["description"] == "How it grows (default slow)"


def test_a_tool_without_required_arguments_says_so() -> None:
    async def find(name: Annotated[str | None, "Its name"] = None) -> None: ...

    schema = input_schema("here:find", read_signature(find))

    assert schema["required"] == []
    assert schema["properties"]["name"]["default"] is None


@pytest.mark.parametrize("name", sorted(CATALOG.tools))
def test_what_the_enforced_schema_admits_the_listed_one_admits(name: str) -> None:
    enforced = CATALOG.tools[name].input_schema
    listed = brief(enforced)

    assert "$ref" not in json.dumps(listed)
    jsonschema.validate(minimal(enforced), listed)


@pytest.mark.parametrize(("toolsets", "bytes_max"), [((), 24_000), (("all",), 80_000)])
def test_what_every_conversation_pays_stays_in_its_budget(toolsets: tuple[str, ...], bytes_max: int) -> None:
    """Instructions and tools/list, output schemas included (PRODUCT.md section 9)."""
    tools = [tool_wire(tool) for tool in CATALOG.listed_tools(View(toolsets))]
    listing = json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False)

    assert len(listing.encode()) + len(instructions("simulator", read_only=False, toolsets=toolsets)) <= bytes_max


def test_beyond_the_default_set_a_tool_is_listed_with_its_purpose_alone() -> None:
    for tool in CATALOG.tools.values():
        told = tool.description if tool.listed else tool.purpose

        assert tool_wire(tool)["description"] == told


def test_hints_are_listed_where_their_absence_would_say_something_else() -> None:
    """Source: MCP 2025-11-25, ToolAnnotations: destructive, not idempotent and open world unless said otherwise."""
    absent = {"destructiveHint": True, "idempotentHint": False, "openWorldHint": True}
    for tool in CATALOG.tools.values():
        hints = tool_wire(tool)["annotations"]

        assert hints["readOnlyHint"] == tool.annotations["readOnlyHint"]
        counting = {"openWorldHint"} if tool.effect == "read" else set(absent)
        assert {name: hints.get(name, absent[name]) for name in counting} == {
            name: tool.annotations[name] for name in counting
        }


def test_fields_is_taken_though_not_listed() -> None:
    enforced = CATALOG.tools["list_workflows"].input_schema

    assert "fields" in enforced["properties"]
    assert "fields" not in brief(enforced)["properties"]
