"""Arguments against the input schema, before any code runs. jsonschema-rs judges, this file says it in words."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import depth_of
from construction_mcp.core.nearest import nearest
from construction_mcp.registry.manifest import ToolEntry

_PROBLEMS_MAX = 20
_PLACE_CHARS_MAX = 200  # names come from the caller too: an error echoes no megabytes
_INTEGER_MAX = 2**63 - 1  # what SQLite and Procore can hold


class ArgumentCheck:
    """The compiled schema of one tool."""

    def __init__(self, tool: ToolEntry, depth_max: int) -> None:
        self._tool = tool
        self._depth_max = depth_max
        self._properties: Mapping[str, Any] = tool.input_schema["properties"]
        self._optional = self._properties.keys() - set(tool.input_schema.get("required", ()))
        self._validator = jsonschema_rs.validator_for(dict(tool.input_schema))

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the tool gets them: a null for an optional one means it was not given.

        Raises:
            Invalid: VALIDATION_* naming the field, what was expected and the nearest name.
        """
        given = {k: v for k, v in arguments.items() if v is not None or k not in self._optional}
        if depth_of(given, self._depth_max + 1) > self._depth_max:
            raise Invalid(f"Arguments are nested deeper than {self._depth_max} levels.", code="VALIDATION_TOO_LARGE")
        _refuse_unstorable(given)
        if not self._validator.is_valid(given):
            raise self._problem(given)
        return {name: int(value) if self._is_whole(name, value) else value for name, value in given.items()}

    def _is_whole(self, name: str, value: Any) -> bool:
        """JSON Schema counts 5.0 as an integer; a path or a statement built from it would not."""
        return isinstance(value, float) and self._properties[name].get("type") == "integer"

    def _problem(self, given: Mapping[str, Any]) -> Invalid:
        unknown = [name for name in given if name not in self._properties]
        if unknown:
            return self._unknown(unknown[0])
        missing = [name for name in self._tool.input_schema.get("required", ()) if name not in given]
        if missing:
            return Invalid(
                f"{self._tool.name} needs {' and '.join(missing)}.",
                code="VALIDATION_MISSING_FIELD",
                details={"field": missing[0], "missing": missing, "expected": self._properties[missing[0]]},
            )
        return self._wrong_value(given)

    def _unknown(self, name: str) -> Invalid:
        near = nearest(name, self._properties)
        return Invalid(
            f"{self._tool.name} has no argument {name[:100]!r}.",
            code="VALIDATION_UNKNOWN_FIELD",
            hint=f"Did you mean {near[0]}?" if near else f"It takes {', '.join(self._properties) or 'no arguments'}.",
            details={"field": name[:100], "nearest": near, "known": list(self._properties)},
        )

    def _wrong_value(self, given: Mapping[str, Any]) -> Invalid:
        problems = []
        for error in self._validator.iter_errors(given):
            place = ".".join(map(str, error.instance_path))[:_PLACE_CHARS_MAX] or "arguments"
            problems.append({"field": place, "problem": _words(error)})
            if len(problems) == _PROBLEMS_MAX:
                break
        first = problems[0]
        expected = self._properties.get(first["field"].partition(".")[0])
        return Invalid(
            f"{first['field']}: {first['problem']}.",
            details={"field": first["field"], "problems": problems, "expected": expected},
        )


def _words(error: jsonschema_rs.ValidationError) -> str:
    """The message without the value: hostile or huge input is not echoed, `is not of type "integer"` stays."""
    message: str = error.message
    for marker in (" is not ", " is shorter", " is longer", " is less", " is greater", " does not", " has ", " were "):
        before, found, after = message.partition(marker)
        if found and len(before) > 40:
            return f"the value{found}{after}"[:300]
    return message[:300]


def _refuse_unstorable(arguments: Mapping[str, Any]) -> None:
    """Refuse what JSON admits and nothing behind us does: NUL characters, lone surrogates, numbers beyond 64 bits."""
    pending: list[tuple[str, Any]] = [(name[:_PLACE_CHARS_MAX], value) for name, value in arguments.items()]
    while pending:
        place, value = pending.pop()
        if isinstance(value, str):
            if "\x00" in value:
                raise Invalid(f"{place}: text must not contain NUL characters.", details={"field": place})
            if not value.isascii() and _has_surrogate(value):
                raise Invalid(f"{place}: text must be valid Unicode.", details={"field": place})
        elif isinstance(value, int | float) and not -_INTEGER_MAX <= value <= _INTEGER_MAX:
            raise Invalid(f"{place}: the number is out of range.", details={"field": place})
        elif isinstance(value, dict):
            pending += [(place, key) for key in value] + [
                (f"{place}.{key}"[:_PLACE_CHARS_MAX], one) for key, one in value.items()
            ]
        elif isinstance(value, list):
            pending += [(place, one) for one in value]


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
