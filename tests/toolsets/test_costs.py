"""What each Procore tool costs: upstream requests and size of its default answer, for every one of them.

HOUSE.md: tools are coarse, and tests pin the number of upstream requests per tool. The project list is warm, as it is
after a connection's first call; a preview is counted for changes, since only a confirmed one writes.
"""

import json
from typing import Any

import pytest

from construction_mcp.registry.catalog import load_catalog
from tests.toolsets.desk import DEFAULT_CHARS_MAX, Desk

pytestmark = pytest.mark.anyio

TOOLS = {
    name: tool
    for name, tool in load_catalog().tools.items()
    if tool.annotations["openWorldHint"] and tool.effect in ("read", "outside")
}

REQUESTS = {
    "call_procore_api": 1,
    "check_procore_connection": 13,  # looks at everything, and never from before
    "close_procore_rfi": 2,
    "create_procore_daily_log_entry": 2,
    "create_procore_observation": 1,
    "create_procore_punch_item": 0,
    "create_procore_rfi": 1,  # members are kept from the search for a manager
    "find_project_people": 1,
    "get_procore_budget_view": 2,
    "get_procore_document": 1,
    "get_procore_incident": 1,
    "get_procore_inspection": 1,
    "get_procore_meeting": 1,
    "get_procore_observation": 1,
    "get_procore_photo": 1,
    "get_procore_project_overview": 4,
    "get_procore_punch_item": 1,
    "get_procore_rfi": 2,
    "get_procore_submittal": 2,
    "get_workflow_guidance": 0,  # the names of projects, which are kept
    "list_procore_change_events": 1,
    "list_procore_change_orders": 3,  # prime, commitment and potential, side by side
    "list_procore_companies": 1,
    "list_procore_daily_logs": 9,  # counts, then the types that have entries, side by side
    "list_procore_documents": 1,
    "list_procore_drawings": 1,
    "list_procore_incidents": 1,
    "list_procore_inspections": 1,
    "list_procore_meetings": 1,
    "list_procore_observations": 1,
    "list_procore_photos": 1,
    "list_procore_projects": 0,
    "list_procore_punch_items": 1,
    "list_procore_rfis": 1,
    "list_procore_schedule_tasks": 1,
    "list_procore_specifications": 1,
    "list_procore_submittals": 2,
    "list_procore_webhooks": 1,
    "reply_to_procore_rfi": 2,
    "seed_sample_data": 6,  # what is there of three kinds, whom to ask, and the types
    "update_procore_submittal": 2,
    "warm_cache": 0,
}

ELSEWHERE = {
    "create_procore_webhook",
    "delete_procore_webhook",
    "rotate_webhook_secret",
    "disconnect_procore",
    "send_notification",
}
"""The webhook tools need a public address and are counted in test_webhooks.py; disconnecting asks only the sign-in
service, once, to revoke (test_procore_connection.py); notifications ask Procore nothing (test_notifications.py)."""

LISTS = {
    "get_procore_punch_item": "list_procore_punch_items",
    "get_procore_observation": "list_procore_observations",
    "get_procore_inspection": "list_procore_inspections",
    "get_procore_incident": "list_procore_incidents",
    "get_procore_photo": "list_procore_photos",
    "get_procore_meeting": "list_procore_meetings",
    "get_procore_rfi": "list_procore_rfis",
    "reply_to_procore_rfi": "list_procore_rfis",
    "close_procore_rfi": "list_procore_rfis",
    "get_procore_submittal": "list_procore_submittals",
    "update_procore_submittal": "list_procore_submittals",
}

MORE: dict[str, dict[str, Any]] = {
    "create_procore_daily_log_entry": {"log_type": "notes", "entry": {"comment": "Pour finished at noon."}},
    "create_procore_punch_item": {"name": "Paint scratched at door 204"},
    "create_procore_observation": {"name": "Guardrail missing at stair 2", "type": ""},
    "create_procore_rfi": {"subject": "Slab edge at C4", "question": "Which detail governs the slab edge at C4?"},
    "reply_to_procore_rfi": {"body": "See detail 5."},
    "update_procore_submittal": {"title": "Curtain wall shop drawings"},
    "get_workflow_guidance": {"goal": "every weekday at 9 mail me@x.com the overdue RFIs"},
    "call_procore_api": {"method": "GET", "path": "/rest/v1.0/me"},
}


def test_no_tool_is_left_out() -> None:
    assert set(REQUESTS) | ELSEWHERE == set(TOOLS)


@pytest.mark.parametrize("name", sorted(REQUESTS))
async def test_a_tool_costs_what_is_written_here(desk: Desk, name: str) -> None:
    await desk.call("list_procore_projects")
    answer = await desk.call(name, **await arguments_for(desk, name))

    assert "error" not in answer, answer
    assert desk.trace["upstream_requests"] == REQUESTS[name]
    assert len(json.dumps(answer, separators=(",", ":"))) <= DEFAULT_CHARS_MAX


async def arguments_for(desk: Desk, name: str) -> dict[str, Any]:
    """The least a caller sends, about the first record there is."""
    given: dict[str, Any] = dict(MORE.get(name, {}))
    if "project_id" in TOOLS[name].input_schema["properties"]:
        given["project_id"] = desk.projects[0]
    if name in LISTS:
        found = await desk.call(LISTS[name], project_id=desk.projects[0], limit=1)
        ids = [one for one in TOOLS[name].input_schema["properties"] if one.endswith("_id") and one != "project_id"]
        given[ids[0]] = found["items"][0]["id"]
    if name == "create_procore_observation":
        given["type"] = next(iter(desk.world.table("observation_type", desk.company)))["name"]
    if name == "create_procore_rfi":
        manager = (await desk.people(desk.projects[0]))[0]
        given |= {"rfi_manager": manager, "assignees": [manager]}
    if name == "get_procore_document":
        found = await desk.call("list_procore_documents", project_id=desk.projects[0], text="a")
        given["document_id"] = next(one["id"] for one in found["items"] if one["kind"] == "file")
    return given
