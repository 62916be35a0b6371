"""The functions that expressions have beyond CEL's own (PRODUCT.md section 5): what they take, give and do.

The checker sees `CHECKED`, with type parameters; evaluation sees `implemented()`, one overload per kind of value,
since a parameter of type dyn matches nothing at run time in cel-expr-python. Null goes through: `date(null)` is null.
Dates are text, `2026-03-02`, as everywhere in JSON; moments (`now()`) are timestamps.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from construction_mcp.core.config import Limits

if TYPE_CHECKING:
    from cel_expr_python import cel

_LIMITS = Limits()
_NUMBER = re.compile(r"\s*[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d{1,3})?\s*")
_ANY_LIST = ("list",)
_WHEN = ("string", "timestamp", "null")
_SCALAR = ("string", "int", "double", "bool", "null")


class Unfit(ValueError):
    """An argument that a function cannot work with; the message is for the workflow's author."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where an evaluation takes place: an aware time, its zone, and days nobody works besides weekends."""

    now: datetime
    zone: tzinfo = UTC
    holidays: frozenset[date] = frozenset()


MOMENT: ContextVar[Moment | None] = ContextVar("moment", default=None)


def moment_of(clock: Mapping[str, Any]) -> Moment:
    """From JSON: `{"now": "2026-03-02T15:00:00Z", "timezone": "America/Chicago", "holidays": ["2026-07-03"]}`."""
    return Moment(
        now=_instant(clock["now"]),
        zone=ZoneInfo(clock.get("timezone") or "UTC"),
        holidays=frozenset(date.fromisoformat(day) for day in clock.get("holidays") or ()),
    )


def _moment() -> Moment:
    """Without a clock of the caller's the machine's own time in UTC stands in."""
    return MOMENT.get() or Moment(datetime.now(UTC))


def _today() -> str:
    moment = _moment()
    return moment.now.astimezone(moment.zone).date().isoformat()


def _now() -> datetime:
    return _moment().now.astimezone(UTC)


def _date(value: Any) -> str | None:
    day = _day(value)
    return None if day is None else day.isoformat()


def _day(value: Any) -> date | None:
    """A moment belongs to the day it falls on in the workflow's zone; a text without a time is that day."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(_moment().zone).date()
    text = value.strip()
    try:
        return date.fromisoformat(text) if len(text) == 10 else _instant(text).astimezone(_moment().zone).date()
    except ValueError:
        raise Unfit(f"{value[:40]!r} is not a date; dates look like 2026-03-02 or 2026-03-02T15:00:00Z") from None


def _instant(text: str) -> datetime:
    """Without an offset it is read as UTC, which is what Procore sends."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _days_between(first: Any, last: Any) -> int | None:
    start, end = _day(first), _day(last)
    return None if start is None or end is None else (end - start).days


def _business_days_between(first: Any, last: Any) -> int | None:
    """Working days after `first` up to and including `last`; negative when `last` comes first."""
    start, end = _day(first), _day(last)
    if start is None or end is None:
        return None
    sign = 1 if start <= end else -1
    start, end = min(start, end), max(start, end)
    weeks, rest = divmod((end - start).days, 7)
    days = weeks * 5 + sum((start + timedelta(offset + 1)).weekday() < 5 for offset in range(rest))
    off = sum(start < day <= end and day.weekday() < 5 for day in _moment().holidays)
    return sign * (days - off)


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool):
        raise Unfit(f"{str(value).lower()} is not a number")
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value) or not any(sign.isdigit() for sign in value):
            raise Unfit(f"{value[:40]!r} is not a number; numbers look like 1234.5 or 1,234.50")
        return float(value.replace(",", ""))
    return float(value)


def _sum(items: Sequence[Any]) -> float:
    return float(sum(_numbers(items)))


def _avg(items: Sequence[Any]) -> float | None:
    """Of nothing there is no average."""
    numbers = _numbers(items)
    return sum(numbers) / len(numbers) if numbers else None


def _numbers(items: Sequence[Any]) -> list[float]:
    """Nulls are left out, as SQL's aggregates do."""
    _bounded(items)
    numbers = [item for item in items if item is not None]
    for item in numbers:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise Unfit(f"{_short(item)} is not a number; write number(...) around each value first")
    return numbers


def _sort_by(items: Sequence[Any], field: str) -> list[Any]:
    """Smallest first; items without a value come last, in the order they had."""
    _bounded(items)
    for item in items:
        if not isinstance(item, dict):
            raise Unfit(f"sort_by needs a list of objects, and {_short(item)} is none")
    known = [item for item in items if item.get(field) is not None]
    if items and not known and not any(field in item for item in items):
        raise Unfit(f"no item has a field {field[:60]!r}")
    try:
        return sorted(known, key=lambda item: item[field]) + [item for item in items if item.get(field) is None]
    except TypeError:
        raise Unfit(f"the values of {field[:60]!r} cannot be put in one order") from None


def _join(items: Sequence[Any], separator: str) -> str:
    """Nulls are left out."""
    _bounded(items)
    text = separator.join(text_of(item) for item in items if item is not None)
    if len(text) > _LIMITS.expression_bytes_max:
        raise Unfit("the joined text is too long")
    return text


def _truncate(text: str | None, length: int) -> str | None:
    """At most `length` characters; what was cut ends in an ellipsis."""
    if text is None or len(text) <= length:
        return text
    if length < 1:
        raise Unfit("truncate needs a length of 1 or more")
    return text[: length - 1] + "…"


def _first_given(options: Sequence[Any]) -> Any:
    """What `default(x, y)` becomes: a list with anything in it needs one overload, two values of any kind 81."""
    return next((option for option in options if option is not None), None)


def text_of(value: Any) -> str:
    """A value inside a text: null is empty, numbers and truth plain, lists and maps JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    import json

    return json.dumps(value, ensure_ascii=False)


def _bounded(items: Sequence[Any]) -> None:
    if len(items) > _LIMITS.expression_items_max:
        raise Unfit(f"the list has more than {_LIMITS.expression_items_max} items")


def _short(value: Any) -> str:
    text = text_of(value) if value is not None else "null"
    return repr(text[:40]) if isinstance(value, str) else text[:40]


class Function(NamedTuple):
    """checked: overloads as the checker sees them, arguments then result; `A` is any type, `x?` may be null.

    kinds: what each parameter takes when it runs.
    """

    checked: Sequence[tuple[Sequence[str], str]]
    kinds: Sequence[Sequence[str]]
    perform: Callable[..., Any]
    usage: str


_TWO_DAYS = [([first, last], "int?") for first, last in product(_WHEN[:2], _WHEN[:2])]
FUNCTIONS: Mapping[str, Function] = {
    "date": Function([(["string"], "string?"), (["timestamp"], "string?")], [_WHEN], _date, "date(value)"),
    "today": Function([([], "string")], [], _today, "today()"),
    "now": Function([([], "timestamp")], [], _now, "now()"),
    "days_between": Function(_TWO_DAYS, [_WHEN, _WHEN], _days_between, "days_between(first, last)"),
    "business_days_between": Function(
        _TWO_DAYS, [_WHEN, _WHEN], _business_days_between, "business_days_between(first, last)"
    ),
    "number": Function([([kind], "dyn") for kind in ("string", "int", "double")], [_SCALAR], _number, "number(value)"),
    "sum": Function([(["list(int)"], "dyn"), (["list(double)"], "dyn")], [_ANY_LIST], _sum, "sum(list)"),
    "avg": Function([(["list(int)"], "dyn"), (["list(double)"], "dyn")], [_ANY_LIST], _avg, "avg(list)"),
    "sort_by": Function(
        [(["list(A)", "string"], "list(A)")], [_ANY_LIST, ("string",)], _sort_by, 'sort_by(list, "field")'
    ),
    "join": Function([(["list(A)", "string"], "string")], [_ANY_LIST, ("string",)], _join, 'join(list, ", ")'),
    "truncate": Function(
        [(["string", "int"], "string?")], [("string", "null"), ("int",)], _truncate, "truncate(text, length)"
    ),
    "default": Function([(["A", "A"], "A")], [_ANY_LIST], _first_given, "default(value, otherwise)"),
}
FIRST_GIVEN = "first_given__"  # the name `default` has when it runs; no user's text may contain the two underscores
DECIMAL = frozenset({"number", "sum", "avg"})  # checked as dyn so that they compare with whole numbers; always double


@cache
def checked() -> "cel.EnvConfig":
    """The functions as the checker sees them; reading them takes longer than making an environment with them."""
    import json

    from cel_expr_python import cel

    declared = [
        {
            "name": name,
            "overloads": [
                {"id": f"{name}_{index}", "args": [_declared(one) for one in takes], "return": _declared(gives)}
                for index, (takes, gives) in enumerate(function.checked)
            ],
        }
        for name, function in FUNCTIONS.items()
    ]
    return cel.NewEnvConfigFromYaml(json.dumps({"name": "checked", "functions": declared}))  # JSON is YAML


def _declared(signature: str) -> dict[str, Any]:
    if signature.startswith("list("):
        return {"type_name": "list", "params": [_declared(signature[5:-1])]}
    if signature == "A":
        return {"type_name": "A", "is_type_param": True}
    return {"type_name": f"{signature[:-1]}_wrapper" if signature.endswith("?") else signature}


def implemented() -> "list[cel.FunctionDecl]":
    """The functions as they run."""
    from cel_expr_python import cel

    kinds = {
        "null": cel.Type.NULL,
        "bool": cel.Type.BOOL,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "string": cel.Type.STRING,
        "timestamp": cel.Type.TIMESTAMP,
        "list": cel.Type.List(cel.Type.DYN),
    }
    results = {"today": cel.Type.STRING, "now": cel.Type.TIMESTAMP}
    declared = []
    for name, function in FUNCTIONS.items():
        running = FIRST_GIVEN if name == "default" else name
        overloads = [
            cel.Overload(
                "_".join([running, *takes]),
                return_type=results.get(name, cel.Type.DYN),
                parameters=[kinds[kind] for kind in takes],
                impl=function.perform,
            )
            for takes in product(*function.kinds)
        ]
        declared.append(cel.FunctionDecl(running, overloads))
    return declared
