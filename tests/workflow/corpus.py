"""Reads `broken/*.yaml`: one mistake per document, and the problem that has to be told of it.

A case gives a whole `definition`, the `document` as its author typed it, or only the parts that its mistake is in:
what it leaves out is sound (a manual trigger, project 1001). `facts` are changes to those of `FACTS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.workflow.compiler import Compiled, compile_plan
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.document import read, shaped
from construction_mcp.workflow.facts import Facts, Host
from construction_mcp.workflow.problems import as_json

FOLDER = Path(__file__).parent / "broken"
PARTS = ("name", "project_id", "trigger", "variables", "actions")
SOUND: Mapping[str, Any] = {"name": "Broken", "project_id": 1001, "trigger": {"type": "manual"}}
FACTS = Facts(
    environment="sandbox",
    company_id=42,
    projects={1001: "Riverside Tower", 1002: "Harbor Bridge"},
    active_projects=(1001, 1002),
    approvers={"pat@builder.example": ("mail",), "sam": ("mail",), "lee@builder.example": ()},
    workflows={"wf_digest": "Weekly digest"},
    hourly_quota=3600,
)
TYPES, ENGINE = Catalogue(), CelEngine()


@dataclass(frozen=True, slots=True)
class Case:
    """One mistake. `expect` holds what every problem has to be: code, path, and words of its fix."""

    title: str
    file: str
    expect: list[dict[str, str]]
    facts: Facts
    definition: Any
    document: str | None


@cache
def cases() -> tuple[Case, ...]:
    """Every case, in the order of files and documents."""
    return tuple(case for path in sorted(FOLDER.glob("*.yaml")) for case in _cases_in(path))


def _cases_in(path: Path) -> Iterator[Case]:
    for shape in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        written = shape.get("definition") or {**SOUND, **{part: shape[part] for part in PARTS if part in shape}}
        definition = {name: value for name, value in written.items() if value is not None}
        facts = _facts(shape.get("facts", {}))
        yield Case(shape["title"], path.stem, shape["expect"], facts, definition, shape.get("document"))


def _facts(changes: Mapping[str, Any]) -> Facts:
    changed = dict(changes)
    host = changed.pop("host", {})
    changed["host"] = Host(**{name: frozenset(v) if isinstance(v, list) else v for name, v in host.items()})
    if "permissions" in changed:
        rows = changed["permissions"]
        changed["permissions"] = {(row["tool"], row.get("project")): row["level"] for row in rows}
    return replace(FACTS, **changed)


def found_in(case: Case) -> list[dict[str, Any]]:
    """The problems of a case as a caller gets them, whoever found them."""
    try:
        definition = shaped(case.definition) if case.document is None else read(case.document, Limits())
    except Invalid as refused:
        return list(refused.details["problems"])
    return as_json(compiled(definition, case.facts).problems)


def compiled(definition: Definition, facts: Facts = FACTS) -> Compiled:
    """The definition compiled with the actions and the engine that are really used."""
    return compile_plan(definition, facts, TYPES, ENGINE)
