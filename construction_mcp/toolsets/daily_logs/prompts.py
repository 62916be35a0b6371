"""The prompt that summarises daily logs, with the sums worked out here and the entries as evidence."""

from datetime import date, timedelta
from typing import Annotated

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import completes, prompt
from construction_mcp.core.untrusted import HOW_TO_READ, untrusted
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.daily_logs import Logs, Range, read_logs, types_or_all
from construction_mcp.procore.records.sites import ids_beginning, site_named, today_at

_DAYS_BEFORE = 6  # a week up to today, when nothing is said

_STYLES = {
    "executive": "At most eight sentences for somebody who was not there: progress, what stopped work, safety, what is "
    "needed from them. Numbers only where they decide something.",
    "detailed": "Day by day, newest first: crews and hours, work done, deliveries, visitors and inspections, weather, "
    "delays, safety. Name companies as the logs name them.",
    "bullet": "At most fifteen bullets under Progress, Problems, Safety, Weather, Next; one line each, with its date.",
}

_TASK = """
Summarise the daily logs of project {project_id} from {first} to {last} (today there is {today}).

Style: {style}

Counted here, not by you: {counts} entries by type; {hours} man-hours; {delay} minutes of delay. Use these numbers as \
they are; do not add entries up yourself.{cut}
Give each statement its date. Tell apart what the logs say from what follows from them. Where two entries disagree, \
say so and give both. An absence in the logs is not an event: write "not recorded", not "did not happen".

A person must check before it is passed on: accidents and safety entries against the incident reports; delays and \
their causes, because a daily log can become evidence in a claim; hours against the time cards; and entries still \
pending, which are left out here.
""".strip()


@prompt()
async def summarize_daily_logs(
    project: Annotated[str, "Project id, number or part of its name"],
    from_: Annotated[str, "First day as YYYY-MM-DD; a week ago when left out"] = "",
    to: Annotated[str, "Last day as YYYY-MM-DD; today at the site when left out"] = "",
    style: Annotated[str, "executive, detailed or bullet (default executive)"] = "executive",
    *,
    procore: Procore,
    clock: Clock,
    limits: Limits,
) -> str:
    """Summarise a project's daily logs of some days, with totals, evidence and what to check."""
    if style not in _STYLES:
        raise Invalid(f"style is {style[:50]!r}.", details={"field": "style", "known": sorted(_STYLES)})
    site = await site_named(procore, project)
    today = today_at(site, clock.now())
    last = _day(to, "to") or today
    first = _day(from_, "from") or last - timedelta(days=_DAYS_BEFORE)
    if not timedelta(0) <= last - first < timedelta(days=limits.daily_log_days_max):
        raise Invalid(
            f"From {first} to {last} is not a range of 1 to {limits.daily_log_days_max} days.",
            details={"field": "from"},
        )
    logs = await read_logs(procore, [site.id], types_or_all(None), Range(first, last), "approved")
    task = _TASK.format(
        project_id=site.id,
        first=first,
        last=last,
        today=today,
        style=_STYLES[style],
        counts=dict(logs.counts) or "no",
        hours=logs.man_hours,
        delay=logs.delay_minutes,
        cut=" The lists were longer than could be read, so these are lower bounds: say so." if logs.truncated else "",
    )
    return "\n\n".join([task, HOW_TO_READ, untrusted("the project", [site], chars_max=2_000), _entries(logs, limits)])


@completes("summarize_daily_logs", "project")
async def complete_project(prefix: str, *, procore: Procore) -> list[str]:
    """Ids of projects whose id begins with, or whose name contains, what was typed."""
    return await ids_beginning(procore, prefix)


@completes("summarize_daily_logs", "style")
async def complete_style(prefix: str) -> list[str]:
    """The styles there are."""
    return [style for style in _STYLES if style.startswith(prefix)]


def _entries(logs: Logs, limits: Limits) -> str:
    """Compact, so that a fortnight fits: no ids and no addresses."""
    rows = [
        {
            "date": entry.date,
            "type": entry.log_type,
            "by": entry.created_by,
            "company": entry.company,
            "location": entry.location,
            **entry.values,
        }
        for entry in logs.entries
    ]
    return untrusted("daily log entries, newest day first", rows, chars_max=limits.prompt_evidence_chars_max)


def _day(text: str, field: str) -> date | None:
    """A day as it was typed; None for nothing.

    Raises:
        Invalid: it is not a date.
    """
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid(f"{field} is not a date such as 2026-03-01.", details={"field": field}) from None
