"""Checks every expression and template of one workflow and remembers what each step was found to give."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.actions.hole import Hole, has_hole
from construction_mcp.expressions.port import ANYTHING, Checked, ExpressionEngine, Mistake, Schema, Scope
from construction_mcp.expressions.templates import Template, parse, render
from construction_mcp.workflow.problems import Problem, error

STEP_STATUS: Schema = {"type": "string", "enum": ["completed", "simulated", "skipped", "failed"]}
_ERROR: Schema = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "additionalProperties": False,
}
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_NAME = re.compile(r"\b(steps|vars)\s*\.\s*([A-Za-z_]\w*)")
_VARIABLE = re.compile(r"\s*vars\.([a-z][a-z0-9_]*)\s*")


def step_schema(output: Schema) -> Schema:
    """What `steps.<key>` is: its output while it gave one, its status, its error."""
    properties = {"output": output, "status": STEP_STATUS, "error": {"anyOf": [_ERROR, {"type": "null"}]}}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def names_in(text: str) -> set[str]:
    """The `steps.x` and `vars.x` a text mentions outside quotes; a quick look, before anything is checked."""
    return {f"{root}.{name}" for root, name in _NAME.findall(_QUOTED.sub("''", text))}


def texts_in(value: Any) -> list[str]:
    """Every text in a config."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for part in parts for text in texts_in(part)]


@dataclass(slots=True)
class Expressions:
    """The expressions of one workflow, checked one after another in the order in which steps can run.

    names: what every expression may use, by qualified name; steps are added with what they give.
    roots: those of them that are no step's and no variable's.
    values: the variables that have a value; a template that holds nothing else is filled in here and now.
    """

    engine: ExpressionEngine
    names: dict[str, Schema]
    values: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)
    roots: Mapping[str, Schema] = field(init=False)

    def __post_init__(self) -> None:
        self.roots = {name: schema for name, schema in self.names.items() if "." not in name}

    def check(self, path: str, text: str, local: Mapping[str, Schema], offset: int = 0) -> Checked | None:
        """What the expression gives, or None after its mistakes were added to the problems.

        offset: where it starts in the text that stands at `path`.
        """
        # A scope of what is mentioned costs what is mentioned; the whole one is for naming what was meant instead.
        mentioned = {name: self.names[name] for name in names_in(text) if name in self.names}
        found = self.engine.check(text, Scope({**self.roots, **mentioned, **local}))
        if isinstance(found, Checked):
            return found
        found = self.engine.check(text, Scope({**self.names, **local}))
        assert not isinstance(found, Checked), "a wider scope makes no sense of what a narrower one could not"
        self.problems.extend(_problem(path, mistake, text, offset) for mistake in found)
        return None

    def boolean(self, path: str, text: str, local: Mapping[str, Schema]) -> Checked | None:
        """As `check`, for a text that has to be true or false."""
        found = self.check(path, text, local)
        if found is not None and found.result and found.result.get("type") != "boolean":
            message = f"A condition is true or false; this gives {found.result.get('type', 'something else')}."
            self.problems.append(error(path, "CONDITION_NOT_BOOLEAN", message, "Compare it: size(...) > 0, x == y."))
        return found

    def fill(self, path: str, value: Any, local: Mapping[str, Schema], references: set[tuple[str, ...]]) -> Any:
        """A config value with each computed part as a `Hole` and known variables filled in."""
        if isinstance(value, str):
            return self._fill_text(path, value, local, references)
        if isinstance(value, Mapping):
            return {key: self.fill(f"{path}.{key}", part, local, references) for key, part in value.items()}
        if isinstance(value, list):
            return [self.fill(f"{path}[{at}]", part, local, references) for at, part in enumerate(value)]
        return value

    def _fill_text(self, path: str, text: str, local: Mapping[str, Schema], references: set[tuple[str, ...]]) -> Any:
        if "{{" not in text:
            return text
        template = parse(text)
        self.problems.extend(_problem(path, mistake, text, 0) for mistake in template.mistakes)
        results: list[Schema] = []
        for part in template.holes:
            checked = self.check(path, part.text, local, part.position)
            references.update(checked.references if checked else ())
            results.append(checked.result if checked else ANYTHING)
        if template.mistakes:
            return Hole(text, ANYTHING)
        known = self._values_of(template)
        if known is not None:
            return render(template.parts, known)
        return Hole(text, results[0] if template.is_value else {"type": "string"})

    def _values_of(self, template: Template) -> list[Any] | None:
        """What its holes hold, where they name nothing but variables whose values are known."""
        found = [_VARIABLE.fullmatch(part.text) for part in template.holes]
        if not all(match and self.values.get(match[1]) is not None for match in found):
            return None
        return [self.values[match[1]] for match in found if match]


def _problem(path: str, mistake: Mistake, text: str, offset: int) -> Problem:
    at = f"at character {mistake.position + offset + 1}" if mistake.position >= 0 else "somewhere"
    fix = mistake.fix or (f"Did you mean {mistake.nearest[0]}?" if mistake.nearest else "See the names you may use.")
    return error(path, mistake.code, f"{mistake.message} ({at} of {text[:80]!r})", fix)


def schema_of_value(value: Any) -> Schema:
    """What is known of a config value: of a hole what it gives, of a written value its type and itself as `const`."""
    if isinstance(value, Hole):
        return value.schema
    if isinstance(value, Mapping):
        properties = {key: schema_of_value(part) for key, part in value.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    if isinstance(value, list):
        kinds_found = [_of_any_value(schema_of_value(part)) for part in value]
        items = kinds_found[0] if value and all(one == kinds_found[0] for one in kinds_found) else ANYTHING
        return {"type": "array", "items": items, **({} if has_hole(value) else {"const": value})}
    kinds: Sequence[tuple[type, str]] = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    return next(({"type": name, "const": value} for kind, name in kinds if isinstance(value, kind)), ANYTHING)


def _of_any_value(schema: Schema) -> Schema:
    """The schema without the values it was made from: what the items of a list have in common."""
    kept = {key: inner for key, inner in schema.items() if key != "const"}
    if "properties" in kept:
        kept["properties"] = {name: _of_any_value(inner) for name, inner in kept["properties"].items()}
    return kept
