"""One action, understood: what it reads, what it gives, and what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from construction_mcp.actions.action import ActionType, ActionTypes, Cel, cel_fields
from construction_mcp.actions.hole import Hole, may_stand, words_for
from construction_mcp.actions.shapes import element
from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.port import ANYTHING, Schema
from construction_mcp.workflow.checking import Expressions, schema_of_value
from construction_mcp.workflow.configs import config_problems
from construction_mcp.workflow.definition import Action
from construction_mcp.workflow.problems import Problem, error

_TOOL = re.compile(r"(list|get|create|update|reply_to|close|add)_procore_(\w+)")
FAN_ITEMS_MAX = 100  # of a for_each that names no max_items
FAN_CONCURRENCY = 5


@dataclass  # not slots: what is written, and does, is worked out once
class Step:
    """What became of an action. `config` has a `Hole` for each computed part and known variables filled in.

    judged: its condition makes sense, so that it may be asked what it depends on.
    """

    action: Action
    kind: ActionType | None
    config: Mapping[str, Any] = field(default_factory=dict)
    output: Schema = field(default_factory=dict)
    references: set[tuple[str, ...]] = field(default_factory=set)
    condition: set[tuple[str, ...]] = field(default_factory=set)
    judged: bool = False

    @property
    def key(self) -> str:
        return self.action.key

    @cached_property
    def effect(self) -> str:
        return self.kind.effect_of(self.written) if self.kind else "pure"

    @cached_property
    def written(self) -> Mapping[str, Any]:
        """The config with known variables filled in and every other computed part as it was written."""
        return {name: _as_written(value) for name, value in self.config.items()}

    @property
    def times(self) -> int:
        """How often it runs at most in one execution."""
        fan = self.action.for_each
        return 1 if fan is None else fan.max_items or FAN_ITEMS_MAX


def understand(action: Action, types: ActionTypes, expressions: Expressions, problems: list[Problem]) -> Step:
    """The step of one action; what is wrong with it is added to the problems."""
    path = f"actions.{action.key}"
    step = Step(action, types.get(action.type))
    if step.kind is None:
        problems.append(_unknown_type(path, action.type, types))
    local = _fan(path, step, expressions)
    if action.condition is not None:
        # A condition is decided once for the action, before any item is looked at.
        checked = expressions.boolean(f"{path}.condition", action.condition, {})
        step.condition = set(checked.references) if checked else set()
        step.judged = checked is not None
        step.references |= step.condition
    step.config = _config(path, step, expressions, local, problems)
    given = _output(step)
    step.output = given if action.for_each is None else _of_each(given)
    return step


def _of_each(given: Schema) -> Schema:
    results = {"type": "array", "items": {"anyOf": [given, {"type": "null"}]}} if given else {"type": "array"}
    return {"type": "object", "properties": {"results": results}, "additionalProperties": False}


def _unknown_type(path: str, name: str, types: ActionTypes) -> Problem:
    known = types.names()
    tool = _TOOL.fullmatch(name)  # of ours: people and models know those first
    own = [f"procore.{noun}.{tool[1]}" for noun in (tool[2], tool[2].removesuffix("s"))] if tool else []
    near = [one for one in own if one in known] or nearest(name, known)
    fix = f"Did you mean {near[0]}?" if near else "construction://schemas/actions lists every type."
    return error(f"{path}.type", "ACTION_TYPE_UNKNOWN", f"There is no action type {name!r}.", fix)


def _fan(path: str, step: Step, expressions: Expressions) -> dict[str, Schema]:
    """The names that stand for one item inside a for_each."""
    fan = step.action.for_each
    if fan is None:
        return {}
    text = fan.items.strip()
    if text.startswith("{{") and text.endswith("}}"):  # written as in a config; it means the same
        text = text[2:-2]
    checked = expressions.check(f"{path}.for_each.items", text, {})
    item: Schema = ANYTHING
    if checked is not None:
        step.references.update(checked.references)
        if not may_stand(checked.result, {"type": "array"}, {}):
            message = f"for_each needs a list; this gives {words_for(checked.result, {})}."
            inside = f"{text.strip()}.items" if "items" in checked.result.get("properties", {}) else ""
            fix = f"Write {inside}." if inside else "Name a list, as steps.x.output.items."
            expressions.problems.append(error(f"{path}.for_each.items", "FOR_EACH_NOT_A_LIST", message, fix))
        item = element(checked.result)
    return {fan.as_ or "item": item, "index": {"type": "integer"}}


def _config(
    path: str, step: Step, expressions: Expressions, local: Mapping[str, Schema], problems: list[Problem]
) -> Mapping[str, Any]:
    raw = {name: value for name, value in (step.action.config or {}).items() if "{{" not in name}
    expressions.keys(f"{path}.config", step.action.config or {})
    marked = {} if step.kind is None else cel_fields(step.kind.config)
    filled: dict[str, Any] = {}
    for name, value in raw.items():
        place = f"{path}.config.{name}"
        if name not in marked:
            filled[name] = expressions.fill(place, value, local, step.references)
    for name, cel in marked.items():
        if name in raw:
            item = element(schema_of_value(filled.get(cel.item_of))) if cel.item_of else ANYTHING
            scope = {**local, "item": item} if cel.item_of else local
            filled[name] = _expressions(f"{path}.config.{name}", raw[name], cel, scope, step, expressions)
    filled = {name: filled[name] for name in raw}
    if step.kind is not None:
        found = dict(config_problems(f"{path}.config", step.kind, filled))
        problems.extend(found.values())
        # What is wrong at the top says nothing about the type it would have.
        return {name: Hole(str(raw[name]), ANYTHING) if name in found else filled[name] for name in raw}
    return filled


def _expressions(
    path: str, value: Any, cel: Cel, scope: Mapping[str, Schema], step: Step, expressions: Expressions
) -> Any:
    """A `Hole` for an expression, or a mapping of them; anything else is left for the config's own check."""
    if isinstance(value, Mapping):
        return {
            name: _expressions(f"{path}.{name}", part, cel, scope, step, expressions) for name, part in value.items()
        }
    if not isinstance(value, str):
        return value
    check = expressions.boolean if cel.gives == "boolean" else expressions.whole
    checked = check(path, value, scope)
    if checked is not None:
        step.references.update(checked.references)
    return Hole(value, checked.result if checked else ANYTHING)


def _output(step: Step) -> Schema:
    if step.kind is None:
        return ANYTHING
    if not callable(step.kind.output):
        return step.kind.output
    return step.kind.output({name: schema_of_value(value) for name, value in step.config.items()})


def _as_written(value: Any) -> Any:
    if isinstance(value, Hole):
        return value.text
    if isinstance(value, Mapping):
        return {key: _as_written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_written(part) for part in value]
    return value
