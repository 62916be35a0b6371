"""RFIs and their replies.

Facts this module stands on (Procore's RFI endpoints, and what other developers saw of them): a list filters by status
only in the array form and leaves answers out; an official reply does not close an RFI, `accepted: true` does;
assignees, due date and manager are an admin's to set, and sent by others they are ignored without an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import day, days_overdue, moment, people, person, text
from construction_mcp.procore.records.persons import Person, person_of
from construction_mcp.procore.records.writing import answered, day_sent, not_applied
from construction_mcp.procore.responses import number_or_none, rows_of
from construction_mcp.procore.together import together

Status = Literal["open", "closed", "draft", "any"]
Impact = Literal["yes_known", "yes_unknown", "no_impact", "tbd", "n_a"]

_KEPT_S = 60.0
_REPLIES_MAX = 100
_RECENT_MAX = 100


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer or comment. `official` is the answer of record; it does not close the RFI."""

    id: int
    official: bool
    body: str | None
    created_by: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rfi:
    """One RFI. Those after `web_url` come with full detail only; dates are the project's days, times UTC.

    `not_applied` names what Procore accepted and ignored, after a create.
    """

    id: int
    project_id: int
    number: str | None
    subject: str | None
    status: str | None
    ball_in_court: list[str]
    due_date: date | None
    is_overdue: bool | None
    days_overdue: int | None
    web_url: str
    question: str | None = None
    assignees: list[str] | None = None
    rfi_manager: str | None = None
    received_from: str | None = None
    responsible_contractor: str | None = None
    location: str | None = None
    spec_section: str | None = None
    drawing_number: str | None = None
    cost_impact: str | None = None
    schedule_impact: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None
    attachments: list[str] | None = None
    replies: list[Reply] | None = None
    not_applied: list[str] | None = None


@dataclass(frozen=True, slots=True)
class NewRfi:
    """What is sent to create one. People, section and project are settled ids."""

    subject: str
    question: str
    rfi_manager_id: int
    assignee_ids: Sequence[int] = ()
    due_date: date | None = None
    draft: bool = False
    drawing_number: str | None = None
    specification_section_id: int | None = None
    cost_impact: Impact | None = None
    schedule_impact: Impact | None = None

    def body(self) -> dict[str, Any]:
        """The JSON of `POST .../rfis`."""
        optional = {
            "assignee_ids": list(self.assignee_ids) or None,
            "due_date": self.due_date and day_sent(self.due_date),
            "drawing_number": self.drawing_number,
            "specification_section_id": self.specification_section_id,
            "cost_impact": self.cost_impact and {"status": self.cost_impact},
            "schedule_impact": self.schedule_impact and {"status": self.schedule_impact},
        }
        required = {"subject": self.subject, "question": {"body": self.question}, "draft": self.draft}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"rfi": {**required, "rfi_manager_id": self.rfi_manager_id, **given}}


def path_of(project_id: int) -> str:
    """The list of a project's RFIs, where new ones are posted too."""
    return f"/rest/v1.0/projects/{project_id}/rfis"


def list_query(
    *,
    status: Status = "any",
    search: str | None = None,
    assigned_id: int | None = None,
    ball_in_court_id: int | None = None,
    updated_since: date | None = None,
    ids: Sequence[int] | None = None,
) -> dict[str, Any]:
    """What Procore itself can filter by, and the order it gives: due first, first."""
    filters = {
        "status": None if status == "any" else [status],
        "assigned_id": assigned_id,
        "ball_in_court_id": ball_in_court_id,
        "updated_at": updated_since and f"{updated_since.isoformat()}...2100-01-01",
        "id": list(ids) if ids else None,
    }
    sort = {"attribute": "due_date", "direction": "asc"}
    return {"filters": {name: value for name, value in filters.items() if value}, "search": search, "sort": sort}


def due_first(rfi: Rfi) -> tuple[bool, date, int]:
    """The order of a list: earliest due date first, those without one last."""
    return (rfi.due_date is None, rfi.due_date or date.max, rfi.id)


async def read_raw(
    procore: Procore, project_id: int, rfi_id: int, *, fresh: bool = False
) -> tuple[Mapping[str, Any], list[Reply]]:
    """One RFI as Procore shows it, and its first `_REPLIES_MAX` replies, oldest first: two requests, sent together.

    fresh: ask again even if it was read a moment ago; before a change.
    """
    path, page = f"{path_of(project_id)}/{rfi_id}", {"page": 1, "per_page": _REPLIES_MAX}
    raw, answers = await together(
        procore.get(path, ttl_s=_KEPT_S, fresh=fresh),
        procore.get(f"{path}/replies", page, ttl_s=_KEPT_S, fresh=fresh),
    )
    return raw, [reply_of(row) for row in rows_of(answers) if isinstance(row, Mapping)]


async def read_several(procore: Procore, project_id: int, ids: Sequence[int], today: date) -> dict[int, Rfi]:
    """Several RFIs in full but without replies, by id: one request."""
    listing = await procore.list(path_of(project_id), list_query(ids=ids), items_max=len(ids), ttl_s=_KEPT_S)
    rows = (row for row in listing.items if isinstance(row, Mapping))
    return {rfi.id: rfi for rfi in (rfi_of(procore, row, project_id, today, full=True) for row in rows)}


async def read_recent(procore: Procore, project_id: int, today: date) -> list[Rfi]:
    """The latest `_RECENT_MAX` RFIs of any status with their questions, newest first: one request."""
    query = {"sort": {"attribute": "created_at", "direction": "desc"}}
    listing = await procore.list(path_of(project_id), query, items_max=_RECENT_MAX, ttl_s=_KEPT_S)
    return [rfi_of(procore, row, project_id, today, full=True) for row in listing.items if isinstance(row, Mapping)]


async def read_open(procore: Procore, project_id: int, today: date) -> tuple[list[Rfi], bool]:
    """Open RFIs, due first, and whether there are more than were read: one request."""
    query = list_query(status="open")
    listing = await procore.list(path_of(project_id), query, items_max=_RECENT_MAX, ttl_s=_KEPT_S)
    rows = (row for row in listing.items if isinstance(row, Mapping))
    return [rfi_of(procore, row, project_id, today) for row in rows], listing.truncated


async def read_candidates(procore: Procore, project_id: int) -> tuple[list[Person], list[Person]]:
    """Who may manage an RFI here, and who may be asked: two requests, sent together."""
    managers, assignees = await together(
        procore.list(f"{path_of(project_id)}/potential_rfi_managers", ttl_s=_KEPT_S),
        procore.list(f"{path_of(project_id)}/potential_assignees", ttl_s=_KEPT_S),
    )
    return _persons(managers.items), _persons(assignees.items)


async def create(procore: Procore, project_id: int, new: NewRfi, today: date) -> Rfi:
    """Send it. Raises: as `Procore.write`."""
    raw = answered(await procore.write("POST", path_of(project_id), new.body()))
    asked = {"due_date": new.due_date, "assignee_ids": list(new.assignee_ids), "rfi_manager_id": new.rfi_manager_id}
    given = {name: value for name, value in asked.items() if value}
    got = {
        "due_date": day(raw.get("due_date")),
        "assignee_ids": [one.id for one in _persons(raw.get("assignees"))],
        "rfi_manager_id": next((one.id for one in _persons([raw.get("rfi_manager")])), None),
    }
    created = rfi_of(procore, raw, project_id, today, full=True)
    return replace(created, not_applied=not_applied(given, got) if raw else None)


async def reply(procore: Procore, project_id: int, rfi_id: int, body: str, *, official: bool) -> Reply:
    """Send an answer; the RFI stays open. Raises: as `Procore.write`."""
    sent = {"reply": {"body": body, "official": official}}
    return reply_of(answered(await procore.write("POST", f"{path_of(project_id)}/{rfi_id}/replies", sent)))


async def close(procore: Procore, project_id: int, rfi_id: int, today: date) -> Rfi:
    """Accept the answer, which closes the RFI. Raises: as `Procore.write`."""
    raw = answered(await procore.write("PATCH", f"{path_of(project_id)}/{rfi_id}", {"rfi": {"accepted": True}}))
    return rfi_of(procore, raw, project_id, today, full=True)


def rfi_of(procore: Procore, raw: Mapping[str, Any], project_id: int, today: date, *, full: bool = False) -> Rfi:
    """An RFI from a row of the list or from its own page; the list knows less."""
    rfi_id, status, due = number_or_none(raw.get("id")) or 0, text(raw.get("status")), day(raw.get("due_date"))
    late = days_overdue(due, today, is_open=status == "open")
    brief = Rfi(
        id=rfi_id,
        project_id=project_id,
        number=text(raw.get("full_number")) or text(raw.get("number")),
        subject=text(raw.get("subject")),
        status=status,
        ball_in_court=_holders(raw),
        due_date=due,
        is_overdue=None if late is None else late > 0,
        days_overdue=late,
        web_url=procore.web_url(project_id, "project", "rfi", "show", rfi_id),
    )
    return replace(brief, **_details(raw)) if full else brief


def reply_of(raw: Mapping[str, Any]) -> Reply:
    """A reply from a row of the list or from the answer to posting it."""
    return Reply(
        id=number_or_none(raw.get("id")) or 0,
        official=raw.get("official") is True,
        body=text(raw.get("plain_text_body")) or text(raw.get("rich_text_body")),
        created_by=person(raw.get("created_by")),
        answered_at=moment(raw.get("answer_date")),
    )


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "question": _question(raw),
        "assignees": people(raw.get("assignees")),
        "rfi_manager": person(raw.get("rfi_manager")),
        "received_from": person(raw.get("received_from")),
        "responsible_contractor": person(raw.get("responsible_contractor")),
        "location": person(raw.get("location")),
        "spec_section": _section(raw.get("specification_section")),
        "drawing_number": text(raw.get("drawing_number")) or text(raw.get("reference")),
        "cost_impact": _impact(raw.get("cost_impact")),
        "schedule_impact": _impact(raw.get("schedule_impact")),
        "created_at": moment(raw.get("created_at")),
        "updated_at": moment(raw.get("updated_at")),
        "closed_at": moment(raw.get("time_resolved")),
        "attachments": _attachments(raw) or None,
    }


def _holders(raw: Mapping[str, Any]) -> list[str]:
    """`ball_in_courts` where there are several, else the one `ball_in_court`."""
    return people(raw.get("ball_in_courts")) or people([raw.get("ball_in_court")])


def _question(raw: Mapping[str, Any]) -> str | None:
    rows = raw.get("questions")
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else raw.get("question")
    if not isinstance(first, Mapping):
        return None
    return text(first.get("plain_text_body")) or text(first.get("body")) or text(first.get("rich_text_body"))


def _attachments(raw: Mapping[str, Any]) -> list[str]:
    rows = raw.get("questions")
    questions = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return [name for row in questions for name in people(row.get("attachments"))]


def _section(raw: Any) -> str | None:
    if not isinstance(raw, Mapping):
        return None
    return " ".join(filter(None, [text(raw.get("number")), text(raw.get("description"))])) or None


def _impact(raw: Any) -> str | None:
    """`yes_known (4)`: the status, and the value where there is one (dollars for cost, days for schedule)."""
    if not isinstance(raw, Mapping) or text(raw.get("status")) is None:
        return None
    value = raw.get("value")
    return str(raw["status"]) if value is None else f"{raw['status']} ({value})"


def _persons(rows: Any) -> list[Person]:
    listed = rows if isinstance(rows, list) else []
    return [found for row in listed if isinstance(row, Mapping) and (found := person_of(row))]
