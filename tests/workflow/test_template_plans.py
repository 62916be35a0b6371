"""Every template, filled in as its user would, compiles without a word of complaint and says what it will do."""

import json
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.config import Limits
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.workflow.compiler import Compiled, compile_plan
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.facts import Facts, Host
from construction_mcp.workflow.template import Template, Templates, fill

TEMPLATES = Templates(Limits()).all()
WORDS = Path(__file__).parent / "template_effects.json"
PROJECTS = {1001: "Riverside Medical Office", 1002: "Harbor Street Parking", 1003: "Elm Grove Elementary"}
FACTS = Facts(
    environment="simulator",
    company_id=10,
    host=Host(always_on=True, public=True, channels=frozenset({"email"})),
    projects=PROJECTS,
    active_projects=[*PROJECTS],
    permissions={(tool, project): "admin" for project in (None, *PROJECTS) for tool in (
        "RFIs", "Submittals", "Punch List", "Daily Log", "Observations", "Inspections", "Incidents", "Meetings",
        "Change Events", "Documents", "Directory", "Schedule", "Photos",
    )},
    approvers={"approvers@builder.com": ["email"]},
    workflows={},
    hourly_quota=600,
)  # fmt: skip
TYPES, ENGINE = Catalogue(), CelEngine()


def value_for(kind: str, name: str) -> Any:
    return {"emails": [f"{name}@builder.com"], "string": "Workmanship"}[kind]


def filled(template: Template) -> Definition:
    """What has to be filled in, and nothing else."""
    asked = {name: one for name, one in template.variables.items() if one.required}
    values = {name: value_for(one.type, name) for name, one in asked.items()}
    return fill(template, values, project_id=1001 if template.needs_project else None)


def compiled(definition: Definition) -> Compiled:
    return compile_plan(definition, FACTS, TYPES, ENGINE)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.id)
def test_a_template_compiles_without_a_problem(template):
    found = compiled(filled(template))

    assert list(found.problems) == []
    assert found.plan is not None


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.id)
def test_an_empty_template_lacks_only_what_its_user_has_to_say(template):
    found = compiled(fill(template, {}, project_id=1001 if template.needs_project else None))

    asked = {f"variables.{name}.value" for name, one in template.variables.items() if one.required}
    assert {one.path for one in found.problems if one.severity == "error"} == asked
    assert {one.code for one in found.problems} == {"VARIABLE_VALUE_MISSING"}


# Whose webhook alone needs one is told so at deployment, by Procore (tests/flows/test_templates_run.py).
TOLD_AT_DEPLOYMENT = {"new_rfi_notification", "safety_observation_alert", "submittal_approved_notification"}
ABOUT_ONE = [one for one in TEMPLATES if one.needs_project and one.id not in TOLD_AT_DEPLOYMENT]


@pytest.mark.parametrize("template", ABOUT_ONE, ids=lambda one: one.id)
def test_a_template_about_one_project_says_when_none_is_named(template):
    found = compiled(fill(template, {}))

    assert any("project" in f"{one.message} {one.fix}".lower() for one in found.problems)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.id)
def test_a_template_stays_within_the_budget_of_requests(template):
    found = compiled(filled(template))

    assert found.requests_per_hour <= 0.6 * FACTS.hourly_quota
    assert found.requests_per_run <= 0.6 * FACTS.hourly_quota


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.id)
def test_a_plan_has_one_hash_in_whatever_order_its_fields_were_written(template):
    definition = filled(template)
    turned = Definition.model_validate(_turned(definition.written()))

    assert compiled(turned).plan.hash == compiled(definition).plan.hash


def test_the_effects_of_the_templates_read_well():
    """A change here is a change of what people agree to: read the difference before taking it over."""
    words = {one.id: list(compiled(filled(one)).effects) for one in TEMPLATES}

    assert words == json.loads(WORDS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.id)
def test_what_changes_procore_or_leaves_the_company_stands_behind_an_approval(template):
    found = compiled(filled(template))

    changes = [node for node in found.plan.nodes if node.effect == "write" and node.type.startswith("procore.")]
    assert all(node.guarded_by for node in changes)
    assert all(any(f"steps.{one}.output.edits" in str(node.config) for one in node.guarded_by) for node in changes)
    assert all(one["max_per_run"] and one["max_per_run"] <= 5 for one in found.plan.consent)


def _turned(value: Any) -> Any:
    """The same document with every mapping written backwards."""
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(one) for one in value] if isinstance(value, list) else value
