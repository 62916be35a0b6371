"""A project at a glance: four lists read at the same time, counted by who has to act.

Endpoints: RFIs (open, and those closed lately), current submittals by due date, daily log headers. Each is one page;
a section says `truncated` when there was more. A Procore tool that is off, or that the user may not read, leaves its
section out and is named in `unavailable`: half an overview is worth more than none.
Source: Procore "RFIs", "Submittals", "Daily Log Headers"; a submittal's base status is one of Draft, Open, Closed,
Distributed, whatever a company calls its own.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from construction_mcp.core.errors import NotFound, NotPermitted
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.companies import Project
from construction_mcp.procore.records.fields import day, days_overdue, moment, people, person, text
from construction_mcp.procore.records.zones import today_in
from construction_mcp.procore.responses import Answer, number_or_none
from construction_mcp.procore.together import together

_KEPT_S = 60.0  # a glance again within a minute is the same glance
_NOBODY = "nobody"
_DONE = ("closed", "distributed")


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for one person."""

    who: str
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Item:
    """One RFI or submittal that needs somebody."""

    id: int
    number: str | None
    subject: str | None
    ball_in_court: Sequence[str]
    due_date: date | None
    is_overdue: bool
    days_overdue: int | None
    web_url: str


@dataclass(frozen=True, slots=True)
class Rfis:
    """Open RFIs. `response_days` are from sent to closed, for those closed in the last `closed_days`."""

    open: int
    overdue: int
    without_due_date: int
    by_ball_in_court: list[Waiting]
    most_overdue: list[Item]
    closed: int | None
    closed_days: int
    response_days_median: float | None
    response_days_slowest: float | None
    truncated: bool | None


@dataclass(frozen=True, slots=True)
class Submittals:
    """Current revisions that are not closed; `by_status` counts closed ones too."""

    open: int
    overdue: int
    by_status: dict[str, int]
    by_ball_in_court: list[Waiting]
    most_overdue: list[Item]
    due_soon: list[Item]
    truncated: bool | None


@dataclass(frozen=True, slots=True)
class DailyLog:
    """The last day that has a log; nothing in `last_on` when there was none within the days looked at."""

    last_on: date | None
    days_since: int | None
    completed: bool | None
    looked_back_days: int


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A section that this connection may not read."""

    section: str
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Overview:
    """One project. `today` is the site's date that "overdue" refers to."""

    project_id: int
    name: str
    number: str | None
    web_url: str
    today: date
    rfis: Rfis | None
    submittals: Submittals | None
    daily_log: DailyLog | None
    unavailable: list[Unavailable]


async def glance_at(procore: Procore, project_id: int, company_id: int | None, now: datetime) -> "Glance":
    """The four lists of a project, read at the same time; `Glance.of(project)` then makes the overview.

    Apart, because the lists need not wait for the project's name and time zone.

    Raises:
        RateLimited, Unavailable, NeedsLogin: as `ProcoreClient.get`; what the user may not read does not raise.
    """
    limits, base = procore.limits, f"/rest/v1.0/projects/{project_id}"
    since = (now - timedelta(days=limits.overview_closed_days)).date()
    logs_since = (now - timedelta(days=limits.overview_log_days)).date()
    tomorrow = (now + timedelta(days=1)).date()  # already today somewhere
    closed = {"status": ["closed"], "updated_at": f"{since}...{tomorrow}"}

    async def read(section: str, path: str, query: Mapping[str, Any]) -> Answer | Unavailable:
        page = {**query, "per_page": limits.overview_page_size}
        try:
            return await procore.page(path, page, company=company_id, ttl_s=_KEPT_S)
        except (NotPermitted, NotFound) as error:
            return Unavailable(section, error.code, error.message)

    found = await together(
        read("rfis", f"{base}/rfis", {"filters": {"status": ["open"]}}),
        read("rfis", f"{base}/rfis", {"filters": closed}),
        read(
            "submittals",
            f"/rest/v1.1/projects/{project_id}/submittals",
            {"filters": {"current_revision": True}, "sort": "-due_date"},
        ),
        read("daily_log", f"{base}/daily_log_headers/index", {"start_date": logs_since, "end_date": tomorrow}),
    )
    return Glance(procore, now, *found)


@dataclass(frozen=True, slots=True)
class Glance:
    """What was read about a project."""

    procore: Procore
    now: datetime
    open_rfis: Answer | Unavailable
    closed_rfis: Answer | Unavailable
    submittals: Answer | Unavailable
    log_headers: Answer | Unavailable

    def of(self, project: Project, shown_max: int) -> Overview:
        """The overview, naming at most `shown_max` records per list."""
        today = today_in(project.time_zone, self.now)
        closed = None if isinstance(self.closed_rfis, Unavailable) else self.closed_rfis
        rfis, submittals, log_headers = self.open_rfis, self.submittals, self.log_headers
        place = _Place(self.procore, project.id, today, shown_max)
        return Overview(
            project_id=project.id,
            name=project.name,
            number=project.number,
            web_url=project.web_url,
            today=today,
            rfis=None if isinstance(rfis, Unavailable) else _rfis(place, rfis, closed),
            submittals=None if isinstance(submittals, Unavailable) else _submittals(place, submittals),
            daily_log=None if isinstance(log_headers, Unavailable) else _daily_log(place, log_headers.items),
            unavailable=[one for one in (rfis, submittals, log_headers) if isinstance(one, Unavailable)],
        )


@dataclass(frozen=True, slots=True)
class _Place:
    procore: Procore
    project_id: int
    today: date
    shown_max: int


def _rfis(place: _Place, answer: Answer, closed: Answer | None) -> Rfis:
    items = [_rfi(place, row) for row in answer.items]
    overdue = _most_overdue(items)
    times = sorted(_response_days([] if closed is None else closed.items))
    return Rfis(
        open=answer.total if answer.total is not None else len(items),
        overdue=len(overdue),
        without_due_date=sum(item.due_date is None for item in items),
        by_ball_in_court=_by_ball_in_court(items),
        most_overdue=overdue[: place.shown_max],
        closed=None if closed is None else (closed.total if closed.total is not None else len(closed.items)),
        closed_days=place.procore.limits.overview_closed_days,
        response_days_median=round(statistics.median(times), 1) if times else None,
        response_days_slowest=round(times[-1], 1) if times else None,
        truncated=_is_cut(answer) or None,
    )


def _rfi(place: _Place, row: Mapping[str, Any]) -> Item:
    number = text(row.get("full_number")) or text(row.get("number"))
    holders = people(row.get("ball_in_courts")) or _one(person(row.get("ball_in_court")))
    return _item(place, row, number, text(row.get("subject")), holders, ("project", "rfi", "show"))


def _submittals(place: _Place, answer: Answer) -> Submittals:
    is_open = {id(row): _base_status(row) not in _DONE for row in answer.items}
    items = [_submittal(place, row) for row in answer.items if is_open[id(row)]]
    overdue = _most_overdue(items)
    until = place.today + timedelta(days=place.procore.limits.overview_soon_days)
    soon = [item for item in items if item.due_date is not None and place.today <= item.due_date <= until]
    return Submittals(
        open=len(items),
        overdue=len(overdue),
        by_status=dict(Counter(_status(row) for row in answer.items).most_common()),
        by_ball_in_court=_by_ball_in_court(items),
        most_overdue=overdue[: place.shown_max],
        due_soon=sorted(soon, key=lambda item: item.due_date or date.max)[: place.shown_max],
        truncated=_is_cut(answer) or None,
    )


def _submittal(place: _Place, row: Mapping[str, Any]) -> Item:
    number = text(row.get("formatted_number")) or text(row.get("number"))
    holders = people(row.get("ball_in_court"))
    return _item(place, row, number, text(row.get("title")), holders, ("project", "submittal_logs"))


def _item(
    place: _Place,
    row: Mapping[str, Any],
    number: str | None,
    subject: str | None,
    holders: Sequence[str],
    where: Iterable[str],
) -> Item:
    due_on = day(row.get("due_date"))
    late = days_overdue(due_on, place.today, is_open=True)
    record_id = number_or_none(row.get("id")) or 0
    url = place.procore.web_url(place.project_id, *where, record_id)
    return Item(record_id, number, subject, holders, due_on, bool(late), late, url)


def _daily_log(place: _Place, rows: Sequence[Mapping[str, Any]]) -> DailyLog:
    days = {on: row for row in rows if (on := day(row.get("log_date"))) is not None and on <= place.today}
    last_on = max(days, default=None)
    looked = place.procore.limits.overview_log_days
    if last_on is None:
        return DailyLog(None, None, None, looked)
    return DailyLog(last_on, (place.today - last_on).days, days[last_on].get("completed") is True, looked)


def _most_overdue(items: Iterable[Item]) -> list[Item]:
    return sorted((item for item in items if item.is_overdue), key=lambda item: -(item.days_overdue or 0))


def _by_ball_in_court(items: Iterable[Item]) -> list[Waiting]:
    """Who holds how many, most overdue first; what several hold counts for each of them."""
    held: dict[str, Waiting] = {}
    for item in items:
        for who in item.ball_in_court or (_NOBODY,):
            now = held.get(who, Waiting(who, 0, 0))
            held[who] = replace(now, open=now.open + 1, overdue=now.overdue + item.is_overdue)
    return sorted(held.values(), key=lambda waiting: (-waiting.overdue, -waiting.open, waiting.who))


def _response_days(rows: Iterable[Mapping[str, Any]]) -> Iterable[float]:
    """Days from sent to closed."""
    for row in rows:
        sent, closed = moment(row.get("initiated_at") or row.get("created_at")), moment(row.get("time_resolved"))
        if sent is not None and closed is not None and closed >= sent:
            yield (closed - sent) / timedelta(days=1)


def _status(row: Mapping[str, Any]) -> str:
    status = row.get("status")
    return person(status) or "unknown"


def _base_status(row: Mapping[str, Any]) -> str:
    """What the company's own status stands for."""
    status = row.get("status")
    stands_for = text(status.get("status")) if isinstance(status, Mapping) else None
    return (stands_for or _status(row)).lower()


def _is_cut(answer: Answer) -> bool:
    return answer.total is not None and answer.total > len(answer.items)


def _one(name: str | None) -> list[str]:
    return [name] if name else []
