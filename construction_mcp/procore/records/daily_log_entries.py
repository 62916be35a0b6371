"""Writing daily log entries: a caller's values checked against the type before anything is sent.

Procore stores an unreadable date as null without an error and ignores names it does not know, so both are refused here.
Source: Procore "Date and Time"; endpoints `POST .../{type}_logs`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.daily_log_types import SHARED, TYPES, Kind, LogType, path_of
from construction_mcp.procore.records.daily_logs import Entry, entry_of
from construction_mcp.procore.records.writing import answered, day_sent

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_TEXT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A checked entry: `values` as the caller wrote them, in the order of the type's fields."""

    log_type: LogType
    date: date
    values: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        """The JSON of the POST."""
        sent: dict[str, Any] = {"date": day_sent(self.date)}
        kinds = {**TYPES[self.log_type].fields, **SHARED}
        for name, value in self.values.items():
            if kinds[name] == "clock":
                hour, _, minute = value.partition(":")
                sent |= {f"{name}_hour": int(hour), f"{name}_minute": int(minute)}
            elif kinds[name] == "day":
                sent[name] = day_sent(date.fromisoformat(value))
            else:
                sent[name] = value
        return {f"{self.log_type}_log": sent}


def checked(log_type: LogType, on: date, values: Mapping[str, Any]) -> NewEntry:
    """The entry, when every value has a name and a form that the type knows.

    Raises:
        Invalid: VALIDATION_UNKNOWN_FIELD, VALIDATION_MISSING_FIELD or VALIDATION_INVALID, with the fields there are.
    """
    spec = TYPES[log_type]
    kinds: Mapping[str, Kind] = {**spec.fields, **SHARED}
    for name in values:
        if name not in kinds:
            raise Invalid(
                f"A {log_type} entry has no field {name[:100]!r}.",
                code="VALIDATION_UNKNOWN_FIELD",
                details={"field": f"entry.{name[:100]}", "nearest": nearest(name, kinds), "known": dict(kinds)},
            )
    missing = [name for name in spec.required if values.get(name) in (None, "")]
    if missing:
        raise Invalid(
            f"A {log_type} entry needs {' and '.join(missing)}.",
            code="VALIDATION_MISSING_FIELD",
            details={"field": f"entry.{missing[0]}", "missing": missing, "known": dict(kinds)},
        )
    given = {name: values[name] for name in kinds if values.get(name) not in (None, "")}
    if not given:
        raise Invalid(f"A {log_type} entry needs at least one value.", details={"known": dict(kinds)})
    return NewEntry(log_type, on, {name: _value(log_type, name, kinds[name], value) for name, value in given.items()})


async def create(procore: Procore, project_id: int, new: NewEntry) -> Entry:
    """Send it. Raises: as `Procore.write`."""
    raw = answered(await procore.write("POST", path_of(new.log_type, project_id), new.body()))
    return entry_of(procore, raw, project_id, new.log_type)


def _value(log_type: LogType, name: str, kind: Kind, value: Any) -> Any:
    if not _fits(kind, value):
        raise Invalid(f"{name} must be {_WORDS[kind]}.", details={"field": f"entry.{name}"})
    choices = TYPES[log_type].choices.get(name)
    if choices and value not in choices:
        raise Invalid(
            f"{name} must be one of the words Procore knows.",
            details={"field": f"entry.{name}", "known": list(choices)},
        )
    return value


def _fits(kind: Kind, value: Any) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "whole":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "clock":
        return bool(_CLOCK.fullmatch(value))
    return _is_day(value) if kind == "day" else len(value) <= _TEXT_MAX


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2026-03-01")


_WORDS: Mapping[Kind, str] = {
    "text": f"text of at most {_TEXT_MAX} characters",
    "whole": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "day": "a date such as 2026-03-01",
    "clock": "a time of day such as 14:30",
}
