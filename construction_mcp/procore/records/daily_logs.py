"""Reading daily logs: any types, any days, in parallel.

Facts this module stands on (Procore's daily log endpoints): without a date a list answers today only, so the days are
always sent; a range longer than 13 weeks was seen refused; lists leave pending entries out unless asked; one request
counts the entries of all types, so empty types need not be read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.daily_log_types import TYPES, LogType, path_of
from construction_mcp.procore.records.fields import day, person, text
from construction_mcp.procore.responses import number_or_none
from construction_mcp.procore.together import together

EntryStatus = Literal["approved", "pending", "all"]

_KEPT_S = 60.0
_COUNT_FROM = 4  # so many types are cheaper to read after asking which of them have entries
_BOOKING = ("cost_code", "trade", "user", "contract")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `values` are the fields of its type that are filled; times are site times, hours are numbers.

    `created_by` and `location` come with full detail only.
    """

    id: int
    project_id: int
    log_type: str
    date: date | None
    created_by: str | None
    company: str | None
    location: str | None
    pending: bool | None
    values: Mapping[str, Any]
    web_url: str


@dataclass(frozen=True, slots=True)
class Logs:
    """What was read, newest day first. `counts` are entries per type, `man_hours` and `delay_minutes` their sums."""

    entries: list[Entry]
    counts: Mapping[str, int]
    man_hours: float
    delay_minutes: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Range:
    """The days asked about, both included."""

    first: date
    last: date

    def query(self, status: EntryStatus) -> dict[str, Any]:
        """The days as Procore takes them, and whose entries."""
        filters = {} if status == "approved" else {"filters": {"status": status}}
        return {"start_date": self.first.isoformat(), "end_date": self.last.isoformat(), **filters}


async def read_logs(
    procore: Procore, project_ids: Sequence[int], types: Sequence[LogType], days: Range, status: EntryStatus
) -> Logs:
    """Every entry of these types and days, within the call's budget: all lists at the same time.

    Raises:
        ConstructionError: as `ProcoreClient.get`; a type that fails fails the reading, for half a log misleads.
    """
    wanted = await _with_entries(procore, project_ids, types, days, status)
    items_max = _rows_max(procore, len(wanted))
    lists = [
        procore.list(path_of(log_type, project_id), days.query(status), items_max=items_max, ttl_s=_KEPT_S)
        for project_id, log_type in wanted
    ]
    listings = await together(*lists)
    entries = [
        entry_of(procore, row, project_id, log_type)
        for (project_id, log_type), listing in zip(wanted, listings, strict=True)
        for row in listing.items
        if isinstance(row, Mapping)
    ]
    return Logs(
        entries=sorted(entries, key=_newest_first),
        counts=dict(sorted(Counter(entry.log_type for entry in entries).items())),
        man_hours=round(sum(_amount(entry, "man_hours") for entry in entries), 1),
        delay_minutes=int(sum(_amount(entry, "duration") for entry in entries if entry.log_type == "delay")),
        truncated=any(listing.truncated for listing in listings),
    )


async def read_completed(procore: Procore, project_id: int, on: date) -> bool:
    """Whether somebody has completed that day's log. Source: endpoint `GET .../daily_log_headers/index`."""
    query = {"start_date": on.isoformat(), "end_date": on.isoformat()}
    listing = await procore.list(f"/rest/v1.0/projects/{project_id}/daily_log_headers/index", query, items_max=5)
    rows = [row for row in listing.items if isinstance(row, Mapping)]
    return any(day(row.get("log_date")) == on and row.get("completed") is True for row in rows)


def entry_of(procore: Procore, raw: Mapping[str, Any], project_id: int, log_type: LogType) -> Entry:
    """An entry from a row of its type's list, or from the answer to posting it."""
    return Entry(
        id=number_or_none(raw.get("id")) or 0,
        project_id=project_id,
        log_type=log_type,
        date=day(raw.get("date")) or day(raw.get("datetime")),
        created_by=person(raw.get("created_by")),
        company=person(raw.get("vendor")) or person(raw.get("contact")),
        location=person(raw.get("location")),
        pending=True if raw.get("status") == "pending" else None,
        values=_values(raw, log_type),
        web_url=procore.web_url(project_id, "project", "daily_log"),
    )


async def _with_entries(
    procore: Procore, project_ids: Sequence[int], types: Sequence[LogType], days: Range, status: EntryStatus
) -> list[tuple[int, LogType]]:
    """The lists worth reading. A type that the counts do not name is read: silence is not zero."""
    if len(types) < _COUNT_FROM:
        return [(project_id, log_type) for project_id in project_ids for log_type in types]
    path = "/rest/v1.1/projects/{}/daily_logs/counts"
    counts = await together(*(procore.list(path.format(one), days.query(status), ttl_s=_KEPT_S) for one in project_ids))
    wanted = []
    for project_id, listing in zip(project_ids, counts, strict=True):
        empty = {row.get("module_name") for row in listing.items if isinstance(row, Mapping) and row.get("count") == 0}
        wanted += [(project_id, log_type) for log_type in types if f"{log_type}_logs" not in empty]
    return wanted


def _rows_max(procore: Procore, lists: int) -> int:
    """So many rows of each list that all of them together stay within the call's budget."""
    pages = procore.client.usage.left() // max(1, lists)
    return procore.limits.procore_page_size * max(1, min(procore.limits.procore_pages_max, pages))


def _values(raw: Mapping[str, Any], log_type: LogType) -> dict[str, Any]:
    """The type's own fields, without the empty ones; clock fields put together, names instead of records."""
    spec = TYPES[log_type]
    found: dict[str, Any] = {}
    for name, kind in spec.fields.items():
        if kind == "clock":
            found[name] = _clock(raw, name)
        elif not name.endswith("_id"):
            found[name] = _number(raw.get(name)) if kind in ("whole", "number") else raw.get(name)
    for name in spec.also_shown:
        value = raw.get(name)
        found[name] = person(value) if isinstance(value, Mapping) else _number(value)
    return {name: value for name, value in found.items() if value not in (None, "", False)}


def _clock(raw: Mapping[str, Any], prefix: str) -> str | None:
    hour, minute = _number(raw.get(f"{prefix}_hour")), _number(raw.get(f"{prefix}_minute"))
    if not isinstance(hour, int | float):
        return text(raw.get(prefix))
    return f"{int(hour):02d}:{int(minute) if isinstance(minute, int | float) else 0:02d}"


def _number(value: Any) -> Any:
    """Procore writes hours as text: `"8.0"`; anything else stays as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        read = float(value)
        return int(read) if read.is_integer() else read
    return value


def _amount(entry: Entry, name: str) -> float:
    value = entry.values.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _newest_first(entry: Entry) -> tuple[int, int, str, int]:
    return (-entry.date.toordinal() if entry.date else 0, entry.project_id, entry.log_type, entry.id)


def brief(entry: Entry) -> Entry:
    """What a list needs: without who wrote it, where, and the codes it is booked on."""
    kept = {name: value for name, value in entry.values.items() if name not in _BOOKING}
    return replace(entry, created_by=None, location=None, values=kept)


def types_or_all(types: Iterable[LogType] | None) -> list[LogType]:
    """The types asked for, or every type there is."""
    return list(dict.fromkeys(types)) if types else list(TYPES)
