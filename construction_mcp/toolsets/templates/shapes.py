"""What the template tools answer with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.workflow.template import Template
from construction_mcp.workflow.variables import KINDS


@dataclass(frozen=True, slots=True)
class TemplateSummary:
    """One line of a list. needs: what has to be said to use it, by variable, with what kind of value that is."""

    id: str
    title: str
    summary: str
    tags: Sequence[str]
    needs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """Templates; total counts all that there are."""

    items: Sequence[TemplateSummary]
    total: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A template in full. effects: what a workflow of it can do, in words; diagram is Mermaid."""

    id: str
    title: str
    needs: Mapping[str, str]
    variables: Mapping[str, Any]
    effects: Sequence[str]
    document: str
    diagram: str | None


def summary_of(template: Template) -> TemplateSummary:
    """One line of a list."""
    return TemplateSummary(template.id, template.title, template.summary, template.tags, needs_of(template))


def needs_of(template: Template) -> Mapping[str, str]:
    """What its user has to say."""
    project = {"project_id": "the Procore project it is about"} if template.needs_project else {}
    wanted = {name: one for name, one in template.variables.items() if one.required and one.default is None}
    return {
        **project,
        **{name: f"{one.description or name} ({KINDS[one.type].words})" for name, one in wanted.items()},
    }
