"""What deploying a Procore action agrees to, what it needs and what it costs, before it runs."""

from typing import Any

import pytest
from pydantic import ValidationError

from construction_mcp.actions.action import ActionType, Consent, Need, Setting
from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.actions.hole import Hole
from construction_mcp.core.config import Limits
from construction_mcp.procore.records.reach import TOOLS

CATALOGUE = Catalogue()
HERE = Setting(project_id=7, active_projects=(7, 8, 9, 12))
NOWHERE = Setting()
BUDGET = Limits().requests_per_call
LIST = 1 + Limits().procore_pages_max  # the list of projects, then the pages
EVERY_PROJECT = {"projects": "all_active"}
LATER = {"projects": "{{ vars.projects }}"}


def action(name: str) -> ActionType:
    found = CATALOGUE.get(f"procore.{name}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "written", "setting", "words"),
    [
        ("rfi.list", {}, HERE, "read the open RFIs of project 7"),
        ("rfi.list", {"projects": 1001, "overdue": True}, HERE, "read the open overdue RFIs of project 1001"),
        ("rfi.list", {"status": "any", "projects": [9, 8, 9]}, HERE, "read the RFIs of projects 8 and 9"),
        ("rfi.list", {"projects": ["1001"]}, HERE, "read the open RFIs of project 1001"),
        ("rfi.list", EVERY_PROJECT, HERE, "read the open RFIs of all 4 active projects"),
        ("rfi.list", EVERY_PROJECT, NOWHERE, "read the open RFIs of all active projects"),
        ("rfi.list", {"projects": [1, 2, 3, 4]}, HERE, "read the open RFIs of projects 1, 2, 3 and 4"),
        ("rfi.list", {"status": "{{ vars.s }}"}, NOWHERE, "read the RFIs of the workflow's project"),
        ("rfi.list", LATER, HERE, "read the open RFIs of projects chosen when it runs"),
        (
            "inspection.list",
            {"status": "in_review", "deficient": True},
            HERE,
            "read the in review deficient inspections of project 7",
        ),
        ("daily_log.list", {"status": "all"}, HERE, "read the daily log entries of project 7"),
        (
            "rfi.get",
            {"project_id": "{{ trigger.event.project_id }}"},
            HERE,
            "read an RFI of a project chosen when it runs",
        ),
        ("rfi.reply", {"project_id": 1001}, HERE, "reply to an RFI in project 1001"),
        ("project.list", {}, HERE, "read the list of projects"),
        ("request", {"method": "DELETE", "path": "/rest/v1.0/x/{{ vars.x }}"}, HERE, "send DELETE any path to Procore"),
    ],
)
def test_a_person_reads_what_it_does_and_where(name: str, written: Any, setting: Setting, words: str) -> None:
    told = action(name).words

    assert told is not None
    assert told(written, setting) == words


@pytest.mark.parametrize(
    ("name", "written", "setting", "targets"),
    [
        ("rfi.reply", {"project_id": 1001}, HERE, ["rfi.reply in project 1001"]),
        ("rfi.close", {}, HERE, ["rfi.close in project 7"]),
        ("rfi.create", {"project_id": "{{ vars.project }}"}, HERE, ["rfi.create in any project"]),
        ("submittal.update", {"project_id": "1001"}, HERE, ["submittal.update in project 1001"]),
        ("daily_log.create", {}, NOWHERE, ["daily_log.create in any project"]),
        ("punch_item.create", {}, HERE, ["punch_item.create in project 7"]),
        ("observation.create", {}, HERE, ["observation.create in project 7"]),
        (
            "request",
            {"method": "POST", "path": "/rest/v1.0/projects/7/rfis"},
            HERE,
            ["request POST /rest/v1.0/projects/7/rfis"],
        ),
        (
            "request",
            {"method": "{{ vars.m }}", "path": "/rest/v1.0/{{ vars.p }}"},
            HERE,
            ["request any method any path"],
        ),
        ("request", {"method": "GET", "path": "/rest/v1.0/me"}, HERE, []),
        ("rfi.list", EVERY_PROJECT, HERE, []),
    ],
)
def test_deploying_agrees_to_writes_of_one_kind_in_one_place(
    name: str, written: Any, setting: Setting, targets: list[str]
) -> None:
    assert list(action(name).consents(written, setting)) == [Consent("procore", target) for target in targets]


def test_every_write_asks_for_consent_and_no_read_does() -> None:
    for name in CATALOGUE.names():
        found = CATALOGUE.get(name)
        if found is not None and name.startswith("procore."):
            assert bool(found.consents({}, HERE)) == (found.effect == "write"), name


@pytest.mark.parametrize(
    ("name", "written", "setting", "needs"),
    [
        ("rfi.list", {}, HERE, [Need("RFIs", "read_only", 7)]),
        ("submittal.list", {"projects": [8, 9]}, HERE, [Need("Submittals", "read_only", one) for one in (8, 9)]),
        ("photo.list", EVERY_PROJECT, HERE, [Need("Photos", "read_only", one) for one in (7, 8, 9, 12)]),
        ("photo.list", EVERY_PROJECT, NOWHERE, []),
        ("photo.list", LATER, HERE, []),
        ("daily_log.create", {}, HERE, [Need("Daily Log", "standard", 7)]),
        ("rfi.create", {"draft": True}, HERE, [Need("RFIs", "standard", 7)]),
        ("rfi.create", {"assignees": ["Ann"]}, HERE, [Need("RFIs", "admin", 7)]),
        ("rfi.create", {"due_date": "{{ today() }}"}, HERE, [Need("RFIs", "admin", 7)]),
        ("submittal.update", {"title": "x"}, HERE, [Need("Submittals", "standard", 7)]),
        ("submittal.update", {"status": "Closed"}, HERE, [Need("Submittals", "admin", 7)]),
        ("project.list", {}, HERE, []),
        ("request", {"method": "POST"}, HERE, []),
    ],
)
def test_a_permission_is_named_by_tool_level_and_project(
    name: str, written: Any, setting: Setting, needs: list[Need]
) -> None:
    assert list(action(name).needs(written, setting)) == needs


def test_tools_are_named_as_the_check_of_a_connection_names_them() -> None:
    named = {
        need.tool
        for name in CATALOGUE.names()
        if name.startswith("procore.") and (found := CATALOGUE.get(name))
        for need in found.needs({}, HERE)
    }

    assert set(TOOLS) <= named


@pytest.mark.parametrize(
    ("name", "written", "setting", "requests"),
    [
        ("rfi.list", {}, HERE, LIST),
        ("rfi.list", {"ball_in_court": "me"}, HERE, LIST + 1),
        ("rfi.list", {"projects": [7, 8]}, HERE, 1 + 2 * Limits().procore_pages_max),
        ("rfi.list", EVERY_PROJECT, HERE, BUDGET),
        ("submittal.list", {}, HERE, LIST + 1),
        ("daily_log.list", {"log_types": ["notes"]}, HERE, 1 + 2 * Limits().procore_pages_max),
        ("daily_log.list", {}, HERE, BUDGET),
        ("document.list", {}, HERE, 2),
        ("document.list", EVERY_PROJECT, HERE, 5),
        ("document.list", EVERY_PROJECT, NOWHERE, 1 + Limits().overview_projects_max),
        ("document.list", LATER, HERE, 1 + Limits().overview_projects_max),
        ("document.list", {"projects": [7, "{{ vars.x }}"]}, HERE, 3),
        ("document.list", {"text": "slab"}, HERE, 31),
        ("rfi.get", {}, HERE, 3),
        ("project.get", {}, HERE, 1),
        ("rfi.create", {}, HERE, 4),
        ("rfi.create", {"spec_section": "03 30 00"}, HERE, 5),
        ("observation.create", {"type": "Safety", "location": "Roof"}, HERE, 4),
        ("request", {"method": "GET"}, HERE, 1),
    ],
)
def test_a_run_is_counted_at_its_most(name: str, written: Any, setting: Setting, requests: int) -> None:
    assert action(name).requests(written, setting) == requests


def test_every_record_says_which_project_it_is_in() -> None:
    """A list reads several projects, and who acts on an item has to say where."""
    elsewhere = {"procore.request", "procore.project.list", "procore.project.get", "procore.rfi.reply"}

    for name in CATALOGUE.names():
        if name.startswith("procore.") and name not in elsewhere:
            described = CATALOGUE.describe(name)
            assert described is not None
            fields = described["output"]["properties"]
            item = fields["item"] if "item" in fields else fields["items"]["items"]
            assert item["properties"]["project_id"] == {"type": "integer"}, name


@pytest.mark.parametrize(
    ("method", "effect"),
    [("GET", "read"), ("POST", "write"), ("DELETE", "write"), ("{{ vars.m }}", "write"), (None, "write")],
)
def test_a_request_reads_only_when_it_surely_does(method: str | None, effect: str) -> None:
    assert action("request").effect_of({"method": method, "path": "/rest/v1.0/me"}) == effect


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("rfi.list", {}),
        ("rfi.list", {"projects": "all_active", "overdue": True, "updated_since": "2026-03-01"}),
        ("rfi.list", {"projects": [1001, 1002], "status": "any"}),
        ("rfi.list", {"projects": "1001"}),
        ("rfi.create", {"subject": "Slab edge", "question": "What holds it up?", "rfi_manager": "Ann", "draft": True}),
        ("submittal.update", {"submittal_id": 5, "lead_time_days": 0}),
        ("request", {"method": "PATCH", "path": "/rest/v1.0/projects/7/rfis/9", "body": {"rfi": {"title": "x"}}}),
    ],
)
def test_a_config_in_the_words_of_the_tools_is_taken(name: str, config: dict[str, Any]) -> None:
    assert action(name).config.model_validate(config)


TODAY = Hole("today()", {"type": "string"})
PROJECT = Hole("vars.project", {"type": "integer"})


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("daily_log.list", {"from_date": TODAY, "to_date": "2026-03-01"}),
        ("schedule.list", {"from_date": "2026-03-02", "to_date": TODAY}),
        ("document.list", {"folder_id": 4, "projects": PROJECT}),
        ("rfi.create", {"subject": TODAY, "question": TODAY, "rfi_manager": TODAY, "assignees": [TODAY]}),
        ("submittal.update", {"submittal_id": PROJECT, "due_date": TODAY}),
        ("request", {"method": TODAY, "path": TODAY, "body": {}}),
    ],
)
def test_what_is_computed_later_is_not_judged_before(name: str, config: dict[str, Any]) -> None:
    assert action(name).config.model_validate(config)


@pytest.mark.parametrize(
    ("name", "config", "why"),
    [
        ("rfi.list", {"statsu": "open"}, "Extra inputs"),
        ("rfi.list", {"projects": "all"}, "all_active"),
        ("rfi.list", {"projects": []}, "at least 1"),
        ("rfi.list", {"status": "overdue"}, "'open', 'closed', 'draft' or 'any'"),
        ("rfi.get", {}, "Field required"),
        (
            "rfi.create",
            {"subject": "Slab edge", "question": "What holds it up?", "rfi_manager": "Ann"},
            "needs assignees",
        ),
        ("submittal.update", {"submittal_id": 5}, "at least one field"),
        ("daily_log.list", {"from_date": "2026-03-02", "to_date": "2026-03-01"}, "from_date is after"),
        ("schedule.list", {"from_date": "2026-03-02", "to_date": "2026-03-01"}, "from_date is after"),
        ("document.list", {"folder_id": 4, "projects": "all_active"}, "in one project"),
        ("request", {"method": "GET", "path": "/rest/v1.0/me", "body": {}}, "a GET has no body"),
        ("request", {"method": "GET", "path": "https://example.com/rest/v1.0/me"}, "not one of Procore's"),
        ("request", {"method": "GET", "path": "/rest/v1.0/../me"}, "not one of Procore's"),
    ],
)
def test_a_config_that_cannot_work_is_refused_with_the_reason(name: str, config: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        action(name).config.model_validate(config)
