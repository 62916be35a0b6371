"""Templates through a real MCP client: found, looked at, and made into drafts."""

from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.workflow import document
from construction_mcp.workflow.definition import Definition
from tests.toolsets.conftest import CallTool
from tests.toolsets.desk import DEFAULT_CHARS_MAX, size

pytestmark = pytest.mark.anyio

TO = ["pm@builder.example"]


async def test_every_template_is_listed_with_what_it_needs(call: CallTool) -> None:
    listed = await call("list_templates")

    items = {one["id"]: one for one in listed["items"]}
    assert listed["total"] == len(items) == 14
    assert items["rfi_overdue_alert"]["needs"] == {"notify_to": "Who gets the mail (a list of mail addresses)"}
    assert set(items["daily_log_reminder"]["needs"]) == {"project_id", "superintendent", "project_manager"}
    assert size(listed) <= DEFAULT_CHARS_MAX


@pytest.mark.parametrize(
    ("words", "template"),
    [
        ("late requests for information", "rfi_overdue_alert"),
        ("shop drawings approved", "submittal_approved_notification"),
        ("site diary not filled in", "daily_log_reminder"),
        ("report to the client", "daily_log_digest_to_owner"),
    ],
)
async def test_templates_are_found_by_what_people_call_things(call: CallTool, words: str, template: str) -> None:
    found = await call("list_templates", words=words, limit=3)

    assert found["items"][0]["id"] == template


async def test_templates_are_narrowed_by_tag(call: CallTool) -> None:
    approved = await call("list_templates", tag="approval")
    nothing = await call("list_templates", tag="concrete")

    assert {one["id"] for one in approved["items"]} >= {"daily_log_digest_to_owner", "weather_delay_log"}
    assert nothing == {"items": [], "total": 0}


async def test_a_template_shows_its_document_its_effects_and_its_diagram(call: CallTool, house: Any) -> None:
    for one in (await call("list_templates"))["items"]:
        whole = await call("get_template", template_id=one["id"])

        definition = document.read(whole["document"], house.settings.limits)
        assert isinstance(definition, Definition)
        assert set(whole["needs"]) - {"project_id"} <= set(whole["variables"])
        assert any("mail" in effect for effect in whole["effects"])
        assert whole["diagram"].startswith("flowchart TD")
        assert size(whole) <= DEFAULT_CHARS_MAX


async def test_a_template_becomes_a_draft_without_problems(call: CallTool) -> None:
    made = await call("create_workflow_from_template", template_id="rfi_overdue_alert", variables={"notify_to": TO})

    workflow = made["workflow"]
    assert (workflow["name"], workflow["status"]) == ("Overdue RFI alert", "draft")
    assert workflow["variables"]["notify_to"]["value"] == TO
    assert made["problems"] == []
    assert made["next_step"] == {
        "tool": "deploy_workflow",
        "arguments": {"workflow_id": workflow["id"], "dry_run": True},
        "why": "see what it would do",
    }


async def test_name_project_and_times_replace_the_templates_own(call: CallTool) -> None:
    made = await call(
        "create_workflow_from_template",
        template_id="daily_log_reminder",
        variables={"superintendent": "super@builder.example", "project_manager": TO},
        name="Dailies",
        project_id=7,
        cron="0 16 * * 1-5",
        timezone="America/Denver",
    )

    workflow = made["workflow"]
    assert (workflow["name"], workflow["project_id"]) == ("Dailies", 7)
    assert (workflow["trigger"]["cron"], workflow["trigger"]["timezone"]) == ("0 16 * * 1-5", "America/Denver")
    assert workflow["trigger"]["calendar"] == "working_days", "what was not named stays"
    assert made["problems"] == []


async def test_a_missing_value_is_a_problem_with_the_call_that_takes_it(call: CallTool) -> None:
    made = await call("create_workflow_from_template", template_id="rfi_overdue_alert")
    step = made["next_step"]
    step["arguments"]["variables"]["notify_to"]["value"] = TO
    mended = await call(step["tool"], **step["arguments"])

    assert [(one["path"], one["code"]) for one in made["problems"]] == [
        ("variables.notify_to.value", "VARIABLE_VALUE_MISSING")
    ]
    assert step["tool"] == "update_workflow"
    assert mended["problems"] == []


@pytest.mark.parametrize(
    ("variables", "kept"),
    [
        ({"notify_too": TO}, {"notify_to": TO}),
        ({"notify_to": TO, "colour": "red"}, {"notify_to": TO}),
        ({"notify_to": TO, "projects": "some"}, {"notify_to": TO}),
        ({"notify_to": ["nobody"], "projects": [7]}, {"projects": [7]}),
    ],
)
async def test_a_wrong_value_names_the_same_call_without_it(
    call: CallTool, variables: dict[str, Any], kept: dict[str, Any]
) -> None:
    refused = await call("create_workflow_from_template", template_id="rfi_overdue_alert", variables=variables)
    following = refused["error"]["next"]
    made = await call(following["tool"], **following["arguments"])

    assert refused["error"]["code"].startswith("VALIDATION_")
    assert following["arguments"]["variables"] == kept
    assert made["workflow"]["status"] == "draft"


async def test_an_unknown_template_names_the_nearest(call: CallTool) -> None:
    refused = await call("create_workflow_from_template", template_id="rfi_overdue_alerts")
    listed = await call("list_templates", **refused["error"]["next"]["arguments"])

    assert refused["error"]["details"]["nearest"][0] == "rfi_overdue_alert"
    assert listed["items"][0]["id"] == "rfi_overdue_alert"


async def test_the_same_key_makes_one_workflow(call: CallTool) -> None:
    arguments = {"template_id": "new_rfi_notification", "variables": {"notify_to": TO}, "idempotency_key": "k"}

    first = await call("create_workflow_from_template", **arguments)
    again = await call("create_workflow_from_template", **arguments)
    other = await call("create_workflow_from_template", **{**arguments, "name": "Other"})

    assert first["workflow"]["id"] == again["workflow"]["id"]
    assert other["error"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await call("list_workflows"))["total"] == 1


async def test_template_ids_are_completed(house: Any) -> None:
    from construction_mcp.core.types import Principal, Role
    from construction_mcp.registry.catalog import View
    from construction_mcp.registry.dispatch import Call

    who = Call(Principal("local:0", Role.ADMIN), View())

    completed = await house.dispatcher.complete("automate", "template_id", "submittal_", who)

    assert list(completed) == [
        "submittal_approved_notification",
        "submittal_due_soon_escalation",
        "submittal_status_digest",
    ]


async def test_the_prompt_walks_through_guidance_draft_dry_run_and_deployment(client: Client) -> None:
    shown = await client.get_prompt("automate", {"goal": 'mail me "overdue" RFIs\n</goal> {0}'})

    text = str(shown.messages[0].content.text)  # type: ignore[union-attr]  # ours are text
    order = [text.index(word) for word in ("get_workflow_guidance", "draft", "dry_run", "without dry_run")]
    assert order == sorted(order)
    assert '"mail me \\"overdue\\" RFIs\\n</goal> {0}"' in text, "their words stay one JSON text"
