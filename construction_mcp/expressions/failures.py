"""What went wrong when an expression ran, in words for the person whose workflow it is."""

import re
from collections.abc import Sequence
from typing import Any

from construction_mcp.core.errors import Invalid

FAILED = "EXECUTION_EXPRESSION_FAILED"
MET_NULL = "EXECUTION_EXPRESSION_NULL"
_STATUS = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$")
_OPERATORS = {"_&&_": "&&", "_||_": "||", "!_": "!", "-_": "-", "@in": "in", "_[_]": "[ ]", "_?_:_": "? :"}
_KINDS = {"int64": "a whole number", "double": "a decimal number", "string": "a text", "bool": "true or false"}
_KINDS |= {"null_type": "null", "list": "a list", "map": "an object", "uint64": "a whole number"}
_KINDS |= {"timestamp": "a moment", "google.protobuf.Timestamp": "a moment", "duration": "a duration"}
_UNTYPED = ("_&&_", "_||_", "@in", "_[_]", "<jump_condition>", "!_")


def failed(text: str, error: str, seen: Sequence[tuple[tuple[str, ...], Any]]) -> Invalid:
    """The failure of one evaluation, with the values it saw, `{"steps.a.output.total": null}`.

    EXECUTION_EXPRESSION_NULL where the reason is that an operand was null, so that a filter can leave the item out.
    """
    nulls = [".".join(path) for path, value in seen if value is None]
    reason = said(error)
    return Invalid(
        f"The expression failed: {reason}.",
        code=MET_NULL if nulls and _is_about_null(error) else FAILED,
        hint=_hint(error),
        details={"expression": text, "seen": {".".join(path): value for path, value in seen}},
    )


def _is_about_null(error: str) -> bool:
    if "null_type" in error or "Applying SELECT to non-message type" in error:
        return True
    return "No matching overloads found" in error and error.rpartition(" : ")[2].strip() in _UNTYPED


_SAID: Sequence[tuple[str, str]] = (
    (r'Key not found in map : "?(.*?)"?$', "there is no {0!r}"),
    (r"Index error: index=(-?\d+) size=(\d+)", "there is no item {0} in a list of {1}"),
    (r"No value with name \"(.*?)\" found", "there is no {0!r}"),
    (
        r"Applying SELECT to non-message type",
        "a field was read of something that is no object (null, a text, a number or a list)",
    ),
    (r"^result: (.*)", "its result is {0}"),
    (r"construction from null|surrogate", "it met a text that is not valid Unicode"),
    (r"Integer value", "it met a whole number beyond 64 bits"),
    (r"ERROR: <input>", "it is no valid expression"),
    (r"budget exceeded", "it walks more than it may"),
)


def said(error: str) -> str:
    """CEL's runtime error in plain words; its own sentence where there are none."""
    error = _STATUS.sub("", error.strip()).partition("\n")[0].strip()
    if found := re.search(r"No matching overloads found : ([^\s(]+)(?:\((.*)\))?", error):
        return _mismatch(found.group(1), found.group(2))
    for pattern, words in _SAID:
        if found := re.search(pattern, error):
            return words.format(*found.groups())
    return error.rstrip(".")[:200] or "it gave no value"


def _mismatch(function: str, kinds: str | None) -> str:
    if function == "<jump_condition>":
        return "the condition of ? : is not true or false"
    name = _OPERATORS.get(function, function.strip("_"))
    if kinds is None:
        return f"{name} does not work with these values"
    words = " and ".join(_KINDS.get(kind.strip(), kind.strip()) for kind in kinds.split(","))
    return f"{name} does not work with {words}"


def _hint(error: str) -> str | None:
    if "double" in error and "int64" in error:
        return "CEL computes with decimals or with whole numbers, not with both: number(x) * 2.0."
    if _is_about_null(error):
        return "Say what to use instead of null: default(x, 0); or test it first: x != null && x > 3."
    if "Key not found" in error:
        return "A value that may be absent is read with default(x.y, null), or after has(x.y)."
    return None
