"""What is right is not refused: examples, templates, and ways of writing that only look wrong."""

from dataclasses import replace
from typing import Any

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.document import read, shaped
from construction_mcp.workflow.template import Templates
from tests.tidy.source import ROOT
from tests.workflow.corpus import FACTS, SOUND, compiled

EXAMPLES = sorted((ROOT / "examples" / "workflows").glob("*.yaml"))
TEMPLATES = {one.id: one.definition for one in Templates(Limits()).all()}
VALUES: dict[str, Any] = {
    "email": "pat@builder.example",
    "emails": ["pat@builder.example"],
    "project_id": 1001,
    "string": "Deficiency",
}
REACHED = replace(FACTS, approvers={"pat@builder.example": ("mail",)}, hourly_quota=None)


def filled(definition: Definition) -> Definition:
    """With a value for each variable that has none, in the project of the corpus."""
    variables = {
        name: one.model_copy(update={"value": VALUES.get(one.type)}) if one.default is None else one
        for name, one in (definition.variables or {}).items()
    }
    return definition.model_copy(update={"variables": variables, "project_id": 1001, "string": "Deficiency"})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_compiles_without_any_problem(path):
    assert compiled(filled(read(path.read_text(encoding="utf-8"), Limits())), REACHED).problems == []


def test_the_workflow_of_the_readme_compiles_without_any_problem():
    written = (ROOT / "README.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]

    assert compiled(filled(read(written, Limits())), REACHED).problems == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles_without_any_problem(name):
    found = compiled(filled(TEMPLATES[name]), REACHED)

    assert found.problems == []
    assert found.plan is not None


OPEN = {"key": "open_rfis", "type": "procore.rfi.list"}
LIST = "{{ steps.open_rfis.output.items }}"


@pytest.mark.parametrize(
    "actions",
    [
        [{"key": "a", "type": "notify.log", "config": {"text": "A set {a, b} and $5"}}],
        [{"key": "a", "type": "notify.log", "config": {"text": "see builder.example"}}],
        [{"key": "a", "type": "notify.log", "config": {"text": '{{ "{{" }}'}}],
        [
            OPEN,
            {"key": "a", "type": "transform.filter", "config": {"items": LIST, "where": "item.subject == 'is not'"}},
        ],
        [OPEN, {"key": "a", "type": "transform.filter", "config": {"items": LIST, "where": "item.due_date < today()"}}],
        [
            OPEN,
            {
                "key": "a",
                "type": "transform.filter",
                "config": {"items": LIST, "where": "date(item.updated_at) < today()"},
            },
        ],
        [OPEN, {"key": "a", "type": "transform.map", "config": {"items": LIST, "to": "item.subject + ' is f or AND'"}}],
        [
            OPEN,
            {"key": "a", "type": "procore.rfi.get", "for_each": {"items": LIST}, "config": {"rfi_id": "{{ item.id }}"}},
        ],
        [
            OPEN,
            {
                "key": "a",
                "type": "notify.log",
                "condition": "steps.open_rfis.status == 'failed'",
                "config": {"text": "x"},
            },
        ],
        [
            OPEN,
            {"key": "a", "type": "notify.log", "condition": "steps.open_rfis.error != null", "config": {"text": "x"}},
        ],
        [{"key": "a", "type": "notify.log", "condition": "today() > '2026-01-01'", "config": {"text": "x"}}],
        [
            {"key": "for", "type": "procore.rfi.list"},
            {"key": "a", "type": "notify.log", "config": {"text": "{{ steps.for.output.total }}."}},
        ],
        [{"key": "a", "type": "notify.webhook", "config": {"url": "https://api.example/x", "body": {"{a}": 1}}}],
        [{"key": "a", "type": "procore.rfi.list", "retry": {"max_attempts": 2, "max_s": 1}}],
        [{"key": "a", "type": "procore.rfi.list", "retry": {"max_attempts": 2, "initial_s": 900}}],
    ],
)
def test_what_only_looks_wrong_is_not_refused(actions):
    found = compiled(shaped({**SOUND, "actions": actions}))

    assert found.problems == []


def test_waits_between_tries_never_shrink():
    """One bound alone moves the other."""
    for retry in ({"max_attempts": 2, "max_s": 1}, {"max_attempts": 2, "initial_s": 900}):
        plan = compiled(shaped({**SOUND, "actions": [{"key": "a", "type": "procore.rfi.list", "retry": retry}]})).plan

        assert plan is not None
        assert plan.nodes[0].retry.initial_s <= plan.nodes[0].retry.max_s
