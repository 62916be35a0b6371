"""The reference pack, read from outside the repository: operations, schemas, and a judge of answers.

What the pack's README says about its gaps is applied here and nowhere else: every response property is optional and
nullable, `x-truncated` asserts nothing, alternatives overlap, and some v2 lists are drawn as one object.
"""

import json
import os
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

_DEFAULT = Path(__file__).resolve().parents[2] / ".." / "shared" / "procore"
FOLDER = Path(os.environ.get("CONSTRUCTION_MCP_PROCORE_PACK", _DEFAULT))
ABSENT = f"the Procore reference pack is not at {FOLDER}"
IS_THERE = (FOLDER / "openapi-core.json").exists()

_TIER_1 = re.compile(r"^\| 1 \| `(\w+) (\S+)`", re.MULTILINE)
# Drawn wrongly in the source, so that no sensible answer could match.
_MISDRAWN = {
    "GET /rest/v2.0/companies/{company_id}/change_events/statuses": "the name of a status is drawn as a boolean",
}
_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_FORMATS.checks("float", raises=ValueError)
def _is_number(value: object) -> bool:
    return not isinstance(value, str) or float(value) is not None


@dataclass(frozen=True)
class Operation:
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def tier_1() -> list[Operation]:
    if not IS_THERE:
        return []
    return [Operation(*found) for found in _TIER_1.findall((FOLDER / "endpoints.md").read_text("utf-8"))]


@cache
def _openapi() -> Any:
    return json.loads((FOLDER / "openapi-core.json").read_text("utf-8"))


@cache
def _supplement() -> Any:
    return json.loads((FOLDER / "response-supplement.json").read_text("utf-8"))["operations"]


def operation_for(method: str, path: str) -> Operation | None:
    """The recorded operation a request is; literal segments outrank parameters."""
    found = [
        template
        for template, methods in _openapi()["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return Operation(method, min(found, key=lambda template: template.count("{"))) if found else None


def record_of(operation: Operation) -> Any:
    return _openapi()["paths"][operation.path][operation.method.lower()]


def success_codes(operation: Operation) -> list[int]:
    """The 2xx codes of the record; a 302 where only that is drawn."""
    codes = [int(code) for code in record_of(operation)["responses"] if code.isdigit()]
    return [code for code in codes if 200 <= code < 300] or [code for code in codes if code == 302]


def request_schema(operation: Operation) -> Any:
    content = record_of(operation).get("requestBody", {}).get("content", {})
    drawn = content.get("application/json", {}).get("schema") or {}
    return drawn or _supplement().get(str(operation), {}).get("requestBody") or {}


def _response_schemas(operation: Operation, status: int) -> list[Any]:
    drawn = record_of(operation)["responses"].get(str(status), {}).get("content", {})
    added = _supplement().get(str(operation), {}).get("responses", {})
    found = [drawn.get("application/json", {}).get("schema"), added.get(str(status))]
    if str(operation) in _MISDRAWN:
        return []
    return [schema for schema in found if schema]


@cache
def _judges(operation: Operation, status: int) -> list[jsonschema.Draft202012Validator]:
    schemas = [_lenient(schema) for schema in _response_schemas(operation, status)]
    return [jsonschema.Draft202012Validator(schema, format_checker=_FORMATS) for schema in schemas]


def problems(operation: Operation, status: int, body: Any) -> list[str]:
    """What in `body` contradicts the record or its supplement."""
    found = []
    for judge in _judges(operation, status):
        drawn_as_row = isinstance(body, list) and "anyOf" in judge.schema  # a list drawn as one of its rows
        for error in judge.evolve(schema={"items": judge.schema} if drawn_as_row else judge.schema).iter_errors(body):
            deepest = min(error.context, key=lambda each: -len(each.path)) if error.context else error
            place = "/".join(map(str, [*error.absolute_path, *deepest.relative_path]))
            found.append(f"{place}: {deepest.message[:300]}")
    return found


def unknown_fields(operation: Operation, status: int, body: Any) -> set[str]:
    """Top-level fields of the answer (or of its rows) that neither source knows; empty where neither knows any."""
    rows = body.get("data", body) if isinstance(body, dict) else body
    rows = rows if isinstance(rows, list) else [rows]
    known: set[str] = set()
    for schema in _response_schemas(operation, status):
        known |= _fields_of(schema)
    sent = {name for row in rows if isinstance(row, dict) for name in row}
    return sent - known if known else set()


def _fields_of(schema: Any) -> set[str]:
    """The property names one row may have, whatever wraps it."""
    if not isinstance(schema, dict):
        return set()
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            return set().union(*(_fields_of(each) for each in schema[key]))
    if "items" in schema:
        return _fields_of(schema["items"])
    names = set(schema.get("properties", {}))
    return _fields_of(schema["properties"]["data"]) if names == {"data"} else names


def _lenient(schema: Any) -> Any:
    if not isinstance(schema, dict) or schema.get("x-truncated"):
        return {}
    relaxed: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("oneOf", "anyOf"):
            relaxed["anyOf"] = [*(_lenient(each) for each in value), {"type": "null"}]
        elif key == "properties":
            relaxed[key] = {name: _lenient(each) for name, each in value.items()}
        elif key == "items":
            relaxed[key] = _lenient(value)
        elif key == "type":
            relaxed[key] = [*(value if isinstance(value, list) else [value]), "null"]
        elif key == "enum":
            relaxed[key] = [*value, None]
        elif key == "format":
            relaxed[key] = value
    data = relaxed.get("properties", {}).get("data")
    if isinstance(data, dict) and "object" in data.get("type", ()):
        relaxed["properties"]["data"] = {"anyOf": [data, {"type": "array", "items": data}]}
    return relaxed
