"""Types as the closed schemas that expressions are checked against."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from construction_mcp.actions.schemas import item_of, list_of, schema_of
from construction_mcp.actions.shapes import one_for_each


@dataclass(frozen=True, slots=True)
class Bar:
    """A reinforcing bar."""

    title: str  # a field may have the name of a word of JSON Schema
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Cage:
    """Bars tied together."""

    bars: list[Bar]
    placed_on: date | None
    marks: Mapping[str, int]
    extra: Any = None


def or_null(**schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def test_a_record_inside_is_written_out_closed_with_every_field_required() -> None:
    cage = schema_of(Cage)

    bar = cage["properties"]["bars"]["items"]
    assert "$defs" not in cage
    assert bar["additionalProperties"] is False
    assert bar["required"] == ["title", "weight"]
    assert bar["properties"]["title"] == {"type": "string"}


def test_values_are_typed_as_they_are_dumped_nulls_kept() -> None:
    """Money is text on the way out, whatever is taken on the way in."""
    fields = schema_of(Cage)["properties"]

    assert fields["bars"]["items"]["properties"]["weight"]["anyOf"][0]["type"] == "string"
    assert fields["placed_on"] == or_null(type="string", format="date")
    assert fields["marks"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert fields["extra"] == {}


def test_a_schema_is_made_once() -> None:
    assert schema_of(Cage) is schema_of(Cage)
    assert list_of(Cage)({}) is list_of(Cage)({})
    assert item_of(Cage, in_project=True)({}) is item_of(Cage, in_project=True)({})


def test_a_record_that_does_not_say_its_project_gets_it() -> None:
    plain, placed = item_of(Cage)({}), item_of(Cage, in_project=True)({})

    assert "project_id" not in plain["properties"]["item"]["properties"]
    assert placed["properties"]["item"]["properties"]["project_id"] == {"type": "integer"}
    assert "project_id" in placed["properties"]["item"]["required"]


def test_one_object_is_given_for_one_object_and_never_for_another():
    """Python gives the id of what is let go to the next: what was made of a schema is remembered with the schema."""
    made = one_for_each(lambda schema: {"of": schema["const"]})
    kept = {"const": -1}

    assert [made({"const": number}) for number in range(1200)] == [{"of": number} for number in range(1200)]
    assert made(kept) is made(kept)
