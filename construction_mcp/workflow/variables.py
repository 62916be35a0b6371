"""The variables of a workflow: what their types mean, whether their values fit, and what an expression sees."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from construction_mcp.actions.mail import ADDRESS
from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.port import ANYTHING, Schema
from construction_mcp.workflow.definition import KEY, Variable
from construction_mcp.workflow.names import as_key, cannot_follow_a_dot
from construction_mcp.workflow.problems import Problem, error
from construction_mcp.workflow.zones import zone_named

_EMAIL = re.compile(ADDRESS)
_URL = re.compile(r"https?://[^\s/]+(/\S*)?")
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_ID: Schema = {"type": "integer", "minimum": 1}
_IDS: Schema = {"type": "array", "items": _ID}
_TYPES_ELSEWHERE = {
    **dict.fromkeys(("str", "text"), "string"),
    **dict.fromkeys(("int", "integer", "float", "double", "decimal"), "number"),
    **dict.fromkeys(("bool", "checkbox"), "boolean"),
    **dict.fromkeys(("array", "object"), "list"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A variable type: what a value must be, in words and as a check, and what expressions may do with it."""

    schema: Schema
    words: str
    fits: Any


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_id(value: Any) -> bool:
    return _is_int(value) and value >= 1


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 254 and _EMAIL.fullmatch(value) is not None


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _are_projects(value: Any) -> bool:
    return value == ALL_ACTIVE or (isinstance(value, list) and bool(value) and all(map(_is_id, value)))


def _is_zone(value: Any) -> bool:
    return isinstance(value, str) and zone_named(value) is not None


def _is_list_of(fits: Any) -> Any:
    return lambda value: isinstance(value, list) and all(fits(one) for one in value)


KINDS: Mapping[str, Kind] = {
    "string": Kind(_TEXT, "a text", lambda value: isinstance(value, str)),
    "number": Kind({"type": "number"}, "a number", lambda value: _is_int(value) or isinstance(value, float)),
    "boolean": Kind({"type": "boolean"}, "true or false", lambda value: isinstance(value, bool)),
    "email": Kind(_TEXT, "one mail address", _is_email),
    "emails": Kind(_TEXTS, "a list of mail addresses", _is_list_of(_is_email)),
    "date": Kind({**_TEXT, "format": "date"}, "a date, as 2026-11-22", _is_date),
    "url": Kind(
        _TEXT, "an address that starts with https://", lambda v: isinstance(v, str) and bool(_URL.fullmatch(v))
    ),
    "time_zone": Kind(_TEXT, "an IANA time zone, as America/Chicago", _is_zone),
    "project_id": Kind(_ID, "a Procore project id", _is_id),
    "project_ids": Kind(ANYTHING, "a list of Procore project ids, or all_active", _are_projects),
    "user": Kind(_TEXT, "a person's name or mail address", lambda value: isinstance(value, str) and bool(value)),
    "list": Kind({"type": "array"}, "a list", lambda value: isinstance(value, list)),
}


def values_of(variables: Mapping[str, Variable]) -> dict[str, Any]:
    """What each variable holds: the user's value, else the default, else nothing (None)."""
    return {name: one.default if one.value is None else one.value for name, one in variables.items()}


def sound_values_of(variables: Mapping[str, Variable]) -> dict[str, Any]:
    """As `values_of`, of those only whose value is of their type: what is wrong with the others is told once."""
    values = values_of(variables)
    kinds = {name: KINDS.get(one.type) for name, one in variables.items()}
    return {name: value for name, value in values.items() if (kind := kinds[name]) is not None and kind.fits(value)}


def schemas_of(variables: Mapping[str, Variable]) -> dict[str, Schema]:
    """What expressions see under `vars.<name>`. A variable that may stay empty may be null."""
    return {f"vars.{name}": _schema(one) for name, one in variables.items()}


def _schema(variable: Variable) -> Schema:
    schema = KINDS[variable.type].schema if variable.type in KINDS else ANYTHING
    empty = not variable.required and variable.default is None and variable.value is None
    return {"anyOf": [schema, {"type": "null"}]} if schema and empty else schema


def variable_problems(variables: Mapping[str, Variable]) -> Iterator[Problem]:
    """Names, types and values that do not fit."""
    for name, variable in variables.items():
        path = f"variables.{name}"
        if not re.fullmatch(KEY, name):
            fix = f"Call it {as_key(name)}: lower-case letters, digits and _, starting with a letter."
            yield error(path, "VARIABLE_NAME", f"{name[:64]!r} cannot be used in an expression.", fix)
        elif cannot_follow_a_dot(name):
            message = f"vars.{name} means something else in expressions."
            yield error(path, "NAME_RESERVED", message, "Choose another name.")
        if variable.type not in KINDS:
            near = nearest(variable.type, KINDS)
            fix = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(KINDS)}."
            fix = f"Did you mean {_TYPES_ELSEWHERE[variable.type]}?" if variable.type in _TYPES_ELSEWHERE else fix
            yield error(f"{path}.type", "VARIABLE_TYPE_UNKNOWN", f"There is no type {variable.type!r}.", fix)
        else:
            yield from _value_problems(path, variable)


def _value_problems(path: str, variable: Variable) -> Iterator[Problem]:
    kind = KINDS[variable.type]
    for place, value in (("value", variable.value), ("default", variable.default)):
        if value is not None and not kind.fits(value):
            shown = repr(value)[:60]
            message = f"{shown} is not {kind.words}."
            yield error(f"{path}.{place}", "VARIABLE_VALUE_INVALID", message, f"Give {kind.words}.")
    if variable.required and variable.value is None and variable.default is None:
        message = f"{path.partition('.')[2]} has no value yet."
        yield error(f"{path}.value", "VARIABLE_VALUE_MISSING", message, f"Set its value: {kind.words}.")
