"""JSON Schemas of outputs that are put together from the schemas of a config."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from construction_mcp.expressions.port import ANYTHING, Schema

_REMEMBERED_MAX = 500  # schemas that each function of `one_for_each` holds


def one_for_each(make: Callable[[Schema], Schema]) -> Callable[[Schema], Schema]:
    """Give one object for one object: a schema that was seen before has its type at once (`expressions.types`)."""
    made: dict[int, tuple[Schema, Schema]] = {}

    @wraps(make)
    def remembering(schema: Schema) -> Schema:
        known = made.get(id(schema))
        if known is None:
            if len(made) >= _REMEMBERED_MAX:
                made.clear()
            known = made[id(schema)] = (schema, make(schema))  # holding the schema keeps its id from being reused
        return known[1]

    return remembering


def closed(**properties: Schema) -> Schema:
    """An object of exactly these fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def array_of(items: Schema) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": items} if items else {"type": "array"}


def or_null(schema: Schema) -> Schema:
    """The same, or null where there is nothing to say."""
    return {"anyOf": [schema, {"type": "null"}]} if schema else ANYTHING


def element(schema: Schema) -> Schema:
    """What a list holds; anything where that is not known."""
    for choice in (schema, *schema.get("anyOf", ())):
        if isinstance(choice.get("items"), Mapping):
            found: Schema = choice["items"]
            return found
    return ANYTHING


def text(*choices: str) -> dict[str, Any]:
    """A text, one of `choices` where there are any."""
    return {"type": "string", "enum": list(choices)} if choices else {"type": "string"}
