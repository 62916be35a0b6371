"""Guidance and sample events through a real MCP client; the calls that guidance gives are sent as they are."""

from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.insight.advice import CREATED
from construction_mcp.procore.webhooks import read_event
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.store.deliveries import Deliveries
from construction_mcp.store.hooks import Hooks
from tests.toolsets.conftest import CallTool
from tests.toolsets.desk import DEFAULT_CHARS_MAX, Desk, size

pytestmark = pytest.mark.anyio

LIST = {"key": "open_rfis", "type": "procore.rfi.list", "config": {"projects": "all_active", "overdue": True}}


async def sent(call: CallTool, guidance: Any) -> Any:
    """What the last call answered, after every call but deploying was sent as it stands."""
    answer: Any = None
    for step in guidance["steps"]:
        if step["tool"] != "deploy_workflow":
            answer = await call(step["tool"], **step["arguments"])
            assert "error" not in answer, answer
    return answer


@pytest.mark.parametrize(
    "goal",
    [
        "every weekday at 9 Central mail pm@x.com which RFIs are overdue",
        "as soon as an RFI is created mail rfi@x.com",
        "every Friday at 4 send ops@x.com a weekly recap of all projects",
        "tell super@x.com when a submittal is approved",
        "mail me@x.com the overdue punch items each Monday at 7 Central on all jobs",
        "when an incident is reported email safety@x.com",
    ],
)
async def test_a_goal_becomes_a_draft_without_problems_in_two_calls(call: CallTool, goal: str) -> None:
    guidance = await call("get_workflow_guidance", goal=goal)
    made = await sent(call, guidance)

    workflow_id = made["workflow"]["id"]
    assert made["problems"] == []
    assert [step["tool"] for step in guidance["steps"]][-2:] == ["deploy_workflow", "deploy_workflow"]
    looked = await call("deploy_workflow", **{**guidance["steps"][-2]["arguments"], "workflow_id": workflow_id})
    assert guidance["steps"][-2]["arguments"] == {"workflow_id": CREATED, "dry_run": True}
    assert looked["effects"]


async def test_a_project_is_known_by_its_name_and_brings_its_zone(desk: Desk) -> None:
    project = desk.world.get("project", desk.company, desk.projects[2])

    guidance = await desk.call(
        "get_workflow_guidance", goal=f"mail a@x.com late RFIs of {project['name']} daily at 6am"
    )

    arguments = guidance["steps"][0]["arguments"]
    assert (arguments["project_id"], arguments["variables"]["projects"]) == (desk.projects[2], [desk.projects[2]])
    assert (arguments["cron"], arguments["timezone"]) == ("0 6 * * *", "America/Denver")
    assert desk.trace["upstream_requests"] <= 1
    assert size(guidance) <= DEFAULT_CHARS_MAX


async def test_guidance_does_without_procore(desk: Desk, tmp_path: Path) -> None:
    goal = "mail a@x.com the overdue RFIs every Monday at 9 Central"
    desk.fault("403", "GET", "/rest/v1.1/projects", times=10)
    refused = await desk.call("get_workflow_guidance", goal=goal)
    async with House(Settings(data_dir=tmp_path / "other", environment="sandbox")) as nowhere:
        server = build_server(nowhere, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
        async with Client(server) as client:
            unconnected = (await client.call_tool("get_workflow_guidance", {"goal": goal})).structured_content

    assert refused["steps"][0]["arguments"]["template_id"] == "rfi_overdue_alert"
    assert unconnected == refused


async def test_a_client_that_does_not_see_the_tool_listed_is_told_to_go_through_use_tool(house: House) -> None:
    server = build_server(house, View(), lambda _: Principal("local:0", Role.ADMIN))
    async with Client(server) as client:
        goal = "every weekday at 9 Central mail pm@x.com the overdue RFIs"
        guidance = (await client.call_tool("get_workflow_guidance", {"goal": goal})).structured_content
        assert guidance is not None
        first = guidance["steps"][0]
        made = (await client.call_tool(first["tool"], first["arguments"])).structured_content

    assert (first["tool"], first["arguments"]["name"]) == ("use_tool", "create_workflow_from_template")
    assert made is not None
    assert made["result"]["problems"] == []


async def test_half_built_workflows_are_finished_by_the_calls(call: CallTool) -> None:
    trigger = {"type": "schedule", "cron": "0 9 * * 1-5"}
    alert = {
        "key": "alert",
        "type": "notify.emial",
        "condition": "size(steps.opn_rfis.output.items) > 0",
        "config": {"to": "{{ vars.who }}", "subject": "Late", "body": "{{ size(steps.open_rfis.output.items) }} late"},
    }
    who = {"who": {"type": "emails", "required": True}}
    made = await call("create_workflow", name="Late", trigger=trigger, variables=who, actions=[LIST, alert])
    workflow_id = made["workflow"]["id"]

    problems: list[Any] = made["problems"]
    for _ in range(3):  # what one mend uncovers the next one mends
        guidance = await call("get_workflow_guidance", goal="9 Central, to pm@x.com", workflow_id=workflow_id)
        await sent(call, guidance)
        problems = (await call("get_workflow", workflow_id=workflow_id))["problems"]
        if not problems:
            break

    assert made["problems"]
    assert problems == []


async def test_an_empty_draft_is_filled_from_the_goal(call: CallTool) -> None:
    workflow_id = (await call("create_workflow", name="Empty"))["workflow"]["id"]

    guidance = await call(
        "get_workflow_guidance",
        goal="every Monday at 7 Central mail me@x.com the overdue punch items of project 7",
        workflow_id=workflow_id,
    )
    await sent(call, guidance)

    assert (await call("get_workflow", workflow_id=workflow_id))["problems"] == []


async def test_an_error_that_was_met_comes_with_its_remedy_first(call: CallTool) -> None:
    by_code = await call("get_workflow_guidance", goal="overdue RFIs", what_failed="got PROCORE_NOT_CONNECTED there")
    by_words = await call(
        "get_workflow_guidance", goal="overdue RFIs", what_failed="The connected Procore user may not do this."
    )
    unknown = await call("get_workflow_guidance", goal="overdue RFIs", what_failed="it broke")

    assert by_code["steps"][0]["tool"] == "connect_procore"
    assert by_words["steps"][0]["tool"] == "check_procore_connection"
    assert unknown["steps"][0]["tool"] == "create_workflow_from_template"


async def test_guidance_for_a_workflow_that_is_not_there_says_where_to_look(call: CallTool) -> None:
    answer = await call("get_workflow_guidance", goal="finish it", workflow_id="wf_gone")

    assert answer["error"]["code"] == "WORKFLOW_NOT_FOUND"
    assert answer["error"]["next"]["tool"] == "list_workflows"


@pytest.mark.parametrize(("asked", "name"), [("RFIs", "RFIs"), ("rfi", "RFIs"), ("punch list", "Punch Items")])
async def test_a_sample_event_is_a_delivery_as_procore_posts_it(call: CallTool, asked: str, name: str) -> None:
    sample = await call("get_sample_event", resource_name=asked)

    event = read_event(sample["delivery"])
    assert (sample["is_real"], event.resource_name, event.payload_version) == (False, name, "v4.0")
    assert sample["trigger"]["event"]["resource_id"] == event.resource_id
    assert set(sample["delivery"]) >= {"id", "timestamp", "reason", "company_id", "user_id", "resource_type"}
    assert all(isinstance(sample["delivery"][key], str) for key in ("id", "resource_id", "project_id", "user_id"))


async def test_a_real_event_is_shown_where_one_came(call: CallTool, house: House, clock: ManualClock) -> None:
    hooks, deliveries = await house.services.get(Hooks), await house.services.get(Deliveries)
    settings: Settings = house.settings
    hook, _ = await hooks.add(
        environment=settings.environment,
        company_id=1,
        project_id=7,
        principal="local:0",
        resource_names=["Submittals", "Meetings"],
    )
    for number, name in enumerate(("Submittals", "Submittals", "Meetings"), 1):
        clock.advance(60)
        event = {"id": f"e{number}", "resource_name": name, "event_type": "update", "resource_id": number}
        await deliveries.accept(hook.id, None, f"e{number}", event)

    sample = await call("get_sample_event", resource_name="Submittals")
    other = await call("get_sample_event", resource_name="RFIs")

    assert (sample["is_real"], sample["trigger"]["event"]["resource_id"]) == (True, 2)
    assert other["is_real"] is False


async def test_a_workflows_sample_fits_its_trigger(call: CallTool) -> None:
    async def sample(**trigger: Any) -> Any:
        made = await call("create_workflow", name="A", trigger=trigger)
        return (await call("get_sample_event", workflow_id=made["workflow"]["id"]))["trigger"]

    procore = await sample(type="webhook", source="procore", resources=["Submittals"], events=["update"])
    custom = await sample(type="webhook", source="custom")
    timed = await sample(type="schedule", cron="0 9 * * *", timezone="UTC")

    assert (procore["event"]["resource_name"], procore["event"]["event_type"]) == ("Submittals", "update")
    assert procore["record"]["id"] == procore["event"]["resource_id"]
    assert (custom["type"], list(custom["body"])) == ("webhook", ["example"])
    assert (timed["type"], "event" in timed) == ("schedule", False)


async def test_a_sample_of_what_procore_never_sends_is_refused(call: CallTool) -> None:
    neither = await call("get_sample_event")
    nothing = await call("get_sample_event", resource_name="xylophones")

    assert neither["error"]["details"]["field"] == "resource_name"
    assert "RFIs" in nothing["error"]["details"]["hint"]
