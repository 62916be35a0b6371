"""One action, understood: what it reads, what it gives, and what is wrong with it."""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Any, NamedTuple

from construction_mcp.actions.action import ActionType, ActionTypes, Cel, cel_fields
from construction_mcp.actions.hole import Hole, may_stand, words_for
from construction_mcp.actions.shapes import element
from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.port import ANYTHING, Checked, Schema
from construction_mcp.workflow.checking import Expressions, schema_of_value
from construction_mcp.workflow.configs import config_problems
from construction_mcp.workflow.definition import Action
from construction_mcp.workflow.problems import Problem, error

_TOOL = re.compile(r"(list|get|create|update|reply_to|close|add)_procore_(\w+)")
FAN_ITEMS_MAX = 100  # of a for_each that names no max_items
FAN_CONCURRENCY = 5


class Step(NamedTuple):
    """What became of an action. `config` has a `Hole` for each computed part and known variables filled in.

    written: as `config`, with every other computed part as it was written; effect: what that does.
    judged: its condition makes sense, so that it may be asked what it depends on.
    """

    action: Action
    kind: ActionType | None
    written: Mapping[str, Any]
    effect: str
    output: Schema
    references: Set[tuple[str, ...]]
    condition: Set[tuple[str, ...]]
    judged: bool

    @property
    def key(self) -> str:
        return self.action.key

    @property
    def times(self) -> int:
        """How often it runs at most in one execution."""
        fan = self.action.for_each
        return 1 if fan is None else fan.max_items or FAN_ITEMS_MAX


def understand(action: Action, types: ActionTypes, expressions: Expressions) -> Step:
    """The step of one action; what is wrong with it is added to the problems."""
    path = f"actions.{action.key}"
    kind = types.get(action.type)
    if kind is None:
        expressions.problems.append(_unknown_type(path, action.type, types))
    references: set[tuple[str, ...]] = set()
    local = _fan(path, action, references, expressions)
    condition: Checked | None = None
    if action.condition is not None:
        # A condition is decided once for the action, before any item is looked at.
        condition = expressions.boolean(f"{path}.condition", action.condition, {})
        references.update(condition.references if condition else ())
    config = _config(f"{path}.config", action, kind, local, references, expressions)
    written = {name: _as_written(value) for name, value in config.items()}
    given = _output(kind, config)
    return Step(
        action=action,
        kind=kind,
        written=written,
        effect=kind.effect_of(written) if kind else "pure",
        output=given if action.for_each is None else _of_each(given),
        references=references,
        condition=frozenset(condition.references) if condition else frozenset(),
        judged=condition is not None,
    )


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


def _fan(path: str, action: Action, references: set[tuple[str, ...]], expressions: Expressions) -> Mapping[str, Schema]:
    """The names that stand for one item inside a for_each."""
    fan = action.for_each
    if fan is None:
        return {}
    text = fan.items.strip()
    if text.startswith("{{") and text.endswith("}}"):  # written as in a config; it means the same
        text = text[2:-2]
    checked = expressions.check(f"{path}.for_each.items", text, {})
    item: Schema = ANYTHING
    if checked is not None:
        references.update(checked.references)
        if not may_stand(checked.result, {"type": "array"}, {}):
            message = f"for_each needs a list; this gives {words_for(checked.result, {})}."
            inside = f"{text.strip()}.items" if "items" in checked.result.get("properties", {}) else ""
            fix = f"Write {inside}." if inside else "Name a list, as steps.x.output.items."
            expressions.problems.append(error(f"{path}.for_each.items", "FOR_EACH_NOT_A_LIST", message, fix))
        item = element(checked.result)
    return {fan.as_ or "item": item, "index": {"type": "integer"}}


def _config(
    path: str,
    action: Action,
    kind: ActionType | None,
    local: Mapping[str, Schema],
    references: set[tuple[str, ...]],
    expressions: Expressions,
) -> Mapping[str, Any]:
    """The config with a `Hole` for each computed part; what is wrong with it is added to the problems."""
    raw = expressions.named(path, action.config or {})
    marked = {} if kind is None else cel_fields(kind.config)
    filled: dict[str, Any] = dict.fromkeys(raw)  # in the order they were written
    for name, value in raw.items():
        if name not in marked:
            filled[name] = expressions.fill(f"{path}.{name}", value, local, references)
    for name, cel in marked.items():
        if name in raw:
            item = element(schema_of_value(filled.get(cel.item_of))) if cel.item_of else ANYTHING
            scope = {**local, "item": item} if cel.item_of else local
            filled[name] = _expressions(f"{path}.{name}", raw[name], cel, scope, references, expressions)
    found = {} if kind is None else config_problems(path, kind, filled)
    expressions.problems.extend(found.values())
    # What is wrong at the top says nothing about the type it would have.
    return filled | {name: Hole(str(raw[name]), ANYTHING) for name in found if name in raw} if found else filled


def _expressions(
    path: str,
    value: Any,
    cel: Cel,
    scope: Mapping[str, Schema],
    references: set[tuple[str, ...]],
    expressions: Expressions,
) -> Any:
    """A `Hole` for an expression, or a mapping of them; anything else is left for the config's own check."""
    if isinstance(value, Mapping):
        return {
            name: _expressions(f"{path}.{name}", part, cel, scope, references, expressions)
            for name, part in value.items()
        }
    if not isinstance(value, str):
        return value
    check = expressions.boolean if cel.gives == "boolean" else expressions.whole
    checked = check(path, value, scope)
    if checked is not None:
        references.update(checked.references)
    return Hole(value, checked.result if checked else ANYTHING)


class _Schemas(Mapping[str, Schema]):
    """The schemas of a config's values. Most outputs ask for none of them, so each is worked out when asked for."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def __getitem__(self, name: str) -> Schema:
        return schema_of_value(self._config[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)


def _output(kind: ActionType | None, config: Mapping[str, Any]) -> Schema:
    if kind is None:
        return ANYTHING
    return kind.output(_Schemas(config)) if callable(kind.output) else kind.output


def _as_written(value: Any) -> Any:
    if isinstance(value, Hole):
        return value.text
    if isinstance(value, dict):
        return {key: _as_written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_written(part) for part in value]
    return value
