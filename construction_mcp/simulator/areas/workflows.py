"""Procore Workflows, REST v2 (FACTS 9.5): instances on submittals, listed by cursor, answered by step assignees."""

from typing import Any

from construction_mcp.simulator import shape
from construction_mcp.simulator.answers import Answer, Refused, invalid, missing, not_found
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.filters import values_of
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.world import World

STEPS = ("Project review", "Final approval")
OPTIONS = ("Approve", "Return")
PAGE = 10


def _instance(world: World, instance: Record) -> dict[str, Any]:
    return {
        "id": str(instance.id),
        "tool_type": instance["tool_type"],
        "tool_subtype": None,
        "item_id": str(instance["item_id"]),
        "created_at": instance["created_at"],
        "updated_at": instance["updated_at"],
        "started_at": instance["created_at"],
        "ended_at": instance["ended_at"],
        "template_version_id": "1",
        "current_step_occurrence": _step(world, instance),
        "all_assignees": [_assignee(world, each) for each in instance["assignee_ids"]],
    }


def _assignee(world: World, user_id: int) -> dict[str, Any]:
    user = world.get("user", 0, user_id)
    firm = shape.employer(world, user)
    return {
        "id": str(user.id),
        "name": user["name"],
        "login": user["email_address"],
        "company": {"name": firm["name"] if firm else None},
    }


def _step(world: World, instance: Record) -> dict[str, Any] | None:
    """The step that waits; its options' key is a contradiction of the sources (FACTS 13.12)."""
    step = instance["step"]
    if instance["ended_at"] is not None:
        return None
    return {
        "id": _occurrence(instance),
        "step_uuid": f"step-{step + 1}",
        "name": STEPS[step],
        "started_at": instance["updated_at"],
        world.switches.workflow_options_key: [
            {"id": f"{step + 1}-{place}", "name": name} for place, name in enumerate(OPTIONS, start=1)
        ],
    }


def _occurrence(instance: Record) -> str:
    return f"{instance.id}-{instance['step'] + 1}"


def list_instances(call: Call) -> Answer:
    """By `cursor`, not by page (FACTS 4): the id of the last one seen."""
    tool_types = values_of(call, "filters[tool_type]")
    if not tool_types:
        raise missing("filters[tool_type]")
    items, assignees = values_of(call, "filters[item_id]"), values_of(call, "filters[assignee_id]")
    cursor = call.whole("cursor") or 0
    found = [
        each
        for each in call.world.table("workflow_instance", call.project.id)
        if each["tool_type"] in tool_types
        and each.id > cursor
        and (not items or str(each["item_id"]) in items)
        and (not assignees or set(assignees) & {str(user) for user in each["assignee_ids"]})
        and ((call.text("filters[active]") or "").lower() != "true" or each["ended_at"] is None)
    ]
    page = found[: min(call.whole("per_page") or PAGE, 100)]
    following = str(page[-1].id) if len(page) < len(found) else None
    return Answer(200, {"data": [_instance(call.world, each) for each in page], "next_cursor": following})


def create_instance(call: Call) -> Answer:
    sent = call.body if isinstance(call.body, dict) else {}
    for name in ("tool_type", "item_id"):
        if not sent.get(name):
            raise missing(name)
    if sent["tool_type"] != "submittals" or not str(sent["item_id"]).isdigit():
        raise invalid("tool_type", "is submittals here, item_id a submittal's id")
    submittal = call.find("submittal", call.project.id, int(sent["item_id"]))
    assignees = submittal["reviewer_ids"] or [submittal["submittal_manager_id"] or call.actor.user_id]
    body = {"tool_type": "submittals", "item_id": submittal.id, "step": 0, "ended_at": None, "assignee_ids": assignees}
    return Answer(201, {"data": _instance(call.world, call.world.add("workflow_instance", submittal.scope, body))})


def _found(call: Call) -> Record:
    instance = call.world.find("workflow_instance", call.project.id, call.whole("id"))
    if instance is None:
        raise not_found("Workflow instance", call.params["id"])
    return instance


def show_instance(call: Call) -> Answer:
    return Answer(200, {"data": _instance(call.world, _found(call))})


def respond(call: Call) -> Answer:
    """204; only an assignee of the step, only to the step that waits now.

    Raises:
        Refused: 403 somebody else; 422 another step, or no such option.
    """
    instance, sent = _found(call), call.wrapped("response")
    if call.actor.user_id not in instance["assignee_ids"]:
        raise Refused(403, "Only step assignees may respond.", reason_code="PERMISSION_DENIED")
    if instance["ended_at"] is not None or sent.get("current_step_occurrence_id") != _occurrence(instance):
        raise Refused(422, "The step is not the current one.", reason_code="WORKFLOW_CONFLICT")
    step = instance["step"]
    options = {f"{step + 1}-{place}": name for place, name in enumerate(OPTIONS, start=1)}
    chosen = options.get(str(sent.get("selected_response_option_id")))
    if chosen is None:
        raise invalid("selected_response_option_id", "is not an option of this step")
    ends = chosen == "Approve" and step + 1 == len(STEPS)
    following = step if ends else step + 1 if chosen == "Approve" else 0
    call.world.change(instance, {"step": following, "ended_at": call.now if ends else None})
    return Answer(204)


BASE = "/rest/v2.0/companies/{company_id}/projects/{project_id}/workflows/instances"
ROUTES = (
    Route("GET", BASE, list_instances),
    Route("POST", BASE, create_instance, "standard"),
    Route("GET", BASE + "/{id}", show_instance),
    Route("POST", BASE + "/{id}/responses", respond, "read"),
)
