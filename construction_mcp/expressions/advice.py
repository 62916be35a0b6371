"""What to write instead: the words people and models bring along from other languages, and how our functions go."""

import re
from collections.abc import Callable, Mapping, Sequence

from construction_mcp.expressions.functions import FUNCTIONS
from construction_mcp.expressions.lexing import LOOPS

OWN = (
    *("size", "has", "int", "double", "string", "bool", "timestamp", "duration", "type", "matches", "contains"),
    *("startsWith", "endsWith"),
)
METHODS = (
    *("startsWith", "endsWith", "contains", "matches", "size", "getFullYear", "getMonth", "getDate", "getDayOfMonth"),
    *("getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", *sorted(LOOPS)),
)
ALIASES: Mapping[str, str] = {
    "len": "size",
    "length": "size",
    "count": "size",
    "coalesce": "default",
    "any": "exists",
    "some": "exists",
    "every": "all",
    "find": "filter",
    "where": "filter",
    "select": "map",
    "str": "string",
    "toString": "string",
    "float": "number",
    "mean": "avg",
    "average": "avg",
    "parseDate": "date",
    "includes": "contains",
}
NULLS: Mapping[str, str] = {
    "None": "null",
    "nil": "null",
    "undefined": "null",
    "NULL": "null",
    "True": "true",
    "False": "false",
}
INSTEAD: Mapping[str, str] = {
    "and": "Write && for and.",
    "or": "Write || for or.",
    "not": "Write ! for not.",
    "=": "Write == to compare.",
    "&": "Write && for and.",
    "|": "Write || for or; there are no filters with |, functions are called: date(x).",
    "?": "Write condition ? yes : no; default(x, y) gives y where x is null.",
    "if": "Write condition ? yes : no.",
    "$": "Write the name without $.",
    "@": "Write the name without @.",
    ";": "An expression is one value: remove the semicolon.",
    **dict.fromkeys("\u201c\u201d\u2018\u2019", 'Use plain quotes: "text".'),
}
OPERATORS: Mapping[str, str] = {"@in": "in", "_[_]": "[ ]", "_?_:_": "? :", "!_": "!", "-_": "-"}
KINDS: Mapping[str, str] = {
    "int": "a whole number",
    "uint": "a whole number",
    "double": "a decimal number",
    "string": "a text",
    "bool": "true or false",
    "null_type": "null",
    "dyn": "anything",
    "bytes": "bytes",
    "google.protobuf.Timestamp": "a moment",
    "timestamp": "a moment",
    "google.protobuf.Duration": "a duration",
    "duration": "a duration",
}
_LOGICAL = ("_&&_", "_||_", "!_", "_?_:_")
_ORDER = ("_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_")
_MOMENTS = frozenset({"google.protobuf.Timestamp", "timestamp"})
_NUMBERS = frozenset({"int", "double"})

Applies = Callable[[str, frozenset[str]], bool]
_TYPE_FIXES: Sequence[tuple[Applies, str]] = (
    (lambda name, _: name in _LOGICAL, "Use conditions that are true or false, such as x > 3 or x != null."),
    (
        lambda _, kinds: kinds == _NUMBERS,
        "Use the same kind of number on both sides: 2.0 instead of 2, or double(x).",
    ),
    (
        lambda _, kinds: "string" in kinds and bool(kinds & _MOMENTS),
        "Make both sides dates, date(x), or both moments, timestamp(x).",
    ),
    (
        lambda name, kinds: name.startswith("_") and "string" in kinds and bool(kinds & _NUMBERS),
        "Make both sides the same: number(x) for a number, string(x) for a text; for dates days_between(first, last).",
    ),
    (lambda name, kinds: name == "_-_" and kinds == {"string"}, "Dates are text here: days_between(first, last)."),
    (
        lambda name, kinds: name in _ORDER[:4] and "null_type" in kinds,
        "Null is neither more nor less: x != null asks whether there is a value.",
    ),
    (
        lambda name, kinds: name in _ORDER and "null_type" in kinds,
        "Only values that may be null can be compared with null; this one is always there.",
    ),
    (
        lambda name, _: name in ("size", "@in"),
        "Use a list, an object or a text: for a list step, steps.<key>.output.items.",
    ),
    (lambda name, _: name == "_[_]", "Lists take a whole number, [0]; objects a text, ['key']."),
)


def type_fix(function: str, types: Sequence[str]) -> str:
    """For a function or operator that does not take these types."""
    if function in FUNCTIONS:
        return f"Write {FUNCTIONS[function].usage}."
    kinds = frozenset(re.sub(r"^wrapper\((.*)\)$", r"\1", kind) for kind in types)
    fixes = (fix for applies, fix in _TYPE_FIXES if applies(function, kinds))
    return next(fixes, "Use values of one kind on both sides.")


def usage(name: str) -> str:
    """How a function is called."""
    if name in FUNCTIONS:
        return FUNCTIONS[name].usage
    if name in LOOPS:
        return f"list.{name}(r, ...), with a name for the element"
    if name == "has":
        return "has(x.field)"
    return f"{name}(x)" if (name in OWN and name not in METHODS) or name == "size" else f"text.{name}(...)"
