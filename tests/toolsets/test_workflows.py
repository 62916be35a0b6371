"""Workflow definitions through a real MCP client: written, read, changed, exported, and still there afterwards."""

import asyncio
from pathlib import Path

import pytest
import yaml

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.store.workflows import Workflows
from tests.toolsets.conftest import CallTool

pytestmark = pytest.mark.anyio

WEEKDAYS = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}
LIST = {
    "key": "open_rfis",
    "type": "procore.rfi.list",
    "config": {"projects": "all_active", "status": "open", "overdue": True},
}
ALERT = {
    "key": "alert",
    "type": "notify.email",
    "condition": "size(steps.open_rfis.output.items) > 0",
    "config": {"to": "super@builder.example", "subject": "Overdue", "body": "See Procore."},
    "depends_on": ["open_rfis"],
}


async def test_one_call_writes_a_whole_workflow(call: CallTool) -> None:
    made = await call("create_workflow", name="Overdue RFI alert", trigger=WEEKDAYS, actions=[LIST, ALERT])

    workflow = made["workflow"]
    assert workflow["id"].startswith("wf_")
    assert (workflow["status"], workflow["draft_version"]) == ("draft", 1)
    assert (workflow["trigger"], workflow["actions"]) == (WEEKDAYS, [LIST, ALERT])
    assert made["problems"] == []
    assert made["effects"] == ["read the open overdue RFIs of all active projects", "mail super@builder.example"]
    assert made["next_step"]["tool"] == "deploy_workflow"


async def test_an_empty_draft_names_its_problems_and_the_next_step(call: CallTool) -> None:
    made = await call("create_workflow", name="Empty")

    assert [problem["code"] for problem in made["problems"]] == ["TRIGGER_MISSING", "ACTIONS_MISSING"]
    assert made["next_step"]["tool"] == "configure_workflow_trigger"
    assert made["next_step"]["arguments"]["workflow_id"] == made["workflow"]["id"]


async def test_every_structural_problem_is_told_at_once(call: CallTool) -> None:
    trigger = {"type": "schedule", "cron": "0 9 * * *", "every_s": 60}
    actions = [{**LIST, "depends_on": ["open_rfis", "opn_rfis", "alart"]}, {**ALERT, "depends_on": []}]

    made = await call("create_workflow", name="Wrong", trigger=trigger, actions=actions)

    assert [(problem["path"], problem["code"]) for problem in made["problems"]] == [
        ("trigger.every_s", "TRIGGER_FIELD_UNUSED"),
        ("trigger.timezone", "TRIGGER_FIELD_MISSING"),
        ("actions.open_rfis.depends_on", "ACTION_DEPENDS_ON_ITSELF"),
        ("actions.open_rfis.depends_on", "ACTION_UNKNOWN"),
        ("actions.open_rfis.depends_on", "ACTION_UNKNOWN"),
    ]
    assert "alert" in made["problems"][-1]["fix"]


async def test_a_misspelt_field_in_an_action_is_refused_with_its_place(call: CallTool) -> None:
    answer = await call("create_workflow", name="Typo", actions=[{**LIST, "conditon": "true"}])

    assert answer["error"]["code"].startswith("VALIDATION_")
    assert answer["error"]["details"]["field"].startswith("actions")
    assert (await call("list_workflows"))["total"] == 0


async def test_actions_are_added_in_one_call_or_not_at_all(call: CallTool) -> None:
    workflow_id = (await call("create_workflow", name="A", actions=[LIST]))["workflow"]["id"]

    added = await call("add_workflow_actions", workflow_id=workflow_id, actions=[ALERT, {**ALERT, "key": "again"}])
    refused = await call("add_workflow_actions", workflow_id=workflow_id, actions=[{**ALERT, "key": "new"}, LIST])
    read = await call("get_workflow", workflow_id=workflow_id)

    assert [action["key"] for action in added["workflow"]["actions"]] == ["open_rfis", "alert", "again"]
    assert refused["error"]["details"]["keys"] == ["open_rfis"]
    assert [action["key"] for action in read["workflow"]["actions"]] == ["open_rfis", "alert", "again"]


async def test_concurrent_additions_all_arrive(call: CallTool) -> None:
    workflow_id = (await call("create_workflow", name="A"))["workflow"]["id"]

    additions = [
        call("add_workflow_actions", workflow_id=workflow_id, actions=[{**LIST, "key": f"k{number}"}])
        for number in range(20)
    ]
    await asyncio.gather(*additions)

    read = await call("get_workflow", workflow_id=workflow_id)
    assert {action["key"] for action in read["workflow"]["actions"]} == {f"k{number}" for number in range(20)}
    assert read["workflow"]["draft_version"] == 21


async def test_an_action_is_replaced_in_its_place_and_removed(call: CallTool) -> None:
    workflow_id = (await call("create_workflow", name="A", actions=[LIST, ALERT]))["workflow"]["id"]

    changed = await call(
        "update_workflow_action", workflow_id=workflow_id, key="open_rfis", action={**LIST, "key": "rfis"}
    )
    removed = await call("remove_workflow_action", workflow_id=workflow_id, key="rfis")
    missing = await call("remove_workflow_action", workflow_id=workflow_id, key="rfis")

    assert [action["key"] for action in changed["workflow"]["actions"]] == ["rfis", "alert"]
    assert changed["problems"][-1]["code"] == "ACTION_UNKNOWN"
    assert [action["key"] for action in removed["workflow"]["actions"]] == ["alert"]
    assert missing["error"]["code"] == "WORKFLOW_ACTION_NOT_FOUND"


async def test_a_change_to_something_else_than_was_read_is_refused(call: CallTool) -> None:
    workflow_id = (await call("create_workflow", name="A"))["workflow"]["id"]
    await call("update_workflow", workflow_id=workflow_id, name="B")

    late = await call("update_workflow", workflow_id=workflow_id, name="C", expected_version=1)

    assert late["error"]["code"] == "WORKFLOW_VERSION_CONFLICT"
    assert late["error"]["details"]["draft_version"] == 2
    assert (await call("get_workflow", workflow_id=workflow_id))["workflow"]["name"] == "B"


async def test_the_same_key_gives_the_first_result_again(call: CallTool) -> None:
    first = await call("create_workflow", name="A", idempotency_key="k")
    again = await call("create_workflow", name="A", idempotency_key="k")
    other = await call("create_workflow", name="B", idempotency_key="k")

    assert again == first
    assert other["error"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await call("list_workflows"))["total"] == 1


@pytest.mark.parametrize("form", ["yaml", "json"])
async def test_an_exported_workflow_imports_as_the_same(call: CallTool, form: str) -> None:
    made = (await call("create_workflow", name="Ünïcode {{ x }}", trigger=WEEKDAYS, actions=[LIST, ALERT]))["workflow"]

    exported = await call("export_workflow", workflow_id=made["id"], format=form)
    copy = (await call("import_workflow", document_text=exported["document"]))["workflow"]

    assert copy["id"] != made["id"]
    for field in ("name", "trigger", "actions", "variables"):
        assert copy[field] == made[field]
    assert "wf_" not in exported["document"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [unclosed", "not valid YAML"),
        ("- a list", "must be a mapping"),
        ("trigger: {type: manual}", "name"),
        ("name: A\ntriger: {type: manual}", "triger"),
        ("a: &a [1,1]\nb: [*a,*a]", "aliases"),
        ("name: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
    ],
)
async def test_a_bad_document_is_explained_and_nothing_is_stored(call: CallTool, text: str, words: str) -> None:
    answer = await call("import_workflow", document_text=text)

    assert answer["error"]["code"].startswith("VALIDATION_")
    assert words in answer["error"]["message"]
    assert (await call("list_workflows"))["total"] == 0


async def test_yaml_words_stay_words(call: CallTool) -> None:
    text = yaml.safe_dump({"name": "A", "actions": [{"key": "a", "type": "t.t", "config": {"on": "x", "v": "no"}}]})
    made = await call("import_workflow", document_text=text.replace("'on'", "on").replace("'no'", "no"))

    assert made["workflow"]["actions"][0]["config"] == {"on": "x", "v": "no"}


async def test_lists_page_filter_and_trim(call: CallTool, clock: ManualClock) -> None:
    for number in range(5):
        clock.advance(1)
        await call("create_workflow", name=f"Flow {number}", project_id=7 if number % 2 else None)

    first = await call("list_workflows", limit=2)
    second = await call("list_workflows", limit=2, cursor=first["next_cursor"])
    filtered = await call("list_workflows", project_id=7, text="flow 3", fields=["name"])
    foreign = await call("list_workflows", limit=2, project_id=7, cursor=first["next_cursor"])

    assert [item["name"] for item in first["items"] + second["items"]] == ["Flow 4", "Flow 3", "Flow 2", "Flow 1"]
    assert (first["total"], filtered["total"]) == (5, 1)
    assert set(filtered["items"][0]) == {"id", "name"}
    assert foreign["error"]["code"] == "VALIDATION_CURSOR"


async def test_several_ids_are_read_at_once_in_their_order(call: CallTool) -> None:
    ids = [(await call("create_workflow", name=name))["workflow"]["id"] for name in "AB"]

    read = await call("get_workflow", ids=[ids[1], "wf_gone", ids[0]])

    assert [item["id"] for item in read["items"]] == [ids[1], ids[0]]
    assert read["missing"] == ["wf_gone"]


async def test_what_is_deleted_is_gone(call: CallTool) -> None:
    workflow_id = (await call("create_workflow", name="A"))["workflow"]["id"]

    assert await call("delete_workflow", workflow_id=workflow_id) == {"deleted": workflow_id, "problems": []}
    assert (await call("get_workflow", workflow_id=workflow_id))["error"]["next"]["tool"] == "list_workflows"


async def test_a_workflow_survives_the_process(call: CallTool, house: House, tmp_path: Path) -> None:
    made = (await call("create_workflow", name="A", trigger=WEEKDAYS, actions=[LIST]))["workflow"]
    await house.aclose()

    async with House(Settings(data_dir=tmp_path / "data")) as later:
        (stored,) = await (await later.services.get(Workflows)).get([made["id"]])

    assert (stored.name, stored.trigger, stored.actions[0].definition) == ("A", WEEKDAYS, LIST)


async def test_each_tool_costs_a_pinned_number_of_statements(house: House, call: CallTool) -> None:
    """HOUSE.md: tests pin the number of SQL statements per tool."""
    from construction_mcp.core.trace import Trace, current_trace
    from construction_mcp.core.types import Principal, Role
    from construction_mcp.registry.catalog import View
    from construction_mcp.registry.dispatch import Call

    who = Call(Principal("local:0", Role.ADMIN), View())
    made = await call("create_workflow", name="A")
    workflow_id = made["workflow"]["id"]
    await call("list_workflows")  # the workspace key is read once

    async def cost(tool: str, /, **arguments: object) -> int:
        trace = Trace()
        token = current_trace.set(trace)
        await house.dispatcher.call_tool(tool, arguments, who)
        current_trace.reset(token)
        return trace.db_queries

    actions = [{**LIST, "key": f"k{number}"} for number in range(100)]
    assert await cost("get_workflow", workflow_id=workflow_id) == 1
    assert await cost("get_workflow", workflow_id=workflow_id) == 0  # kept
    assert await cost("list_workflows") == 1
    assert await cost("create_workflow", name="B", actions=actions) == 3
    assert await cost("list_workflows", limit=1) == 2  # the page, and how many there are in all
    assert await cost("add_workflow_actions", workflow_id=workflow_id, actions=actions) == 3
