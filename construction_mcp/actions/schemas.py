"""What steps give, as JSON Schemas made from the types that are really returned.

A step's output is dumped with its nulls, so that every field can be named in an expression: every object is closed and
requires all of its fields, and a field without a value is null.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from construction_mcp.actions.shapes import array_of, closed
from construction_mcp.expressions.port import ANYTHING, Schema

Output = Callable[[Mapping[str, Schema]], Schema]
"""As `ActionType.output` takes it: asking a type for its schema costs pydantic milliseconds, so nobody is asked before
a workflow uses the action."""

_DECORATION = frozenset({"title", "default", "$defs"})


@cache
def schema_of(returned: type) -> Schema:
    """The schema of what a step gives as JSON, nulls kept, references written out."""
    raw = TypeAdapter(returned).json_schema(mode="serialization")
    schema: Schema = _written_out(raw, raw.get("$defs", {}))
    return schema


def item_of(record: type, *, in_project: bool = False) -> Output:
    """`{item}`, of `get`, `create`, `update`, `reply` and `close`.

    in_project: the record does not say which project it is in, so the step adds `project_id` to it.
    """
    return lambda _config: _item(record, in_project)


def list_of(record: type, *, in_project: bool = False) -> Output:
    """`{items, total, truncated}`: `total` counts what was found, `truncated` says that there is more than was read.

    in_project: as in `item_of`; a list reads several projects.
    """
    return lambda _config: _list(record, in_project)


def answer_of() -> Output:
    """`{status, headers, body}`, of `http.request` and `procore.request`: the body is JSON, else text."""
    return lambda _config: _ANSWER


@cache
def _item(record: type, in_project: bool) -> Schema:
    return closed(item=_record(record, in_project))


@cache
def _list(record: type, in_project: bool) -> Schema:
    items = array_of(_record(record, in_project))
    return closed(items=items, total={"type": "integer"}, truncated={"type": "boolean"})


def _record(record: type, in_project: bool) -> Schema:
    schema = schema_of(record)
    return closed(**{**schema["properties"], "project_id": {"type": "integer"}}) if in_project else schema


def _written_out(schema: Any, shared: Mapping[str, Any]) -> Any:
    """The schema without references and decoration, its objects closed. Records do not contain themselves."""
    if isinstance(schema, list):
        return [_written_out(one, shared) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _written_out(shared[schema["$ref"].rpartition("/")[2]], shared)
    kept = {key: value for key, value in schema.items() if key not in _DECORATION and key != "properties"}
    plain = {key: _written_out(value, shared) for key, value in kept.items()}
    if "properties" in schema:
        fields = {name: _written_out(one, shared) for name, one in schema["properties"].items()}
        return {**plain, **closed(**fields)}
    return plain


_ANSWER = closed(
    status={"type": "integer"},
    headers={"type": "object", "additionalProperties": {"type": "string"}},
    body=ANYTHING,
)
