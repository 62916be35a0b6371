"""A value of a config that is computed when the step runs, and whether what it will give can stand where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.expressions.port import Schema

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class Hole:
    """Stands for what `text` will give; `schema` is what is known of it."""

    text: str
    schema: Schema


def has_hole(value: Any) -> bool:
    """Whether some part of a config value is computed."""
    if isinstance(value, Hole):
        return True
    if isinstance(value, dict):
        return any(has_hole(part) for part in value.values())
    return isinstance(value, list) and any(has_hole(part) for part in value)


def without_holes(value: Any) -> Any:
    """The written part of a list or mapping: what can be judged before the step runs."""
    if isinstance(value, Mapping):
        return {key: without_holes(part) for key, part in value.items() if not isinstance(part, Hole)}
    if isinstance(value, list):
        return [without_holes(part) for part in value if not isinstance(part, Hole)]
    return value


def may_stand(given: Schema, wanted: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Whether some value of `given` is a value of `wanted`, by JSON type and the type of list items."""
    if not given:  # anything
        return True
    takes = _branches(wanted, definitions)
    return any(_same_kind(one, other, definitions) for one in _branches(given, {}) for other in takes)


def kinds_taken(wanted: Schema, definitions: Mapping[str, Schema]) -> frozenset[str]:
    """The JSON types of which every value may stand there, by `may_stand`: a look at the type alone."""
    kinds = {_type_of(one) for one in _branches(wanted, definitions) if not one.get("items")}
    if "" in kinds:
        return frozenset(_WORDS)
    return frozenset(kinds | {"integer", "number"} if kinds & {"integer", "number"} else kinds)


def words_for(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """What a schema takes, for a person: "text or a list"."""
    found = dict.fromkeys(_WORDS.get(_type_of(one), "anything") for one in _branches(schema, definitions))
    found.pop("nothing", None)
    return " or ".join(found) or "nothing"


def _same_kind(given: Schema, wanted: Schema, definitions: Mapping[str, Schema]) -> bool:
    one, other = _type_of(given), _type_of(wanted)
    if "" in (one, other):
        return True
    if one == other == "array":
        return may_stand(given.get("items", {}), wanted.get("items", {}), definitions)
    return one == other or {one, other} == {"integer", "number"}


def _branches(schema: Schema, definitions: Mapping[str, Schema]) -> Sequence[Schema]:
    """The alternatives of a schema, references followed; a schema that says nothing is one that takes anything."""
    if "$ref" in schema:
        return _branches(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    if "anyOf" in schema or "oneOf" in schema:
        options = schema.get("anyOf") or schema["oneOf"]
        return [branch for one in options for branch in _branches(one, definitions)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": one} for one in schema["type"]]
    return (schema,)


def _type_of(schema: Schema) -> str:
    if "type" in schema:
        return str(schema["type"])
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return "string" if values and all(isinstance(value, str) for value in values) else ""
