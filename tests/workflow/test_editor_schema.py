"""An editor that knows the document's schema completes what is right and marks what is wrong."""

import json
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from construction_mcp.actions.action import ActionType, Config, cel_fields
from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.config import Limits
from construction_mcp.workflow.document import read
from construction_mcp.workflow.editor_schema import FILE, document_schema, document_text
from tests.tidy.source import ROOT

TYPES = Catalogue()
EXAMPLES = sorted((ROOT / "examples" / "workflows").glob("*.yaml"))
TEMPLATES = sorted((ROOT / "construction_mcp" / "workflow" / "templates").glob("*.yaml"))


@cache
def validator() -> Draft202012Validator:
    schema = json.loads((ROOT / FILE).read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def mistakes(document: Any) -> list[str]:
    """Where the schema finds something wrong."""
    return sorted(problem.json_path for problem in validator().iter_errors(document))


def workflow(type_: str, config: Any = None, **fields: Any) -> dict[str, Any]:
    return {"name": "Test", "actions": [{"key": "a", "type": type_, "config": config or {}, **fields}]}


def test_the_committed_schema_is_what_the_code_says() -> None:
    """If not: python -m construction_mcp.workflow.editor_schema."""
    assert (ROOT / FILE).read_text() == document_text(TYPES)


def test_every_field_of_the_document_is_described() -> None:
    schema: Any = validator().schema
    models = {"the document": schema, **{name: one for name, one in schema["$defs"].items() if name[0].isupper()}}

    silent = [
        f"{name}.{field}"
        for name, model in models.items()
        for field, one in model.get("properties", {}).items()
        if not one.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_the_schema_and_fits_it(example: Any) -> None:
    text = example.read_text()
    first = text.partition("\n")[0]

    assert first == f"# yaml-language-server: $schema=../{FILE.name}"
    assert mistakes(yaml.safe_load(text)) == []
    assert read(text, Limits()).name


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_workflow_template_fits_it(template: Any) -> None:
    assert mistakes(yaml.safe_load(template.read_text())["definition"]) == []


@pytest.mark.parametrize("name", TYPES.names())
def test_a_template_may_stand_wherever_a_value_does(name: str) -> None:
    found = TYPES.get(name)
    assert found is not None
    fields = set(found.config.model_fields)
    expressions = {field for field in cel_fields(found.config) if found.config.model_fields[field].is_required()}
    config = dict.fromkeys(fields - set(cel_fields(found.config)), "{{ vars.x }}") | dict.fromkeys(expressions, "item")

    wrong = [path for path in mistakes(workflow(name, config)) if path != "$.actions[0].config"]
    assert wrong == []


class Part(Config):
    """What is poured where."""

    volume_m3: float


class Pour(Config):
    """Values at every depth."""

    sizes: list[int]
    by_day: dict[str, int]
    part: Part
    parts: list[Part]


class OneType:
    """An installation with one action type."""

    def get(self, _name: str) -> ActionType:
        return ActionType("concrete.pour", Pour, effect="pure", doc="Pour.", output={})

    def names(self) -> list[str]:
        return ["concrete.pour"]


@pytest.mark.parametrize("value", [1, "{{ vars.x }}", "one"])
def test_a_template_may_stand_deep_inside_a_value_and_other_text_may_not(value: Any) -> None:
    judge = Draft202012Validator(document_schema(OneType()))
    part = {"volume_m3": value}
    config = {"sizes": [value], "by_day": {"monday": value}, "part": part, "parts": [part]}

    assert judge.is_valid(workflow("concrete.pour", config)) == (value != "one")


@pytest.mark.parametrize(
    "document",
    [
        workflow("transform.map", {"items": "{{ steps.b.output.items }}", "to": {"who": "item.ball_in_court"}}),
        workflow("transform.filter", {"items": ["{{ vars.x }}", 1], "where": "item != null"}, on_error="continue"),
        workflow("notify.email", {"to": ["{{ vars.x }}", "a@x.com"], "subject": "S", "body": "B"}),
        workflow("notify.email", {"to": "{{ vars.x }}", "template": "rfi_overdue_alert", "data": {"rfis": "{{ x }}"}}),
        workflow("notify.slack", {"template": "{{ vars.template }}", "data": {"any": 1}}),
        workflow("wait.for", {"duration": "2 days"}, for_each={"items": "vars.x", "as": "one"}),
        workflow("approval.request", {"approvers": "Jo", "message": "?", "on_expiry": "escalate", "escalate_to": "Al"}),
        workflow("procore.rfi.list", {"projects": "all_active", "status": "open"}),
    ],
)
def test_what_the_server_takes_is_not_marked(document: dict[str, Any]) -> None:
    assert mistakes(document) == []
    assert read(json.dumps(document), Limits())


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (workflow("notify.mail"), "$.actions[0].type"),
        (workflow("wait.for"), "$.actions[0].config"),
        ({"name": "Test", "actions": [{"key": "a", "type": "wait.for"}]}, "$.actions[0]"),
        (workflow("wait.for", {"duration": "soon"}), "$.actions[0].config.duration"),
        (workflow("wait.for", {"duration": 5, "until": 1}), "$.actions[0].config"),
        (workflow("wait.until", {"at": "2026-12-01", "next": "day"}), "$.actions[0].config"),
        (workflow("notify.email", {"to": "a@x", "subject": "S", "body": "B"}), "$.actions[0].config.to"),
        (workflow("notify.email", {"to": "a@x.com", "subject": "S"}), "$.actions[0].config"),
        (workflow("notify.slack", {"template": "rfi_overdue_alert"}), "$.actions[0].config"),
        (workflow("notify.slack", {"template": "rfi_overdue_alert", "data": {}}), "$.actions[0].config.data"),
        (
            workflow("notify.slack", {"template": "rfi_overdue_alert", "data": {"rfis": 1}}),
            "$.actions[0].config.data",
        ),
        (workflow("transform.sort", {"items": [], "by": "item", "order": "up"}), "$.actions[0].config.order"),
        (workflow("transform.map", {"items": [], "to": "{{ item.id }}"}), "$.actions[0].config.to"),
        (workflow("transform.set", {"value": 1}, condition="{{ vars.on }}"), "$.actions[0].condition"),
        (workflow("transform.filter", {"items": [], "where": True}), "$.actions[0].config.where"),
        (
            workflow("approval.request", {"approvers": "Jo", "message": "?", "on_expiry": "escalate"}),
            "$.actions[0].config",
        ),
        (workflow("procore.rfi.list", {"status": "opne"}), "$.actions[0].config.status"),
        (workflow("transform.set", {"value": 1}, retries=3), "$.actions[0]"),
        ({"name": "Test", "variables": {"to": {"type": "e-mail"}}}, "$.variables.to.type"),
        ({"name": "Test", "trigger": {"type": "cron"}}, "$.trigger.type"),
        ({"nmae": "Test"}, "$"),
    ],
)
def test_a_mistake_is_marked_where_it_stands(document: dict[str, Any], path: str) -> None:
    assert path in mistakes(document)
