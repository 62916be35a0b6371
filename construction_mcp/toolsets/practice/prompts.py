"""The morning's prompt: what needs somebody today, across projects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.toolset import completes, prompt
from construction_mcp.core.untrusted import HOW_TO_READ, untrusted
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import rfis, submittals
from construction_mcp.procore.records.companies import Project, projects_of
from construction_mcp.procore.records.daily_log_types import LogType
from construction_mcp.procore.records.daily_logs import Logs, Range, read_logs
from construction_mcp.procore.records.sites import ids_beginning, site_named, today_at
from construction_mcp.procore.together import together

_PROJECTS_MAX = 5  # five requests each: one spike window of Procore
_SOON_DAYS = 7
_LOG_TYPES: tuple[LogType, ...] = ("delay", "safety_violation", "accident")

_TASK = """
Write a morning briefing for the {count} projects below, at most one page: what needs somebody today, most urgent first.

For each project, in this order, and only where there is something: overdue RFIs and submittals with who has the ball \
in court and for how many days; what falls due within {soon} days; what the logs since {since} say about delays, \
accidents and safety. End with at most three calls to make, each with the person and the question.
Counted here, not by you:
{counts}
Use these numbers as they are. Give each item its number and its link. A project without anything to report gets one \
line. Do not guess causes.{left_out}

A person must check: that an overdue item was not settled outside Procore; that the ball in court is really theirs \
before anybody is chased; and everything about safety, with the site itself. Send nothing to anybody unasked.
""".strip()


@dataclass(frozen=True, slots=True)
class Morning:
    """What one project brings to the briefing."""

    site: Project
    today: date
    since: date
    rfis: Sequence[Any]
    submittals: Sequence[Any]
    logs: Logs
    truncated: bool

    def counted(self) -> str:
        """Our numbers in our words; no text of a record."""
        late = [sum(bool(one.is_overdue) for one in kind) for kind in (self.rfis, self.submittals)]
        log = ", ".join(f"{count} {name}" for name, count in self.logs.counts.items()) or "no delay or safety entries"
        cut = " (lists cut: lower bounds)" if self.truncated else ""
        return (
            f"- project {self.site.id} on {self.today}: {len(self.rfis)} open RFIs, {late[0]} overdue; "
            f"{len(self.submittals)} unfinished submittals, {late[1]} overdue; since {self.since} {log}{cut}"
        )

    def urgent(self) -> list[Any]:
        """Overdue or due soon, in the order of the lists."""
        until = self.today + timedelta(days=_SOON_DAYS)
        items = [*self.rfis, *self.submittals]
        return [one for one in items if one.due_date is not None and one.due_date <= until]


@prompt()
async def morning_briefing(
    projects: Annotated[str, "Project ids, numbers or names, with commas; the first active ones when left out"] = "",
    *,
    procore: Procore,
    clock: Clock,
    limits: Limits,
) -> str:
    """Brief a team in the morning: what is overdue or due, who must act, and the latest delays and safety entries."""
    sites, left_out = await _sites(procore, projects)
    mornings: list[Morning] = await together(*(_morning(procore, site, clock.now()) for site in sites))
    told = f"\nOnly {len(sites)} projects fit; {left_out} more are not here: say so." if left_out else ""
    counts = "\n".join(one.counted() for one in mornings)
    since = min((one.since for one in mornings), default="yesterday")
    task = _TASK.format(count=len(sites), soon=_SOON_DAYS, since=since, counts=counts, left_out=told)
    share = limits.prompt_evidence_chars_max // max(1, len(sites))
    blocks = [block for one in mornings for block in _blocks(one, share)]
    return "\n\n".join([task, HOW_TO_READ, *blocks])


@completes("morning_briefing", "projects")
async def complete_projects(prefix: str, *, procore: Procore) -> list[str]:
    """Completes the last of several ids."""
    before, comma, last = prefix.rpartition(",")
    return [f"{before}{comma}{one}" for one in await ids_beginning(procore, last)]


async def _sites(procore: Procore, words: str) -> tuple[list[Project], int]:
    """The projects meant, at most `_PROJECTS_MAX`, and how many were left out."""
    names = [name for name in words.split(",") if name.strip()]
    if names:
        found = [await site_named(procore, name) for name in names[:_PROJECTS_MAX]]
        return list(dict.fromkeys(found)), max(0, len(names) - _PROJECTS_MAX)
    active = [site for site in (await projects_of(procore)).items if site.is_active]
    return active[:_PROJECTS_MAX], max(0, len(active) - _PROJECTS_MAX)


async def _morning(procore: Procore, site: Project, now: datetime) -> Morning:
    today = today_at(site, now)
    since = _working_day_before(today)
    (open_rfis, rfis_cut), (unfinished, submittals_cut), logs = await together(
        rfis.read_open(procore, site.id, today),
        submittals.read_unfinished(procore, site.id, today),
        read_logs(procore, [site.id], _LOG_TYPES, Range(since, today), "all"),
    )
    return Morning(site, today, since, open_rfis, unfinished, logs, rfis_cut or submittals_cut or logs.truncated)


def _working_day_before(today: date) -> date:
    """On a Monday the Friday before, so that a weekend is not taken for silence."""
    return today - timedelta(days={0: 3, 6: 2}.get(today.weekday(), 1))


def _blocks(morning: Morning, chars_max: int) -> list[str]:
    name = f"project {morning.site.id}"
    return [
        untrusted(name, [morning.site], chars_max=2_000),
        untrusted(f"{name}: overdue or due within {_SOON_DAYS} days", morning.urgent(), chars_max=chars_max),
        untrusted(
            f"{name}: delays, accidents and safety since {morning.since}", morning.logs.entries, chars_max=chars_max
        ),
    ]
