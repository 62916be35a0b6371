"""Texts of a config with `{{ CEL }}` in them: finding the holes, and putting values in.

Only what a workflow's author wrote is parsed. Values are put in and never looked at again, so `{{ }}` in a record's
text comes out as it went in. A text that is exactly one hole gives the value itself, of whatever type. A literal `{{`
is written `{{ "{{" }}`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.functions import text_of
from construction_mcp.expressions.lexing import end_of_hole
from construction_mcp.expressions.port import Mistake

_OPEN, _CLOSE = "{{", "}}"


class Hole(NamedTuple):
    """An expression inside a text; `position` is where it begins there, in characters from 0."""

    text: str
    position: int


Part = str | Hole


class Template(NamedTuple):
    """A text in parts, and what is wrong with it as a template."""

    parts: tuple[Part, ...]
    mistakes: tuple[Mistake, ...] = ()

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(part for part in self.parts if isinstance(part, Hole))

    @property
    def is_value(self) -> bool:
        """Exactly one hole and nothing around it: the value keeps its type."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Hole)


def parse(text: str) -> Template:
    """The parts of a text. One that is broken off has a mistake and its rest as a literal."""
    parts: list[Part] = []
    mistakes: list[Mistake] = []
    at = 0
    while (start := text.find(_OPEN, at)) >= 0:
        if start > at:
            parts.append(text[at:start])
        inside = start + len(_OPEN)
        end = end_of_hole(text, inside)
        if end < 0:
            mistakes.append(_not_closed(start))
            parts.append(text[start:])
            return Template(tuple(parts), tuple(mistakes))
        parts.append(_hole(text, inside, end))
        at = end + len(_CLOSE)
    if at < len(text) or not parts:
        parts.append(text[at:])
    return Template(tuple(parts), tuple(mistakes))


def _hole(text: str, start: int, end: int) -> Hole:
    """Without the space around it."""
    written = text[start:end]
    return Hole(written.strip(), start + len(written) - len(written.lstrip()))


def _not_closed(position: int) -> Mistake:
    message = "A {{ is not closed."
    fix = 'Add }} after the expression, and close its quotes; a literal {{ is written {{ "{{" }}.'
    return Mistake("EXPRESSION_SYNTAX", position, message, _OPEN, (), fix)


def render(parts: Sequence[Part], values: Sequence[Any]) -> Any:
    """The parts with a value for each hole, in their order. One hole alone gives its value as it is."""
    if len(parts) == 1 and isinstance(parts[0], Hole):
        return values[0]
    given = iter(values)
    return "".join(part if isinstance(part, str) else text_of(next(given)) for part in parts)


async def fill(value: Any, evaluate: Callable[[str], Awaitable[Any]]) -> Any:
    """A config with every template in it filled in; `evaluate` gives the value of one expression.

    Raises:
        Invalid: VALIDATION_INVALID for a broken template, and whatever `evaluate` raises.
    """
    if isinstance(value, str):
        return await _filled(value, evaluate) if _OPEN in value else value
    if isinstance(value, Mapping):
        return {key: await fill(inner, evaluate) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [await fill(inner, evaluate) for inner in value]
    return value


async def _filled(text: str, evaluate: Callable[[str], Awaitable[Any]]) -> Any:
    template = parse(text)
    if template.mistakes:
        raise Invalid(template.mistakes[0].message, hint=template.mistakes[0].fix)
    return render(template.parts, [await evaluate(hole.text) for hole in template.holes])
