"""`filters[...]` and `sort`: which records a list keeps and in what order (FACTS 5)."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from construction_mcp.simulator.answers import Refused
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.instants import parse_instant
from construction_mcp.simulator.records import Record

Keeps = Callable[[Record], bool]
Filter = Callable[[Call, list[str]], Keeps]


def values_of(call: Call, name: str) -> list[str]:
    """What was asked for under `name`: repeated, `[]`, comma-separated and JSON-array forms alike."""
    given = [*call.query.get(name, ()), *call.query.get(f"{name}[]", ())]
    values: list[str] = []
    for one in given:
        if one.startswith("["):
            try:
                values += [str(each) for each in json.loads(one)]
                continue
            except ValueError:
                pass
        values += one.split(",")
    return [value.strip().strip('"') for value in values if value.strip()]


def keep(call: Call, records: Iterable[Record], filters: Mapping[str, Filter]) -> list[Record]:
    """The records that pass every asked filter; attributes a list does not filter by are ignored, as in Procore."""
    tests = []
    for name, make in filters.items():
        parameter = name if name.endswith("!") else f"filters[{name}]"
        values = values_of(call, parameter.removesuffix("!"))
        if values:
            tests.append(make(call, values))
    return [record for record in records if all(test(record) for test in tests)]


def same(field: str) -> Filter:
    """Stored value equals one of those asked for; numbers, flags and words compare as text, case aside."""

    def make(_call: Call, values: list[str]) -> Keeps:
        wanted = {value.lower() for value in values}
        return lambda record: str(record[field]).lower() in wanted

    return make


def record_id(_call: Call, values: list[str]) -> Keeps:
    wanted = set(values)
    return lambda record: str(record.id) in wanted


def parent_id(_call: Call, values: list[str]) -> Keeps:
    wanted = set(values)
    return lambda record: str(record.parent) in wanted


def holds(field: str) -> Filter:
    """The stored list of ids holds one of those asked for."""

    def make(_call: Call, values: list[str]) -> Keeps:
        wanted = set(values)
        return lambda record: any(str(each) in wanted for each in record[field] or ())

    return make


def coded(field: str, words: Sequence[str]) -> Filter:
    """Numbers in the filter, words in the record (observations: FACTS 5)."""

    def make(call: Call, values: list[str]) -> Keeps:
        named = [words[int(value)] if value.isdigit() and int(value) < len(words) else value for value in values]
        return same(field)(call, named)

    return make


def search(*fields: str) -> Filter:
    """Every word occurs in one of the fields."""

    def make(_call: Call, values: list[str]) -> Keeps:
        words = " ".join(values).lower().split()

        def test(record: Record) -> bool:
            text = " ".join(str(record[field] or "") for field in fields).lower()
            return all(word in text for word in words)

        return test

    return make


def during(field: str) -> Filter:
    """`from...to`, dates or times, either end open; a single value is that day or moment (FACTS 5)."""

    def make(_call: Call, values: list[str]) -> Keeps:
        first, dots, last = ",".join(values).partition("...")
        start = _moment(first, field) if first else datetime.min.replace(tzinfo=UTC)
        end = _end(last if dots else first, field) if (last or not dots) else datetime.max.replace(tzinfo=UTC)

        def test(record: Record) -> bool:
            moment = parse_instant(record[field]) if record[field] else None
            return moment is not None and start <= moment < end

        return test

    return make


def after(field: str) -> Filter:
    """Strictly later than the given time (v2 schedules: `filters[updated_at][gt]`)."""

    def make(_call: Call, values: list[str]) -> Keeps:
        start = _moment(values[0], field)
        return lambda record: (parse_instant(record[field] or "") or datetime.min.replace(tzinfo=UTC)) > start

    return make


def _moment(text: str, field: str) -> datetime:
    moment = parse_instant(text.strip().strip('"'))
    if moment is None:
        raise Refused(400, f"filters[{field}] is not an ISO 8601 range", field_name=field)
    return moment


def _end(text: str, field: str) -> datetime:
    """The first moment after the range: a date includes its whole day, a time its own second."""
    return _moment(text, field) + (timedelta(days=1) if "T" not in text else timedelta(seconds=1))


def with_deleted(call: Call, records: Iterable[Record]) -> list[Record]:
    """`filters[include_deleted]=only|with`; without it only what is not deleted."""
    asked = call.text("filters[include_deleted]") or call.text("filters[deleted]")
    if asked == "only":
        return [record for record in records if record.is_deleted]
    if asked == "with":
        return list(records)
    return [record for record in records if not record.is_deleted]


def sort(call: Call, records: list[Record], keys: Mapping[str, str], default: str = "id") -> list[Record]:
    """`sort=a,-b`; `keys` maps what may be asked for to stored fields. The default keeps the order of creation.

    Raises:
        Refused: 400, the list does not sort by that.
    """
    asked = [name for name in (call.text("sort") or "").split(",") if name.strip()]
    if call.text("sort[attribute]"):  # RFIs only (FACTS 5)
        sign = "-" if call.text("sort[direction]") == "desc" else ""
        asked = [f"{sign}{call.text('sort[attribute]')}"]
    if not asked and default != "id":
        asked = [default]
    for name in reversed(asked):
        field = keys.get(name.lstrip("-"))
        if field is None:
            raise Refused(400, f"cannot sort by {name.lstrip('-')}", field_name="sort")
        records = sorted(records, key=_sort_key(field), reverse=name.startswith("-"))
    return records


def _sort_key(field: str) -> Callable[[Record], Any]:
    def key(record: Record) -> Any:
        value = record.id if field == "id" else record[field]
        if isinstance(value, str) and value.isdigit():
            value = f"{int(value):012d}"  # numbers are strings in Procore, people expect 9 before 10
        return (value is None, str(value) if not isinstance(value, int | float) else f"{value:020.4f}")

    return key
