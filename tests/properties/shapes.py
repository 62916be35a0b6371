"""Argument values made from a tool's input schema: plausible ones, and ones nobody should send."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

HUGE = "@@5000 digits@@"
"""Stands for an integer that neither Python's nor most JSON writers can print; `write` puts it in."""

HOSTILE: tuple[Any, ...] = (
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "x" * 1_000_000,
    "'; DROP TABLE workflows; --",
    "../../../../etc/passwd",
    "{{ 1 + 1 }}",
    -1,
    0,
    10**9,
    2**63,
    -(2**63) - 1,
    HUGE,
    1e308,
    1.5,
    True,
    [],
    {},
    [[]] * 1000,
    ["x"] * 2_000,
    {"\x00": "\x00"},
    {"a": HUGE},
    {f"k{number}": number for number in range(1_000)},
    "@@deep@@",
)


def plausible(schema: Schema, definitions: Mapping[str, Any]) -> Any:
    """The smallest value the schema admits."""
    if "$ref" in schema:
        return plausible(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return plausible(schema["anyOf"][0], definitions)
    return schema["enum"][0] if "enum" in schema else _of_type(schema, definitions)


def _of_type(schema: Schema, definitions: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        inside = schema.get("properties", {})
        return {name: plausible(inside[name], definitions) for name in schema.get("required", [])}
    if kind == "array":
        return [plausible(schema["items"], definitions)] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"boolean": False, "string": "k" * max(1, schema.get("minLength", 0))}.get(str(kind))


def minimal(schema: Schema) -> dict[str, Any]:
    """The required arguments, each plausible."""
    value: dict[str, Any] = plausible({**schema, "type": "object"}, schema.get("$defs", {}))
    return value


def hostile(schema: Schema) -> Iterator[dict[str, Any]]:
    """Each argument replaced by each hostile value, an argument too many, and none at all."""
    usual = minimal(schema)
    for name in schema["properties"]:
        for value in HOSTILE:
            yield {**usual, name: value}
    yield {**usual, "surprise": 1}
    yield {**usual, "\x00": 1}
    yield {}


def write(frame: Mapping[str, Any]) -> bytes:
    """One line, with what `json` cannot write put in by hand."""
    text = json.dumps(frame).replace(json.dumps(HUGE), "9" * 5000)
    return text.replace('"@@deep@@"', "[" * 5000 + "]" * 5000).encode() + b"\n"


def is_unstorable(value: Any) -> bool:
    """Whether it holds what JSON admits and a database does not: NUL, half a surrogate pair, more than 64 bits."""
    text = json.dumps(value)
    return is_written_by_hand(value) or "\\u0000" in text or "\\ud800" in text or str(2**63) in text


def is_written_by_hand(value: Any) -> bool:
    """Whether `json` could not have written it, so that a schema cannot judge it either."""
    return HUGE in (text := json.dumps(value)) or "@@deep@@" in text
