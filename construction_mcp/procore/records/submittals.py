"""Submittals, their approvers and revisions.

Facts this module stands on (Procore's submittal endpoints): a company names its own statuses, each of which stands for
a base status; a revision is a record of its own; approvers answer in numbered groups, one group after the other;
status, manager and most dates are an admin's to set, and sent by others they are ignored without an error; `number` is
required in every update.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import day, days_overdue, moment, people, person, text
from construction_mcp.procore.records.writing import answered, day_sent, not_applied
from construction_mcp.procore.responses import number_or_none
from construction_mcp.procore.together import together

Status = Literal["draft", "open", "closed", "distributed", "any"]

_KEPT_S = 60.0
_REVISIONS_MAX = 50
_UNFINISHED_MAX = 300
_DONE = ("closed", "distributed")


@dataclass(frozen=True, slots=True)
class StatusName:
    """A company's own status and the base status it stands for, in lower case."""

    id: int
    name: str
    base: str


@dataclass(frozen=True, slots=True)
class Approver:
    """One person's part of the review; `group` says when it is their turn."""

    group: int | None
    kind: str | None
    name: str | None
    response: str | None
    comment: str | None
    due_date: date | None
    returned_date: date | None


@dataclass(frozen=True, slots=True)
class Revision:
    """One earlier or later record of the same submittal."""

    id: int
    revision: str | None
    status: str | None
    responses: list[str]
    web_url: str


@dataclass(frozen=True, slots=True)
class Submittal:
    """One submittal. Those after `web_url` come with full detail only; dates are the project's days, times UTC.

    `status` is the company's word for it. `not_applied` names what Procore accepted and ignored, after an update.
    """

    id: int
    project_id: int
    number: str | None
    title: str | None
    revision: str | None
    status: str | None
    ball_in_court: list[str]
    due_date: date | None
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    type: str | None = None
    spec_section: str | None = None
    description: str | None = None
    submittal_manager: str | None = None
    received_from: str | None = None
    responsible_contractor: str | None = None
    submit_by: date | None = None
    required_on_site_date: date | None = None
    lead_time_days: int | None = None
    location: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    attachments: list[str] | None = None
    approvers: list[Approver] | None = None
    revisions: list[Revision] | None = None
    not_applied: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an update sets; None leaves a field as it is."""

    title: str | None = None
    description: str | None = None
    status: StatusName | None = None
    due_date: date | None = None
    submit_by: date | None = None
    required_on_site_date: date | None = None
    lead_time_days: int | None = None

    def given(self) -> dict[str, Any]:
        """The set fields by the names of `Submittal`."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["status"] = self.status and self.status.name
        return {name: value for name, value in fields.items() if value is not None}

    def body(self, number: str) -> dict[str, Any]:
        """The JSON of `PATCH .../submittals/{id}`."""
        sent = {name: day_sent(value) if isinstance(value, date) else value for name, value in self.given().items()}
        if self.status is not None:
            sent["status_id"] = self.status.id
        if "lead_time_days" in sent:
            sent["lead_time"] = sent.pop("lead_time_days")
        sent.pop("status", None)
        return {"submittal": {"number": number, **sent}}


def path_of(project_id: int) -> str:
    """The list of a project's submittals."""
    return f"/rest/v1.1/projects/{project_id}/submittals"


def list_query(
    *,
    status_ids: Sequence[int] | None = None,
    search: str | None = None,
    ball_in_court_id: int | None = None,
    updated_since: date | None = None,
    only_current: bool = True,
    ids: Sequence[int] | None = None,
) -> dict[str, Any]:
    """What Procore itself can filter by, and the order it gives: due first, first."""
    filters = {
        "status_id": list(status_ids) if status_ids else None,
        "query": search,
        "ball_in_court_id": ball_in_court_id,
        "updated_at": updated_since and f"{updated_since.isoformat()}...2100-01-01",
        "current_revision": only_current or None,
        "id": list(ids) if ids else None,
    }
    return {"filters": {name: value for name, value in filters.items() if value}, "sort": "due_date"}


def due_first(submittal: Submittal) -> tuple[bool, date, int]:
    """The order of a list: earliest due date first, those without one last."""
    return (submittal.due_date is None, submittal.due_date or date.max, submittal.id)


async def read_statuses(procore: Procore) -> list[StatusName]:
    """The company's statuses; one request, kept."""
    path = f"/rest/v1.0/companies/{procore.connection.company_id}/submittal_statuses"
    listing = await procore.list(path, ttl_s=procore.limits.record_cache_s)
    found = (_status_name(row) for row in listing.items if isinstance(row, Mapping))
    return [one for one in found if one is not None]


async def status_ids(procore: Procore, status: Status) -> list[int] | None:
    """The ids whose base status is `status`; None for any.

    Raises:
        Invalid: the company has no status of that base.
    """
    if status == "any":
        return None
    statuses = await read_statuses(procore)
    ids = [one.id for one in statuses if one.base == status]
    if not ids:
        bases = sorted({one.base for one in statuses})
        raise Invalid(f"This company has no submittal status that stands for {status}.", details={"known": bases})
    return ids


async def status_named(procore: Procore, name: str) -> StatusName:
    """The company's status of that name, case aside.

    Raises:
        Invalid: there is none, with those there are.
    """
    statuses = await read_statuses(procore)
    found = next((one for one in statuses if one.name.lower() == name.strip().lower()), None)
    if found is None:
        names = [one.name for one in statuses]
        raise Invalid(
            f"There is no submittal status {name[:100]!r}.",
            details={"field": "status", "nearest": nearest(name, names), "known": names},
        )
    return found


async def read_raw(
    procore: Procore, project_id: int, submittal_id: int, *, fresh: bool = False
) -> tuple[Mapping[str, Any], list[Any]]:
    """One submittal as Procore shows it, and the records of its revisions: two requests, sent together.

    fresh: ask again even if it was read a moment ago; before a change.
    """
    path = f"{path_of(project_id)}/{submittal_id}"
    raw, revisions = await together(
        procore.get(path, ttl_s=_KEPT_S, fresh=fresh),
        procore.list(f"{path}/revisions", items_max=_REVISIONS_MAX, ttl_s=_KEPT_S),
    )
    return raw, [row for row in revisions.items if isinstance(row, Mapping)]


async def read_several(procore: Procore, project_id: int, ids: Sequence[int], today: date) -> dict[int, Submittal]:
    """Several submittals in full but without revisions, by id: one request."""
    query = list_query(ids=ids, only_current=False)
    listing = await procore.list(path_of(project_id), query, items_max=len(ids), ttl_s=_KEPT_S)
    rows = (row for row in listing.items if isinstance(row, Mapping))
    return {one.id: one for one in (submittal_of(procore, row, project_id, today, full=True) for row in rows)}


async def find(procore: Procore, project_id: int, filters: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The first rows that fit Procore's own filters, as it sends them; nothing is asked without any."""
    if filters is None:
        return []
    listing = await procore.list(path_of(project_id), {"filters": filters}, items_max=_REVISIONS_MAX, ttl_s=_KEPT_S)
    return [row for row in listing.items if isinstance(row, Mapping)]


async def read_unfinished(procore: Procore, project_id: int, today: date) -> tuple[list[Submittal], bool]:
    """Current submittals that are not closed, due first, and whether there are more than were read: one request."""
    query = list_query()
    listing = await procore.list(path_of(project_id), query, items_max=_UNFINISHED_MAX, ttl_s=_KEPT_S)
    rows = [row for row in listing.items if isinstance(row, Mapping) and base_status(row) not in _DONE]
    return [submittal_of(procore, row, project_id, today) for row in rows], listing.truncated


async def update(
    procore: Procore, project_id: int, submittal_id: int, number: str, change: Change, today: date
) -> Submittal:
    """Send the change. Nobody is mailed (`send_emails` is false by default). Raises: as `Procore.write`."""
    raw = answered(await procore.write("PATCH", f"{path_of(project_id)}/{submittal_id}", change.body(number)))
    changed = submittal_of(procore, raw, project_id, today, full=True)
    got = {name: getattr(changed, name) for name in change.given()}
    return replace(changed, not_applied=not_applied(change.given(), got) if raw else None)


def submittal_of(
    procore: Procore, raw: Mapping[str, Any], project_id: int, today: date, *, full: bool = False
) -> Submittal:
    """A submittal from a row of the list or from its own page."""
    submittal_id, due = number_or_none(raw.get("id")) or 0, day(raw.get("due_date"))
    late = days_overdue(due, today, is_open=base_status(raw) not in _DONE)
    brief = Submittal(
        id=submittal_id,
        project_id=project_id,
        number=text(raw.get("formatted_number")) or text(raw.get("number")),
        title=text(raw.get("title")),
        revision=text(raw.get("revision")),
        status=person(raw.get("status")),
        ball_in_court=people(raw.get("ball_in_court")),
        due_date=due,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=procore.web_url(project_id, "project", "submittal_logs", submittal_id),
    )
    return replace(brief, **_details(raw)) if full else brief


def revision_of(procore: Procore, raw: Mapping[str, Any], project_id: int) -> Revision:
    """One record of the chain, with what was answered to it."""
    revision_id = number_or_none(raw.get("id")) or 0
    answers = [one.response for one in _approvers(raw) if one.response]
    url = procore.web_url(project_id, "project", "submittal_logs", revision_id)
    return Revision(revision_id, text(raw.get("revision")), person(raw.get("status")), answers, url)


def base_status(raw: Mapping[str, Any]) -> str:
    """What the company's own status stands for, in lower case."""
    status = raw.get("status")
    base = text(status.get("status")) if isinstance(status, Mapping) else None
    return (base or person(status) or "").lower()


def plain_number(raw: Mapping[str, Any]) -> str:
    """`number` alone, as an update must bring it; `formatted_number` is what people read."""
    return text(raw.get("number")) or ""


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": person(raw.get("type")),
        "spec_section": _section(raw.get("specification_section")),
        "description": text(raw.get("description")),
        "submittal_manager": person(raw.get("submittal_manager")),
        "received_from": person(raw.get("received_from")),
        "responsible_contractor": person(raw.get("responsible_contractor")),
        "submit_by": day(raw.get("submit_by")),
        "required_on_site_date": day(raw.get("required_on_site_date")),
        "lead_time_days": number_or_none(raw.get("lead_time")),
        "location": person(raw.get("location")),
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
        "attachments": people(raw.get("attachments")) or None,
        "approvers": _approvers(raw),
    }


def _approvers(raw: Mapping[str, Any]) -> list[Approver]:
    rows = raw.get("approvers")
    found = [_approver(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return sorted(found, key=lambda one: one.group or 0)


def _approver(row: Mapping[str, Any]) -> Approver:
    return Approver(
        group=number_or_none(row.get("workflow_group_number")),
        kind=text(row.get("approver_type")),
        name=person(row.get("user")),
        response=person(row.get("response")),
        comment=text(row.get("comment")),
        due_date=day(row.get("due_date")),
        returned_date=day(row.get("returned_date")),
    )


def _section(raw: Any) -> str | None:
    if not isinstance(raw, Mapping):
        return None
    return " ".join(filter(None, [text(raw.get("number")), text(raw.get("description"))])) or None


def _status_name(row: Mapping[str, Any]) -> StatusName | None:
    status_id, name = number_or_none(row.get("id")), text(row.get("name"))
    return (
        None
        if status_id is None or name is None
        else StatusName(status_id, name, (text(row.get("status")) or name).lower())
    )
