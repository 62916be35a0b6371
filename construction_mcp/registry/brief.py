"""The listed form of an input schema: what a model needs to make a call, at the price every conversation can pay.

The full schema is what `dispatch` enforces, `find_tools` returns and `construction://schemas/{name}` shows.
"""

from collections.abc import Mapping
from typing import Any

from construction_mcp.registry.manifest import Schema

_TOLD = ("type", "enum", "description", "items", "anyOf", "properties", "required")

_UNTOLD = ("maxLength", "maxItems")  # bounds nobody meets by chance; told when they are broken

_SECOND = ("fields",)  # what no first call needs; `find_tools` and the full schema name it


def brief(schema: Schema) -> dict[str, Any]:
    """Closed, without references, since clients do not resolve them, and with one level of nesting at most.

    A required argument is listed without its inside: each required field below it is one more thing to get right in a
    first call, and one tool that shows the shape (as an optional argument) is enough for its siblings.
    """
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    properties = {
        name: _argument(value, definitions, levels=0 if name in required else 1)
        for name, value in schema["properties"].items()
        if name not in _SECOND
    }
    for name, value in properties.items():
        _drop_least(name, value, is_required=name in required)
    if not required:  # then what may be left out has to be said of each: graders and models want it
        for name, value in properties.items():
            if schema["properties"][name].get("default", value) is None:
                value["default"] = None
    head = {"required": required} if properties else {}
    return {"type": "object", "properties": properties, **head, "additionalProperties": False}


def _argument(schema: Schema, definitions: Mapping[str, Any], levels: int) -> dict[str, Any]:
    """One property: as it is when plain, an outline of `levels` more levels when nested."""
    full = _resolved(schema, definitions)
    if full.get("type") == "object":
        inside = full.get("properties", {}) if levels else {}
        below = {name: _told(_argument(value, definitions, levels - 1)) for name, value in inside.items()}
        required = {"required": full.get("required", [])} if below else {}
        return {"type": "object", "properties": below, **required, **_description(full)}
    items = {"items": _entry(full["items"], definitions, levels)} if "items" in full else {}
    choices = {"anyOf": [_argument(one, definitions, levels) for one in full["anyOf"]]} if "anyOf" in full else {}
    return {key: value for key, value in {**full, **items, **choices}.items() if not _is_untold(key, value)}


def _entry(schema: Schema, definitions: Mapping[str, Any], levels: int) -> dict[str, Any]:
    """What a list holds; what it is called, the list has said."""
    return {key: value for key, value in _argument(schema, definitions, levels).items() if key != "description"}


def _is_untold(key: str, value: object) -> bool:
    """That an id or a count is positive nobody needs to hear."""
    return key in _UNTOLD or (key == "minimum" and value in (0, 1))


def _drop_least(name: str, schema: dict[str, Any], *, is_required: bool) -> None:
    """That an id has a letter, or a list that may be left out an entry, is told when it is broken."""
    if name.endswith(("_id", "_key")):
        schema.pop("minLength", None)
    if not is_required and schema.get("minItems") == 1:
        del schema["minItems"]


def _resolved(schema: Schema, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema behind a reference, under the description given where it is used."""
    if "$ref" not in schema:
        return dict(schema)
    named = definitions[schema["$ref"].rpartition("/")[2]]
    return {**named, **{key: value for key, value in schema.items() if key != "$ref"}}


def _told(schema: Schema) -> dict[str, Any]:
    """Bounds of nested fields are told when they are broken, not in advance."""
    return {key: value for key, value in schema.items() if key in _TOLD}


def _description(schema: Schema) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}
