"""JSON Schemas of outputs that are put together from the schemas of a config."""

from collections.abc import Mapping
from typing import Any

from construction_mcp.expressions.port import ANYTHING, Schema


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
