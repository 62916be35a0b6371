"""Values that YAML and Python hold and JSON does not, so that no plan could be written with them."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.problems import Problem, error


def unwritable(definition: Definition) -> Iterator[Problem]:
    """Numbers that are none, and halves of characters, wherever they stand."""
    if _can_be_written(definition):  # in C; the walk in Python is for naming the places
        return
    for name, value in definition.model_dump(by_alias=True, exclude_unset=True).items():
        if name == "actions":
            for action in value or ():
                yield from _below(f"actions.{action['key']}", action)
        else:
            yield from _below(name, value)


def _can_be_written(definition: Definition) -> bool:
    try:
        json.dumps(list(_unbounded(definition)), allow_nan=False, ensure_ascii=False, default=str).encode()
    except ValueError:
        return False
    return True


def _unbounded(definition: Definition) -> Iterator[Any]:
    """What may be any value, or a text of any length: where there is a bound, pydantic takes no such ones."""
    if definition.trigger is not None:
        yield definition.trigger.resources
    for name, variable in (definition.variables or {}).items():
        yield name, variable.value, variable.default
    for action in definition.actions or ():
        yield action.config, action.depends_on


def _below(path: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            shown = str(key).encode("ascii", "backslashreplace").decode()
            yield from _text(path, str(key))
            yield from _below(f"{path}.{shown}", part)
    elif isinstance(value, list | tuple):
        for at, part in enumerate(value):
            yield from _below(f"{path}[{at}]", part)
    elif isinstance(value, str):
        yield from _text(path, value)
    elif isinstance(value, float) and not math.isfinite(value):
        yield error(path, "VALUE_UNWRITABLE", f"{value} is no number that can be kept.", "Write a number, or null.")


def _text(path: str, text: str) -> Iterator[Problem]:
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        message = "A text holds half of a character (a lone surrogate)."
        yield error(path, "VALUE_UNWRITABLE", message, "Write the whole character, or remove it.")
