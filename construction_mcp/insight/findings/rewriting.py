"""A definition with one thing in it corrected by what was met: pure, and only where the correction is spelt out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.definition import Action, Definition

_EQUAL = re.compile(r"(?P<path>[A-Za-z_][\w.]*(?:\[\d+\])*)\s*==\s*(?P<quote>['\"])(?P<said>[^'\"]*)(?P=quote)")
_READ = re.compile(r"\bevent((?:\.[A-Za-z_]\w*)+)")


def action_of(definition: Definition | None, key: str) -> Action | None:
    """The action by its key."""
    return next((one for one in (definition and definition.actions) or () if one.key == key), None)


def with_action(definition: Definition, key: str, written: Mapping[str, Any]) -> Definition:
    """The definition with another action in that one's place."""
    new = Action.model_validate(written)
    actions = [new if one.key == key else one for one in definition.actions or ()]
    return definition.model_copy(update={"actions": actions})


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Every text in a written document, changed."""
    if isinstance(value, Mapping):
        return {name: mapped(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [mapped(part, change) for part in value]
    return change(value) if isinstance(value, str) else value


def with_default(written: Mapping[str, Any], expression: str, otherwise: str) -> Mapping[str, Any]:
    """The action with `default(expression, otherwise)` in each hole that holds the expression."""
    hole = re.compile(r"\{\{\s*" + re.escape(expression) + r"\s*\}\}")
    return mapped(written, lambda said: hole.sub(f"{{{{ default({expression}, {otherwise}) }}}}", said))  # type: ignore[no-any-return]  # a mapping stays one


def with_equals_corrected(expression: str, seen: Callable[[str], Iterable[Any]]) -> str:
    """The expression with each text that nothing was ever equal to replaced by the nearest that was there."""

    def correct(hit: "re.Match[str]") -> str:
        there = [one for one in dict.fromkeys(seen(hit["path"])) if isinstance(one, str)]
        near = nearest(hit["said"], there, 1)
        if hit["said"] in there or not near:
            return hit[0]
        return hit[0].replace(f"{hit['quote']}{hit['said']}{hit['quote']}", f"{hit['quote']}{near[0]}{hit['quote']}")

    return _EQUAL.sub(correct, expression)


def with_guards(expression: str, events: Sequence[Mapping[str, Any]]) -> str:
    """The filter, asked only of events that have what it reads: `has(event.a) && has(event.a.b) && (...)`."""
    absent = [path for path in dict.fromkeys(_READ.findall(expression)) if any(_lacks(one, path) for one in events)]
    guards: list[str] = []
    for path in absent:
        parts = path.strip(".").split(".")
        guards += [f"has(event.{'.'.join(parts[: at + 1])})" for at in range(len(parts))]
    return " && ".join([*dict.fromkeys(guards), f"({expression})"]) if guards else expression


def at(value: Any, path: str) -> Any:
    """What stands at `.a.b`; None where nothing does."""
    for part in path.strip(".").split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _lacks(event: Mapping[str, Any], path: str) -> bool:
    return at(event, path) is None
