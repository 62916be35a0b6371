"""What JSON cannot hold is told wherever it stands, though it is looked for only where pydantic lets it through."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.definition import Action, Definition, ForEach, Retry, Trigger, Variable
from construction_mcp.workflow.document import shaped
from tests.workflow.corpus import compiled

HALF = "half \ud83d"
WHOLE: dict[str, Any] = {
    "name": "Whole",
    "description": "Every field there is",
    "project_id": 1001,
    "trigger": {
        "type": "schedule",
        "cron": "0 9 * * 1-5",
        "timezone": "America/Chicago",
        "catch_up": "once",
        "overlap": "skip",
        "calendar": "working_days",
        "holidays": ["2026-12-25"],
        "catch_up_within_h": 1.5,
        "jitter_s": 5,
        "source": "procore",
        "resources": ["RFIs"],
        "events": ["create"],
        "filter": "true",
        "every_s": 60,
    },
    "variables": {
        "limit": {"type": "number", "required": True, "default": 1.5, "value": 2.5, "description": "How many"},
        "texts": {"type": "list", "default": ["a", {"b": "c"}], "value": [{"d": 1.5}]},
    },
    "actions": [
        {
            "key": "first",
            "type": "transform.set",
            "config": {"value": {"deep": ["text", 0.5]}},
            "condition": "true",
            "depends_on": ["other"],
            "timeout_s": 1.5,
            "on_error": "fail",
            "for_each": {"items": "[1]", "as": "one", "concurrency": 1, "max_items": 1},
            "retry": {"max_attempts": 1, "initial_s": 1.5, "max_s": 2.5},
        }
    ],
}
PARTS: tuple[tuple[type[BaseModel], dict[str, Any]], ...] = (
    (Definition, WHOLE),
    (Trigger, WHOLE["trigger"]),
    (Variable, WHOLE["variables"]["limit"]),
    (Action, WHOLE["actions"][0]),
    (ForEach, WHOLE["actions"][0]["for_each"]),
    (Retry, WHOLE["actions"][0]["retry"]),
)
Place = tuple[Any, ...]


def places(value: Any, kind: type, at: Place = ()) -> Iterator[Place]:
    """Where a value of that kind stands."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, kind, (*at, key))
    elif isinstance(value, kind):
        yield at


def with_one(place: Place, value: Any) -> dict[str, Any]:
    """The whole with another value there."""
    shape = copy.deepcopy(WHOLE)
    parent: Any = shape
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return shape


def is_told(shape: dict[str, Any]) -> bool:
    """Before there is a definition, or by the compiler."""
    try:
        definition = shaped(shape)
    except Invalid:
        return True
    return {one.code for one in compiled(definition).problems} == {"VALUE_UNWRITABLE"}


@pytest.mark.parametrize(("model", "part"), PARTS, ids=[model.__name__ for model, _ in PARTS])
def test_every_field_is_tried(model, part):
    assert {field.alias or name for name, field in model.model_fields.items()} == part.keys()


@pytest.mark.parametrize("place", [*places(WHOLE, str)], ids=str)
def test_half_of_a_character_is_told_wherever_it_stands(place):
    assert is_told(with_one(place, HALF))


@pytest.mark.parametrize("place", [*places(WHOLE, float)], ids=str)
def test_a_number_that_is_none_is_told_wherever_it_stands(place):
    assert is_told(with_one(place, float("nan")))
    assert is_told(with_one(place, float("-inf")))


def test_half_of_a_character_in_a_name_is_told():
    variables = {**WHOLE["variables"], HALF: {"type": "string"}}
    deep = [{**WHOLE["actions"][0], "config": {"value": {"deep": {HALF: 1}}}}]

    assert is_told({**WHOLE, "variables": variables})
    assert is_told({**WHOLE, "actions": deep})
