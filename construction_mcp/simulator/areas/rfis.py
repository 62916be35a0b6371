"""RFIs and their replies (FACTS 10.1).

What a hurried client gets wrong: an official reply does not close the RFI, closing is `accepted: true`; the list
leaves answers out; assignees, due date and manager can be set by admins only; deleting recycles.
"""

from collections.abc import Iterable
from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, Refused
from construction_mcp.simulator.call import Call, Handler
from construction_mcp.simulator.fields import (
    COST_CODE,
    LOCATION,
    SPEC_SECTION,
    UPLOADS,
    USER,
    USERS,
    VENDOR,
    Field,
    all_of,
    anything,
    day,
    flag,
    read_fields,
    text,
    texts,
)
from construction_mcp.simulator.operations import (
    RecordType,
    create,
    creating,
    in_project,
    listing,
    next_number,
    showing,
    shown,
    updating,
)
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import LEVELS, Route
from construction_mcp.simulator.shape import people, person, plain, render
from construction_mcp.simulator.world import World

ADMIN_ONLY = ("assignee_ids", "assignee_id", "due_date", "rfi_manager_id")


# -- views


def _first_person(field: str) -> shape.Renderer:
    def renderer(world: World, record: Record) -> dict[str, Any] | None:
        ids = record[field] or ()
        return shape.as_person(shape.user(world, ids[0])) if ids else None

    return renderer


def _link(world: World, record: Record) -> str:
    return f"{world.api_url}/{record.scope}/project/rfi/show/{record.id}"


def _full_number(_world: World, record: Record) -> str | None:
    return None if record["number"] is None else f"{record['prefix'] or ''}{record['number']}"


def _question(world: World, record: Record) -> dict[str, Any]:
    author = shape.user(world, record["created_by_id"])
    return {
        "id": record.id,
        "plain_text_body": record["question_body"],
        "rich_text_body": f"<p>{record['question_body']}</p>",
        "created_by": author["name"] if author else None,
        "question_date": record["created_at"],
        "attachments": shape.attachments(world, record),
    }


def _list_questions(_world: World, record: Record) -> list[dict[str, Any]]:
    return [{"id": record.id, "body": record["question_body"], "errors": []}]


def _show_questions(world: World, record: Record) -> list[dict[str, Any]]:
    return [{**_question(world, record), "answers": [render(world, reply, REPLY) for reply in replies(world, record)]}]


def _section(world: World, record: Record) -> dict[str, Any] | None:
    found = shape.linked(world, record, "specification_section_id", "specification_section")
    return None if found is None else {"id": found.id, "number": found["number"], "description": found["description"]}


def _author_name(world: World, record: Record) -> str | None:
    author = shape.user(world, record["created_by_id"])
    return author["name"] if author else None


REPLY = plain("id official answer_date plain_text_body rich_text_body created_by_id") | {
    "created_by": _author_name,
    "attachments": shape.attachments,
}
_BOTH = plain(
    "id number prefix subject status private reference due_date initiated_at time_resolved created_at updated_at"
    " deleted_at cost_impact schedule_impact"
) | {
    "full_number": _full_number,
    "translated_status": lambda _world, record: str(record["status"]).capitalize(),
    "assignee": _first_person("assignee_ids"),
    "assignees": people("assignee_ids"),
    "ball_in_court": _first_person("ball_in_court_ids"),
    "ball_in_courts": people("ball_in_court_ids"),
    "rfi_manager": person("rfi_manager_id"),
    "received_from": person("received_from_id"),
    "responsible_contractor": shape.vendor("responsible_contractor_id"),
    "cost_code": shape.named("cost_code_id", "cost_code"),
    "location": shape.location(),
    "deleted": lambda _world, record: record.is_deleted,
    "custom_fields": shape.const({}),
}
ROW = _BOTH | plain("location_id") | {
    "created_by": person("created_by_id"),
    "link": _link,
    "questions": _list_questions,
}  # fmt: skip
SHOW = _BOTH | plain("accepted draft drawing_number ball_in_court_role") | {
    "distribution_list": people("distribution_ids"),
    "drawing_ids": shape.const([]),
    "specification_section": _section,
    "questions": _show_questions,
}  # fmt: skip


def replies(world: World, rfi: Record) -> list[Record]:
    return [reply for reply in world.table("rfi_reply", rfi.scope).children(rfi.id) if not reply.is_deleted]


# -- writing


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """A new RFI: numbered unless a draft, open with the ball at its assignees."""
    draft = bool(body.get("draft"))
    assignees = body.pop("first_assignee", None) or body.get("assignee_ids") or []
    if not _is_admin(call):
        body, assignees = {**body, "due_date": None}, []
    elif not assignees and not draft:
        raise Refused(400, "assignees required", errors={"assignees": ["required"]}, field_name="assignees")
    number = None if draft else body.get("number") or str(next_number(call, "rfi", call.project.id))
    author = call.actor.user_id
    ball = _ball("creator", [author]) if draft else _ball("assignees", assignees)
    if not draft and not assignees:
        ball = _ball("rfi_manager", [body["rfi_manager_id"]])  # who then finds somebody to answer
    blank: dict[str, Any] = {"prefix": "", "private": False, "accepted": False, "distribution_ids": []}
    return {
        **blank,
        "received_from_id": author,
        "cost_impact": {"status": "n_a", "value": None},
        "schedule_impact": {"status": "n_a", "value": None},
        **body,
        "assignee_ids": assignees,
        "number": number,
        "draft": draft,
        "status": "draft" if draft else "open",
        "initiated_at": None if draft else call.now,
        **ball,
    }


def _ball(role: str | None, holders: list[int]) -> dict[str, Any]:
    return {"ball_in_court_role": role, "ball_in_court_ids": holders}


def _is_admin(call: Call) -> bool:
    return LEVELS.index(call.user["level"]) >= LEVELS.index("admin")


def _revise(call: Call, record: Record, changes: dict[str, Any]) -> dict[str, Any]:
    """`accepted` closes and opens; leaving draft opens and numbers; new assignees get the ball."""
    first = changes.pop("first_assignee", None)
    if first:
        changes["assignee_ids"] = first
    if not _is_admin(call):
        changes = {name: value for name, value in changes.items() if name not in ADMIN_ONLY}
    if changes.get("accepted") is True:
        return {**changes, "status": "closed", "time_resolved": call.now, **_ball(None, [])}
    if changes.get("accepted") is False and record["status"] == "closed":
        return {**changes, "status": "open", "time_resolved": None, **_ball("rfi_manager", [record["rfi_manager_id"]])}
    if changes.get("draft") is False and record["draft"]:
        number = record["number"] or str(next_number(call, "rfi", record.scope))
        opened = {"status": "open", "number": number, "initiated_at": call.now}
        return {**changes, **opened, **_ball("assignees", changes.get("assignee_ids") or record["assignee_ids"])}
    if changes.get("assignee_ids") and record["ball_in_court_role"] == "assignees":
        changes |= _ball("assignees", changes["assignee_ids"])
    return changes


def _question_body(call: Call, name: str, value: Any) -> str:
    body = value.get("body") if isinstance(value, dict) else None
    if not body:
        raise Refused(400, "question.body is required", field_name="question.body")
    return text(call, name, body)


def _one_assignee(call: Call, name: str, value: Any) -> list[int]:
    return [USER.read(call, name, value)]


RFI = RecordType(
    kind="rfi",
    wrapper="rfi",
    hook_name="RFIs",
    required=("subject", "question", "rfi_manager_id"),
    configured=("location_id",),
    fields=texts("subject reference number drawing_number")
    | all_of(flag, "accepted draft private")
    | {
        "question": Field(_question_body, stored="question_body"),
        "due_date": Field(day),
        "assignee_ids": USERS,
        "assignee_id": Field(_one_assignee, stored="first_assignee"),
        "rfi_manager_id": USER,
        "received_from_login_information_id": Field(USER.read, stored="received_from_id"),
        "responsible_contractor_id": VENDOR,
        "distribution_ids": USERS,
        "cost_impact": Field(anything),
        "schedule_impact": Field(anything),
        "location_id": LOCATION,
        "cost_code_id": COST_CODE,
        "specification_section_id": SPEC_SECTION,
    },
    fill=_complete,
    revise=_revise,
)

REPLY_TYPE = RecordType(
    kind="rfi_reply",
    wrapper="reply",
    hook_name="RFI Replies",
    required=("body",),
    fields={"body": Field(text, stored="plain_text_body"), "official": Field(flag), "upload_ids": UPLOADS},
    fill=lambda call, body: {
        "official": False,
        "answer_date": call.now,
        "rich_text_body": f"<p>{body['plain_text_body']}</p>",
        **body,
    },
)


def _rfi(call: Call, name: str = "id") -> Record:
    return call.find("rfi", call.project.id, call.id_in_path(name))


def list_replies(call: Call) -> Answer:
    rfi = _rfi(call, "rfi_id")
    return listing("rfi_reply", REPLY, rows=lambda _call, _rows: replies(call.world, rfi))(call)


def create_reply(call: Call) -> Answer:
    """The RFI stays open, official or not; at most the ball moves to the manager."""
    rfi = _rfi(call, "rfi_id")
    reply = create(call, REPLY_TYPE, call.wrapped("reply"), parent=rfi.id)
    if reply["official"] and rfi["status"] == "open" and call.world.switches.official_reply_moves_ball:
        call.world.change(rfi, _ball("rfi_manager", [rfi["rfi_manager_id"]]))
        call.tell("RFIs", "update", rfi)
    return shown(call, reply, REPLY, 201)


def update_reply(call: Call) -> Answer:
    _rfi(call, "rfi_id")
    return updating(REPLY_TYPE, REPLY)(call)


def advance_ball(call: Call) -> Answer:
    """From the assignees to the manager and back; a closed RFI has no ball to move."""
    rfi = _rfi(call)
    if rfi["status"] != "open":
        raise Refused(422, "The ball in court cannot be advanced.", errors={"base": ["RFI is not open"]})
    to_manager = rfi["ball_in_court_role"] == "assignees"
    moved = _ball("rfi_manager", [rfi["rfi_manager_id"]]) if to_manager else _ball("assignees", rfi["assignee_ids"])
    changed = call.world.change(rfi, moved)
    call.tell("RFIs", "update", changed)
    return shown(call, changed, SHOW)


def forward_for_review(call: Call) -> Answer:
    rfi = _rfi(call)
    sent = read_fields(call, call.wrapped("rfi"), RFI.fields)
    assignees = sent.get("assignee_ids") or sent.get("first_assignee") or rfi["assignee_ids"]
    changed = call.world.change(rfi, {"assignee_ids": assignees, **_ball("assignees", assignees)})
    call.tell("RFIs", "update", changed)
    return shown(call, changed, SHOW)


def recycle(call: Call) -> Answer:
    rfi = _rfi(call)
    before = {"status": "recycled", "status_before": rfi["status"], "deleted_at": call.now}
    changed = call.world.change(rfi, before)
    call.tell("RFIs", "delete", changed)
    return shown(call, changed, SHOW)


def retrieve(call: Call) -> Answer:
    rfi = call.find("rfi", call.project.id, call.id_in_path(), deleted=True)
    restored = {"status": rfi["status_before"] or rfi["status"], "deleted_at": None}
    changed = call.world.change(rfi, restored)
    call.tell("RFIs", "create", changed)
    return shown(call, changed, SHOW)


def list_recycled(call: Call) -> Answer:
    recycled = [record for record in call.world.table("rfi", call.project.id) if record.is_deleted]
    return listing("rfi", ROW, rows=lambda _call, _rows: recycled)(call)


def _status_filter(call: Call, values: list[str]) -> filters.Keeps:
    """Observed: only the array form filters (FACTS 5); a switch, because the record says otherwise."""
    if call.world.switches.rfi_status_filter == "array_form" and "filters[status][]" not in call.query:
        return lambda _record: True
    return filters.same("status")(call, values)


def _people(level: str) -> Handler:
    """Who on the project may be asked, or may manage."""

    def rows(call: Call, records: Iterable[Record]) -> list[Record]:
        members = set(call.project["member_ids"])
        least = LEVELS.index("admin" if level == "admin" else "standard")
        return [each for each in records if each.id in members and LEVELS.index(each["level"]) >= least]

    return listing("user", PERSON, scope=lambda _call: 0, rows=rows)


PERSON = plain("id name") | {"login": shape.source("email_address")}

_SORT = {name: name for name in ("number", "subject", "status", "due_date", "created_at", "updated_at")}

list_rfis = listing(
    "rfi",
    ROW,
    sort_keys=_SORT,
    filters={
        "id": filters.record_id,
        "status": _status_filter,
        "assigned_id": filters.holds("assignee_ids"),
        "ball_in_court_id": filters.holds("ball_in_court_ids"),
        "rfi_manager_id": filters.same("rfi_manager_id"),
        "received_from_login_information_id": filters.same("received_from_id"),
        "responsible_contractor_id": filters.same("responsible_contractor_id"),
        "cost_code_id": filters.same("cost_code_id"),
        "location_id": filters.same("location_id"),
        "number": filters.same("number"),
        "created_at": filters.during("created_at"),
        "updated_at": filters.during("updated_at"),
        "search!": filters.search("subject", "number"),
    },
)


def status_options(_call: Call) -> Answer:
    return Answer(200, [{"key": each, "value": each.capitalize()} for each in ("open", "closed", "draft")])


BASE = "/rest/v1.0/projects/{project_id}/rfis"
ROUTES = (
    Route("GET", BASE, list_rfis),
    Route("POST", BASE, creating(RFI, SHOW), "standard"),
    Route("GET", BASE + "/{id}", showing("rfi", SHOW, scope=in_project)),
    Route("PATCH", BASE + "/{id}", updating(RFI, SHOW), "standard"),
    Route("GET", BASE + "/{rfi_id}/replies", list_replies),
    Route("POST", BASE + "/{rfi_id}/replies", create_reply, "standard"),
    Route("PATCH", BASE + "/{rfi_id}/replies/{id}", update_reply, "standard"),
    Route("GET", BASE + "/potential_assignees", _people("standard")),
    Route("GET", BASE + "/potential_rfi_managers", _people("admin")),
    Route("GET", BASE + "/recycle_bin", list_recycled),
    Route("GET", BASE + "/filter_options/status", status_options),
    Route("PATCH", BASE + "/{id}/recycle", recycle, "admin"),
    Route("PATCH", BASE + "/{id}/retrieve", retrieve, "admin"),
    Route("PATCH", "/rest/v1.1/projects/{project_id}/rfis/{id}/advance_ball_in_court", advance_ball, "standard"),
    Route("PATCH", "/rest/v1.1/projects/{project_id}/rfis/{id}/forward_for_review", forward_for_review, "standard"),
)
