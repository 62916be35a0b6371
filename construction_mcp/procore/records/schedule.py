"""Schedule tasks. Source: endpoint `GET /rest/v1.0/tasks`, which filters by text and change only.

REST v2 has the same activities without baseline, outline and actual dates; these lists need them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from construction_mcp.procore.records.families import Family, Reading, filters_of, since
from construction_mcp.procore.records.fields import day, days_overdue, text
from construction_mcp.procore.records.money import decimal
from construction_mcp.procore.responses import number_or_none

_DONE = 100


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `is_overdue`: not finished though its finish has passed. Those after `web_url` are full detail.

    `finish_variance_days` is planned finish against baseline, later being positive.
    """

    id: int
    activity_id: str | None
    name: str | None
    start_date: date | None
    finish_date: date | None
    percent_complete: int | None
    is_critical: bool
    is_milestone: bool
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    wbs: str | None = None
    is_summary: bool | None = None
    resource: str | None = None
    baseline_start: date | None = None
    baseline_finish: date | None = None
    actual_start: date | None = None
    actual_finish: date | None = None
    finish_variance_days: float | None = None
    notes: str | None = None


def list_query(*, search: str | None, updated_since: date | None) -> dict[str, Any]:
    """What Procore itself can filter by."""
    return filters_of(query=search, updated_at=since(updated_since))


def start_first(task: Task) -> tuple[bool, date, int]:
    """Earliest start first, those without one last."""
    return (task.start_date is None, task.start_date or date.max, task.id)


def is_within(task: Task, first: date | None, last: date | None) -> bool:
    """Whether the task takes place on any day from `first` to `last`."""
    if (first or last) and task.start_date is None and task.finish_date is None:
        return False
    begins, ends = task.start_date or task.finish_date, task.finish_date or task.start_date
    return (last is None or begins is None or begins <= last) and (first is None or ends is None or ends >= first)


def _shape(reading: Reading, raw: Mapping[str, Any]) -> Task:
    task_id, finish = number_or_none(raw.get("id")) or 0, day(raw.get("finish_datetime"))
    done = decimal(raw.get("percentage"))
    late = days_overdue(finish, reading.today, is_open=done is None or done < _DONE)
    brief = Task(
        id=task_id,
        activity_id=text(raw.get("activity_id")) or text(raw.get("key")),
        name=text(raw.get("name")) or text(raw.get("task_name")),
        start_date=day(raw.get("start_datetime")),
        finish_date=finish,
        percent_complete=None if done is None else int(done),
        is_critical=raw.get("critical_path") is True,
        is_milestone=raw.get("milestone") is True,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=reading.web_url("schedule", "tasks", task_id),
    )
    return replace(brief, **_details(raw)) if reading.full else brief


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    variance = decimal(raw.get("finish_variance"))
    return {
        "wbs": text(raw.get("wbs")),
        "is_summary": raw.get("has_children") is True,
        "resource": text(raw.get("resource_name")),
        "baseline_start": day(raw.get("baseline_start")),
        "baseline_finish": day(raw.get("baseline_finish")),
        "actual_start": day(raw.get("actual_start")),
        "actual_finish": day(raw.get("actual_finish")),
        "finish_variance_days": None if variance is None else float(variance),
        "notes": text(raw.get("notes")),
    }


TASKS = Family("/rest/v1.0/tasks", _shape)
