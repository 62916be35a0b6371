"""Tools over daily logs. What Procore knows of them is in `procore/records/daily_log*.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit, ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import daily_log_entries
from construction_mcp.procore.records.across import chosen_projects
from construction_mcp.procore.records.companies import Project
from construction_mcp.procore.records.daily_log_types import LogType
from construction_mcp.procore.records.daily_logs import (
    Entry,
    EntryStatus,
    Range,
    brief,
    read_completed,
    read_logs,
    types_or_all,
)
from construction_mcp.procore.records.sites import site_of, sites_of, today_at
from construction_mcp.procore.records.writing import settled_by
from construction_mcp.procore.together import together


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries, newest day first, and what all entries of the range add up to.

    `truncated` is True when a list was longer than one call may read.
    """

    items: list[Entry]
    from_date: date
    to_date: date
    counts: Mapping[str, int]
    man_hours: float
    delay_minutes: int
    total: int
    next_cursor: str | None = None
    truncated: bool | None = None


@tool(effect="read", listed=True, open_world=True, fields=True)
async def list_procore_daily_logs(
    project_id: Annotated[int | None, Field(ge=1), "One Procore project"] = None,
    project_ids: Annotated[list[int] | None, Field(min_length=1, max_length=10), "Or several, 1 to 10"] = None,
    log_types: Annotated[list[LogType] | None, Field(max_length=18), "Only these types; all when left out"] = None,
    from_date: Annotated[date | None, "First day; today at the site when left out"] = None,
    to_date: Annotated[date | None, "Last day, at most 91 days on; today when left out"] = None,
    status: Annotated[EntryStatus, "pending ones wait for approval"] = "approved",
    detail: Annotated[Literal["summary", "full"], "full adds author, location and cost code"] = "summary",
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> LogPage:
    """List daily log entries of any types and days, newest day first, with counts, man-hours and delay minutes of all.

    Use get_procore_project_overview to see only when the last log was kept.
    """
    sites = await sites_of(procore, chosen_projects(project_id, project_ids))
    days = _range(sites, from_date, to_date, clock, procore.limits.daily_log_days_max)
    types = types_or_all(log_types)
    asked = ["daily_logs", [site.id for site in sites], types, days.query(status), limit, procore.connection.id]
    start = int(cursors.read(cursor, asked)) if cursor else 0
    logs = await read_logs(procore, [site.id for site in sites], types, days, status)
    end = start + limit
    return LogPage(
        items=[brief(one) if detail == "summary" else one for one in logs.entries[start:end]],
        from_date=days.first,
        to_date=days.last,
        counts=logs.counts,
        man_hours=logs.man_hours,
        delay_minutes=logs.delay_minutes,
        total=len(logs.entries),
        next_cursor=cursors.sign(end, asked) if end < len(logs.entries) else None,
        truncated=logs.truncated or None,
    )


@tool(effect="outside", open_world=True)
async def create_procore_daily_log_entry(
    project_id: ProjectId,
    log_type: Annotated[LogType, "Kind of entry: notes, manpower, delivery, delay, weather, accident and others"],
    entry: Annotated[
        dict[str, Any],
        Field(max_length=30),
        "Fields of its type, as comment for notes; a wrong name is answered with all that it takes",
    ],
    on_date: Annotated[date | None, "Day it is about; today at the site when left out"] = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[Entry]:
    """Create one daily log entry in Procore after a preview, and return it as Procore stored it.

    Read the day with list_procore_daily_logs first, so that nothing is entered twice.
    """
    site = await site_of(procore, project_id)
    today = today_at(site, clock.now())
    on = on_date or today
    new = daily_log_entries.checked(log_type, on, entry)
    completed, logs = await together(
        read_completed(procore, project_id, on), read_logs(procore, [project_id], [log_type], Range(on, on), "all")
    )
    shown = {
        "project": site.name,
        "log_type": log_type,
        "date": on.isoformat(),
        **new.values,
        "already_there": len(logs.entries),
        "notes_for_you": _warnings(on, today, completed=completed),
    }

    async def perform() -> Entry:
        day = {"from_date": str(on), "to_date": str(on)}
        look = {"project_id": project_id, "log_types": [log_type], **day, "status": "all"}
        with settled_by("list_procore_daily_logs", look, "look there"):
            return await daily_log_entries.create(procore, project_id, new)

    target = f"procore:project/{project_id}/daily_log/{log_type}/{on}"
    return Effect(f"Add a {log_type} entry for {on} in {site.name}", shown, perform, (target,))


def _range(sites: Sequence[Project], first: date | None, last: date | None, clock: Clock, days_max: int) -> Range:
    """The days asked for. What is left out is today where the sites are: the earliest of their days, to miss none.

    Raises:
        Invalid: the wrong way round, or longer than Procore answers.
    """
    todays = [today_at(site, clock.now()) for site in sites]
    last = last or max(todays if first is None or first <= max(todays) else [first])
    first = first or min([*todays, last])
    if first > last:
        raise Invalid(f"from_date {first} is after to_date {last}.", details={"field": "from_date"})
    if last - first >= timedelta(days=days_max):
        raise Invalid(
            f"From {first} to {last} is longer than {days_max} days.",
            hint="Ask for a shorter range, or several.",
            details={"field": "from_date", "days_max": days_max},
        )
    return Range(first, last)


def _warnings(on: date, today: date, *, completed: bool) -> list[str]:
    """What a person should know before saying yes."""
    told = {
        "The day's log has been completed already; an addition may have to be distributed again.": completed,
        f"The day is in the future: today at the site is {today}.": on > today,
        f"The day is {(today - on).days} days ago: entries made late weigh less as evidence.": (today - on).days > 7,
    }
    return [sentence for sentence, applies in told.items() if applies]
