"""Submittals: company statuses over base statuses, approvers in groups, revisions as records (FACTS 10.2)."""

from typing import Any

from construction_mcp.simulator import filters, shape
from construction_mcp.simulator.answers import Answer, Refused, invalid, missing
from construction_mcp.simulator.call import Call
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
    day,
    flag,
    link,
    read_fields,
    text,
    texts,
    whole,
)
from construction_mcp.simulator.operations import (
    RecordType,
    creating,
    in_company,
    listing,
    next_number,
    showing,
    shown,
    updating,
)
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.shape import people, person, plain, render
from construction_mcp.simulator.world import World

# -- views


def _type(world: World, record: Record) -> dict[str, Any] | None:
    for each in world.table("submittal_type", world.company_of(record)):
        if each["name"] == record["type"]:
            return {"id": each.id, "name": each["name"], "translated_name": each["name"]}
    return None


def _section(world: World, record: Record) -> dict[str, Any] | None:
    found = shape.linked(world, record, "specification_section_id", "specification_section")
    if found is None:
        return None
    label = f"{found['number']} - {found['description']}"
    shown_fields = {"number": found["number"], "description": found["description"], "label": label}
    return {"id": found.id, **shown_fields, "current_revision_id": found["current_revision_id"]}


def _formatted_number(world: World, record: Record) -> str:
    section = _section(world, record)
    prefix = f"{section['number']}-" if section else ""
    return f"{prefix}{record['number']}.{record['revision'] or 0}"


def _ball(world: World, record: Record) -> list[dict[str, Any]]:
    rows = []
    for each in record["ball_in_court_ids"] or ():
        user = shape.user(world, each)
        firm = shape.employer(world, user)
        if user:
            vendor = {"id": firm.id, "name": firm["name"]} if firm else None
            rows.append({**(shape.as_person(user) or {}), "initials": user["initials"], "vendor": vendor})
    return rows


def _response(world: World, record: Record) -> dict[str, Any] | None:
    found = world.find("submittal_response", record.scope, record["response_id"])
    return None if found is None else render(world, found, RESPONSE)


def _approvers(world: World, record: Record) -> list[dict[str, Any]]:
    return [render(world, each, APPROVER) for each in approvers_of(world, record)]


def approvers_of(world: World, submittal: Record) -> list[Record]:
    return world.table("submittal_approver", submittal.scope).children(submittal.id)


STATUS = plain("id name status")
RESPONSE = plain("id name considered")
APPROVER = plain(
    "id approver_type comment due_date response_required returned_date sent_date days_to_respond workflow_group_number"
) | {
    "user": person("user_id"),
    "response": _response,
    "attachments": shape.attachments,
    "distributed": shape.const(False),
    "submittal_associated_attachment_ids": shape.const([]),
}
_BOTH = plain(
    "id number title description revision current_revision private created_at updated_at due_date issue_date"
    " received_date submit_by actual_delivery_date required_on_site_date distributed_at lead_time"
) | {
    "formatted_number": _formatted_number,
    "status": shape.embedded("status_id", "submittal_status", STATUS, in_company=True),
    "type": _type,
    "specification_section": _section,
    "ball_in_court": _ball,
    "created_by": person("created_by_id"),
    "received_from": person("received_from_id"),
    "submittal_manager": person("submittal_manager_id"),
    "responsible_contractor": shape.vendor("responsible_contractor_id"),
    "distribution_members": people("distribution_member_ids"),
    "approvers": _approvers,
    "custom_fields": shape.const({}),
}
ROW = _BOTH | plain("closed_at location_id cost_code_id")
SHOW = _BOTH | plain("source_submittal_log_id deleted_at") | {
    "location": shape.location(),
    "cost_code": shape.named("cost_code_id", "cost_code"),
    "open_date": shape.source("issue_date"),
    "for_record_only": shape.const(False),
    "attachments": shape.attachments,
    "attachments_count": lambda world, record: len(shape.attachments(world, record)),
    "distributed_submittals": shape.const([]),
}  # fmt: skip

_NOT_IN_REVISIONS = (
    "description lead_time attachments deleted_at cost_code source_submittal_log_id required_on_site_date"
    " distributed_submittals actual_delivery_date distribution_members"
)
REVISION = {name: renderer for name, renderer in SHOW.items() if name not in _NOT_IN_REVISIONS.split()}


# -- writing


def _revision(call: Call, name: str, value: Any) -> str:
    return str(whole(call, name, value))


def _complete(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """A new submittal is a draft with its creator; as a revision it takes over from its source."""
    statuses = {each["name"]: each.id for each in call.world.table("submittal_status", call.company_id or 0)}
    source = call.world.find("submittal", call.project.id, body.get("source_submittal_log_id"))
    if source is not None:
        call.world.change(source, {"current_revision": False})
        revision = str(int(source["revision"] or 0) + 1)
    else:
        revision = "0"
    return {
        "title": "",
        "private": False,
        "revision": revision,
        "current_revision": True,
        "status_id": statuses["Draft"],
        "ball_in_court_ids": [call.actor.user_id],
        "received_from_id": None,
        "distribution_member_ids": [],
        **body,
    }


def _revise(call: Call, record: Record, changes: dict[str, Any]) -> dict[str, Any]:
    """The base status decides: open gives the ball to the first approver still asked, closing takes it away."""
    if "status_id" not in changes:
        return changes
    status = call.world.get("submittal_status", call.company_id or 0, changes["status_id"])["status"]
    if status in ("Closed", "Distributed"):
        return {**changes, "ball_in_court_ids": [], "closed_at": call.now}
    if status == "Open":
        return {**changes, "ball_in_court_ids": _waiting(call.world, record), "closed_at": None}
    return {**changes, "ball_in_court_ids": [record["created_by_id"]], "closed_at": None}


def _waiting(world: World, submittal: Record) -> list[int]:
    """The users of the first group that has not answered."""
    waiting = [each for each in approvers_of(world, submittal) if _considered(world, each) == "pending"]
    first = min((each["workflow_group_number"] for each in waiting), default=0)
    return [each["user_id"] for each in waiting if each["workflow_group_number"] == first]


def _considered(world: World, approver: Record) -> str:
    response = _response(world, approver)
    return str(response["considered"]) if response else "pending"


SUBMITTAL = RecordType(
    kind="submittal",
    wrapper="submittal",
    hook_name="Submittals",
    required=("number",),  # marked so for create and for update (FACTS 10.2); Procore's update works without
    fields=texts("number title description type")
    | all_of(
        day,
        "actual_delivery_date confirmed_delivery_date due_date issue_date received_date submit_by"
        " required_on_site_date",
    )
    | {
        "revision": Field(_revision),
        "private": Field(flag),
        "lead_time": Field(whole),
        "status_id": Field(link("submittal_status", in_company=True)),
        "source_submittal_log_id": Field(link("submittal")),
        "specification_section_id": SPEC_SECTION,
        "submittal_manager_id": USER,
        "received_from_id": USER,
        "responsible_contractor_id": VENDOR,
        "distribution_member_ids": USERS,
        "location_id": LOCATION,
        "cost_code_id": COST_CODE,
    },
    fill=_complete,
    revise=_revise,
)

APPROVER_FIELDS = {
    "comment": Field(text),
    "submittal_response_id": Field(link("submittal_response"), stored="response_id"),
    "sent_date": Field(day),
    "returned_date": Field(day),
    "upload_ids": UPLOADS,
}


def _submittal(call: Call) -> Record:
    return call.find("submittal", call.project.id, call.id_in_path())


def list_revisions(call: Call) -> Answer:
    """All records of the chain that this one belongs to, oldest first."""
    chain = [_submittal(call)]
    table = call.world.table("submittal", call.project.id)
    while chain[0]["source_submittal_log_id"]:
        chain.insert(0, call.world.get("submittal", call.project.id, chain[0]["source_submittal_log_id"]))
    while later := [each for each in table if each["source_submittal_log_id"] == chain[-1].id]:
        chain.append(later[-1])
    return listing("submittal", REVISION, rows=lambda _call, _rows: chain)(call)


def show_workflow_data(call: Call) -> Answer:
    submittal = _submittal(call)
    rows = approvers_of(call.world, submittal)
    groups = sorted({each["workflow_group_number"] for each in rows})
    steps = [
        {"id": group, "number": group, "approver_ids": [e.id for e in rows if e["workflow_group_number"] == group]}
        for group in groups
    ]
    return Answer(200, {"steps": steps, "approvers": [_step(call.world, each) for each in rows], "attachments": []})


def _step(world: World, approver: Record) -> dict[str, Any]:
    user = shape.user(world, approver["user_id"])
    firm = shape.employer(world, user)
    return {
        "id": approver.id,
        "attachment_ids": [],
        "name": user["name"] if user else None,
        "company_name": firm["name"] if firm else None,
        "days_to_respond": approver["days_to_respond"],
        "response_required": approver["response_required"],
    }


def update_approver(call: Call) -> Answer:
    """An answer moves the ball to the next group; the last one leaves the manager to close.

    The record draws the answer as an array of approvers; so it is sent.
    """
    submittal_id = call.whole("submittal_id")
    if submittal_id is None:
        raise missing("submittal_id")
    submittal = call.find("submittal", call.project.id, submittal_id)
    approver = call.find("submittal_approver", call.project.id, call.id_in_path())
    if approver.parent != submittal.id:
        raise Refused(404, f"Submittal approver {approver.id} was not found.")
    sent = call.wrapped("submittal_approver")
    if sent.get("submittal_response_id") is None:
        raise missing("submittal_approver.submittal_response_id")
    changes = read_fields(call, sent, APPROVER_FIELDS)
    call.world.change(approver, {"returned_date": call.now[:10], **changes})
    if isinstance(sent.get("forward_to"), dict):
        _forward(call, submittal, approver, sent["forward_to"])
    holders = _waiting(call.world, submittal) or [submittal["submittal_manager_id"]]
    changed = call.world.change(submittal, {"ball_in_court_ids": [each for each in holders if each]})
    call.tell("Submittals", "update", changed)
    return Answer(200, [render(call.world, each, APPROVER_ANSWER) for each in approvers_of(call.world, changed)])


def _forward(call: Call, submittal: Record, approver: Record, to: dict[str, Any]) -> None:
    """The same group gets another person to answer."""
    if to.get("user_id") is None:
        raise invalid("forward_to.user_id", "is required")
    pending = next(
        each for each in call.world.table("submittal_response", submittal.scope) if each["considered"] == "pending"
    )
    body = {
        "approver_type": "approver",
        "user_id": USER.read(call, "user_id", to["user_id"]),
        "due_date": day(call, "due_date", to["due_date"]) if to.get("due_date") else None,
        "workflow_group_number": approver["workflow_group_number"],
        "response_required": True,
        "response_id": pending.id,
        "sent_date": call.now[:10],
        "days_to_respond": approver["days_to_respond"],
    }
    call.world.add("submittal_approver", submittal.scope, body, parent=submittal.id)


APPROVER_ANSWER = plain("id comment returned_date sent_date days_to_respond") | {
    "submittal_response_id": shape.source("response_id"),
    "attachments": shape.attachments,
}


def close_and_distribute(call: Call) -> Answer:
    """Closed, and sent to the distribution list."""
    submittal = _submittal(call)
    statuses = call.world.table("submittal_status", call.company_id or 0)
    distributed = next(each.id for each in statuses if each["status"] == "Distributed")
    changes = _revise(call, submittal, {"status_id": distributed}) | {"distributed_at": call.now}
    changed = call.world.change(submittal, changes)
    call.tell("Submittals", "update", changed)
    return shown(call, changed, SHOW)


def next_available_number(call: Call) -> Answer:
    return Answer(200, {"next_available_number": str(next_number(call, "submittal", call.project.id))})


_SORT = {
    "number": "number",
    "title": "title",
    "type": "type",
    "status": "status_id",
    "due_date": "due_date",
    "submit_by": "submit_by",
    "received_date": "received_date",
    "distributed_at": "distributed_at",
    "specification_section": "specification_section_id",
    "responsible_contractor": "responsible_contractor_id",
    "received_from": "received_from_id",
    "created_at": "created_at",
    "updated_at": "updated_at",
}


def _approver_filter(call: Call, values: list[str]) -> filters.Keeps:
    wanted = set(values)
    return lambda record: any(str(each["user_id"]) in wanted for each in approvers_of(call.world, record))


list_submittals = listing(
    "submittal",
    ROW,
    sort_keys=_SORT,
    filters={
        "id": filters.record_id,
        "number": filters.same("number"),
        "ball_in_court_id": filters.holds("ball_in_court_ids"),
        "query": filters.search("title", "number", "description"),
        "received_from_id": filters.same("received_from_id"),
        "responsible_contractor_id": filters.same("responsible_contractor_id"),
        "specification_section_id": filters.same("specification_section_id"),
        "approver_id": _approver_filter,
        "current_revision": filters.same("current_revision"),
        "location_id": filters.same("location_id"),
        "submittal_manager_id": filters.same("submittal_manager_id"),
        "status_id": filters.same("status_id"),
        "type": filters.same("type"),
        "required_on_site_date": filters.during("required_on_site_date"),
        "created_at": filters.during("created_at"),
        "updated_at": filters.during("updated_at"),
    },
)

BASE = "/rest/v1.1/projects/{project_id}/submittals"
ROUTES = (
    Route("GET", BASE, list_submittals),
    Route("POST", BASE, creating(SUBMITTAL, SHOW), "standard"),
    Route("GET", BASE + "/{id}", showing("submittal", SHOW)),
    Route("PATCH", BASE + "/{id}", updating(SUBMITTAL, SHOW), "standard"),
    Route("GET", BASE + "/{id}/revisions", list_revisions),
    Route("GET", BASE + "/{id}/workflow_data", show_workflow_data),
    Route("GET", BASE + "/next_available_number", next_available_number),
    Route(
        "PATCH",
        "/rest/v1.0/projects/{project_id}/submittal_logs/{id}/close_and_distribute",
        close_and_distribute,
        "standard",
    ),
    Route(
        "GET",
        "/rest/v1.0/companies/{company_id}/submittal_statuses",
        listing("submittal_status", STATUS, scope=in_company),
    ),
    Route(
        "GET",
        "/rest/v1.0/companies/{company_id}/submittal_types",
        listing("submittal_type", plain("id name"), scope=in_company, paged=False),
    ),
    Route("GET", "/rest/v1.0/projects/{project_id}/submittal_responses", listing("submittal_response", RESPONSE)),
    Route("PATCH", "/rest/v1.0/submittal_approvers/{id}", update_approver, "standard"),
)
