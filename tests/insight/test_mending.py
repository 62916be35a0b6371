"""Half-built workflows: each is mended by the calls that guidance names, or the person is asked."""

from collections.abc import Mapping
from typing import Any

import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.deployment.checks import Checks
from construction_mcp.insight.advice import Guidance
from construction_mcp.insight.goal import read_goal
from construction_mcp.insight.guidance import Draft, guide_to_end
from construction_mcp.workflow.definition import Definition

GOAL = "every weekday at 9 Central mail pm@x.com the overdue RFIs of project 1001"
WEEKDAYS = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}
LIST = {"key": "open_rfis", "type": "procore.rfi.list", "config": {"projects": "all_active", "overdue": True}}
MAIL = {
    "key": "alert",
    "type": "notify.email",
    "condition": "size(steps.open_rfis.output.items) > 0",
    "config": {"to": "pm@x.com", "subject": "Overdue", "body": "{{ size(steps.open_rfis.output.items) }} are late."},
}
WHOLE = {"name": "Overdue", "trigger": WEEKDAYS, "actions": [LIST, MAIL]}


def applied(written: Mapping[str, Any], guidance: Guidance) -> dict[str, Any]:
    """The document after the calls, as the tools would change it."""
    changed = dict(written)
    for call in guidance.steps:
        given = {name: value for name, value in call.arguments.items() if name != "workflow_id"}
        if call.tool == "configure_workflow_trigger":
            changed["trigger"] = given["trigger"]
        elif call.tool == "update_workflow":
            changed |= given
        elif call.tool == "add_workflow_actions":
            changed["actions"] = [*changed.get("actions", []), *given["actions"]]
        elif call.tool == "update_workflow_action":
            changed["actions"] = [given["action"] if one["key"] == given["key"] else one for one in changed["actions"]]
    return changed


def guide(written: Mapping[str, Any], checks: Checks, types: Catalogue, goal: str = GOAL) -> Guidance:
    definition = Definition.model_validate(written)
    draft = Draft("wf_1", definition, checks.of(definition).problems)
    return guide_to_end(read_goal(goal), draft, types)


def with_mail(**changes: Any) -> dict[str, Any]:
    return {**WHOLE, "actions": [LIST, {**MAIL, **changes}]}


def with_config(**changes: Any) -> dict[str, Any]:
    config: Any = MAIL["config"]
    return with_mail(config={**config, **changes})


BROKEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing yet": ({"name": "Empty"}, ["configure_workflow_trigger", "update_workflow", "add_workflow_actions"]),
    "no trigger": ({"name": "A", "actions": [LIST, MAIL]}, ["configure_workflow_trigger"]),
    "no actions": ({"name": "A", "trigger": WEEKDAYS}, ["update_workflow", "add_workflow_actions"]),
    "no zone": ({**WHOLE, "trigger": {"type": "schedule", "cron": "0 9 * * *"}}, ["configure_workflow_trigger"]),
    "unknown zone": ({**WHOLE, "trigger": {**WEEKDAYS, "timezone": "Central"}}, ["configure_workflow_trigger"]),
    "unused field": ({**WHOLE, "trigger": {**WEEKDAYS, "every_s": 60}}, ["configure_workflow_trigger"]),
    "misspelt resource": (
        {
            "name": "A",
            "trigger": {"type": "webhook", "source": "procore", "resources": ["RFI"]},
            "actions": [{**MAIL, "condition": None, "config": {"to": "pm@x.com", "subject": "New", "body": "One."}}],
        },
        ["configure_workflow_trigger"],
    ),
    "empty variable": (
        {**with_config(to="{{ vars.notify_to }}"), "variables": {"notify_to": {"type": "emails", "required": True}}},
        ["update_workflow"],
    ),
    "misspelt variable type": (
        {**WHOLE, "variables": {"days": {"type": "nummber", "default": 3}}},
        ["update_workflow"],
    ),
    "misspelt step": (with_mail(condition="size(steps.opn_rfis.output.items) > 0"), ["update_workflow_action"]),
    "misspelt output": (with_mail(condition="size(steps.open_rfis.output.itmes) > 0"), ["update_workflow_action"]),
    "misspelt in a text": (
        with_config(body="{{ size(steps.opn_rfis.output.items) }} late"),
        ["update_workflow_action"],
    ),
    "misspelt type": (with_mail(type="notify.emial"), ["update_workflow_action"]),
    "misspelt field": (with_config(subjekt="Late", subject=None), ["update_workflow_action"]),
    "misspelt dependency": (with_mail(depends_on=["opne_rfis"]), ["update_workflow_action"]),
    "waits for itself": (with_mail(depends_on=["alert", "open_rfis"]), ["update_workflow_action"]),
    "nobody gets it": (with_mail(config={"subject": "A", "body": "B"}), ["update_workflow_action"]),
    "misspelt choice": (
        {**WHOLE, "actions": [{**LIST, "config": {"projects": "all_active", "status": "opne"}}, MAIL]},
        ["update_workflow_action"],
    ),
    "no project": ({**WHOLE, "actions": [{**LIST, "config": {"overdue": True}}, MAIL]}, ["update_workflow"]),
    "two at once": (
        {
            **with_mail(condition="size(steps.opn_rfis.output.items) > 0", type="notify.emai"),
            "trigger": {"type": "schedule", "cron": "0 9 * * *"},
        },
        ["configure_workflow_trigger", "update_workflow_action"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_calls_leave_nothing_wrong(name: str, checks: Checks, types: Catalogue) -> None:
    written, tools = BROKEN[name]
    written = _without_none(written)

    guidance = guide(written, checks, types)

    assert checks.of(Definition.model_validate(written)).errors
    assert [call.tool for call in guidance.steps[:-2]] == tools
    assert checks.of(Definition.model_validate(applied(written, guidance))).errors == []


def test_every_way_ends_in_a_look_and_then_in_deploying(checks: Checks, types: Catalogue) -> None:
    guidance = guide(WHOLE, checks, types)

    assert [(call.tool, dict(call.arguments)) for call in guidance.steps] == [
        ("deploy_workflow", {"workflow_id": "wf_1", "dry_run": True}),
        ("deploy_workflow", {"workflow_id": "wf_1"}),
    ]


def test_what_nobody_said_is_asked_for_and_its_place_is_marked(checks: Checks, types: Catalogue) -> None:
    written = {**with_config(to="{{ vars.to }}"), "variables": {"to": {"type": "emails", "required": True}}}

    guidance = guide(written, checks, types, "overdue RFIs")

    (marked,) = guidance.steps[0].arguments["variables"].values()
    assert [one.name for one in guidance.missing] == ["variables.to"]
    assert marked["value"].startswith("<")
    refused = [one.code for one in checks.of(Definition.model_validate(applied(written, guidance))).errors]
    assert "VARIABLE_VALUE_INVALID" in refused, "what marks a place never passes for a value"


def test_a_text_nobody_said_stays_empty(checks: Checks, types: Catalogue) -> None:
    """Anything would pass for a text, so no mark is put in its place."""
    guidance = guide({**WHOLE, "variables": {"kind": {"type": "string", "required": True}}}, checks, types)

    assert [one.name for one in guidance.missing] == ["variables.kind"]
    assert [call.tool for call in guidance.steps] == ["deploy_workflow", "deploy_workflow"]


def test_what_no_fix_spells_out_is_asked_with_the_tool_that_takes_it(checks: Checks, types: Catalogue) -> None:
    guidance = guide(with_mail(condition="size(steps.open_rfis.output.items)"), checks, types)

    (asked,) = guidance.missing
    assert asked.name == "actions.alert.condition"
    assert "update_workflow_action" in asked.question


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value
