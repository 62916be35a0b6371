"""CEL's complaints as mistakes that a workflow's author understands: place, words, nearest names, what to write."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.functions import FUNCTIONS
from construction_mcp.expressions.lexing import LOOPS, Token, closing
from construction_mcp.expressions.port import Mistake, Scope
from construction_mcp.expressions.renaming import Renamed
from construction_mcp.expressions.types import Types

SYNTAX = "EXPRESSION_SYNTAX"
UNKNOWN_NAME = "EXPRESSION_UNKNOWN_NAME"
UNKNOWN_FUNCTION = "EXPRESSION_UNKNOWN_FUNCTION"
TYPE = "EXPRESSION_TYPE"
TOO_LONG = "EXPRESSION_TOO_LONG"

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?=\n \| |\nERROR: <input>| \[[A-Z_]+\]\Z|\Z)", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container")
_NO_FIELD = re.compile(r"undefined field '(.*)' not found in struct '(.*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(.*)' applied to '\((.*)\)'", re.DOTALL)
_NO_OPERAND = re.compile(r"expression of type '(.*)' cannot be the operand of a select")
_NO_RANGE = re.compile(r"expression of type '(.*)' cannot be the range of a comprehension")

_OWN = ("size", "has", "int", "double", "string", "bool", "timestamp", "duration", "type", "matches", "contains")
_METHODS = (
    *("startsWith", "endsWith", "contains", "matches", "size", "getFullYear", "getMonth", "getDate", "getDayOfMonth"),
    *("getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", *sorted(LOOPS)),
)
_ALIASES = {"len": "size", "length": "size", "count": "size", "coalesce": "default", "any": "exists", "some": "exists"}
_ALIASES |= {"every": "all", "find": "filter", "where": "filter", "select": "map", "str": "string", "float": "number"}
_ALIASES |= {"mean": "avg", "average": "avg", "toString": "string", "parseDate": "date", "includes": "contains"}
_INSTEAD = {
    "and": "Write && for and.",
    "or": "Write || for or.",
    "not": "Write ! for not.",
    "=": "Write == to compare.",
    "&": "Write && for and.",
    "|": "Write || for or; filters with | do not exist, functions are called: date(x).",
    "?": "Write condition ? yes : no; default(x, y) gives y where x is null.",
    "if": "Write condition ? yes : no.",
    "“": 'Use plain quotes: "text".',
    "”": 'Use plain quotes: "text".',
    "‘": 'Use plain quotes: "text".',
    "’": 'Use plain quotes: "text".',
    "{": "Write the expression without braces here; {{ }} belongs into texts only.",
    "$": "Write the name without $.",
    "@": "Write the name without @.",
    "%": "Write % between two whole numbers.",
    ";": "An expression is one value: remove the semicolon.",
}
_NULLS = {"None": "null", "nil": "null", "undefined": "null", "True": "true", "False": "false", "NULL": "null"}
_OPERATORS = {"@in": "in", "_[_]": "[ ]", "_?_:_": "? :", "!_": "!", "-_": "-"}
_LOGICAL = ("_&&_", "_||_", "!_", "_?_:_")
_ORDER = ("_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of the checker: where in the checked text, and its words."""

    place: int
    words: str


def mistakes_of(error: str, renamed: Renamed, scope: Scope, types: Types) -> list[Mistake]:
    """Every mistake in what the checker said, in the order of the text."""
    complaints = list(_complaints(error, renamed.text))
    hidden = _inside_unknown_loops(complaints, renamed)
    found: dict[tuple[str, int], Mistake] = {}
    for complaint in complaints:
        if complaint in hidden:
            continue
        mistake = Reader(renamed, scope, types).mistake(complaint)
        if mistake is not None:
            found.setdefault((mistake.code, mistake.position), mistake)
    mistakes = sorted(found.values(), key=lambda mistake: mistake.position)
    syntax = [mistake for mistake in mistakes if mistake.code == SYNTAX]
    return [*syntax[:1], *[one for one in mistakes if one.code != SYNTAX and not syntax]] or [_unreadable(renamed)]


def _unreadable(renamed: Renamed) -> Mistake:
    return Mistake(SYNTAX, 0, "This is not an expression.", renamed.original[:60], (), "Write a value in CEL.")


def _complaints(error: str, text: str) -> Iterator[Complaint]:
    lines = [0]
    lines += [at + 1 for at, sign in enumerate(text) if sign == "\n"]
    for found in _ERROR.finditer(error):
        line, column = int(found.group(1)), int(found.group(2))
        place = lines[min(line, len(lines)) - 1] + column - 1 if line > 0 else 0
        yield Complaint(place, found.group(3))


def _inside_unknown_loops(complaints: Sequence[Complaint], renamed: Renamed) -> list[Complaint]:
    """`items.fliter(r, r.open)` is one mistake: that `r` is unknown too follows from it."""
    unknown = [
        one for one in complaints if _UNDECLARED.search(one.words) and renamed.text[one.place : one.place + 1] == "("
    ]
    hidden: list[Complaint] = []
    for call in unknown:
        place = renamed.position(call.place)
        at = next((at for at, token in enumerate(renamed.tokens) if token.start == place), None)
        if at is None or at + 1 >= len(renamed.tokens) or renamed.tokens[at - 2 : at - 1] == []:
            continue
        variable = renamed.tokens[at + 1].text
        last = renamed.tokens[closing(renamed.tokens, at)].end
        for other in complaints:
            named = _UNDECLARED.search(other.words)
            inside = place < renamed.position(other.place) < last
            if inside and named is not None and named.group(1).partition(".")[0] == variable:
                hidden.append(other)
    return hidden


class Reader:
    """Reads one complaint against the text it is about."""

    def __init__(self, renamed: Renamed, scope: Scope, types: Types) -> None:
        self._renamed = renamed
        self._scope = scope
        self._types = types

    def mistake(self, complaint: Complaint) -> Mistake | None:
        """None for what only follows from another mistake."""
        words = complaint.words
        position = self._renamed.position(complaint.place)
        if found := _UNDECLARED.match(words):
            return self._undeclared(found.group(1), position)
        if found := _NO_FIELD.match(words):
            return self._no_field(found.group(1), found.group(2), position)
        if "*error*" in words:
            return None
        if found := _NO_OVERLOAD.match(words):
            return self._no_overload(found.group(1), found.group(2), position)
        if found := _NO_OPERAND.match(words):
            said = f"{self._said(found.group(1))} has no fields".capitalize()
            return Mistake(TYPE, position, f"{said}.", found.group(1), (), "Read fields of objects only.")
        if found := _NO_RANGE.match(words):
            said = f"{self._said(found.group(1))} cannot be walked".capitalize()
            fix = "Walk a list: for the output of a list step, its items."
            return Mistake(TYPE, position, f"{said}.", found.group(1), (), fix)
        return self._other(words, position)

    def _undeclared(self, name: str, position: int) -> Mistake:
        if self._renamed.original[position : position + 1] == "(":
            return self._no_function(name, position)
        chain = [token for token in self._renamed.tokens if token.kind == "name" and token.start <= position]
        first = name.split(".")[0]
        start = next((token.start for token in reversed(chain) if token.text == first), position)
        return unknown_name(name, start, self._scope)

    def _no_function(self, name: str, position: int) -> Mistake:
        before = [token for token in self._renamed.tokens if token.end <= position]
        start = before[-1].start if before else position
        is_method = len(before) > 1 and before[-2].text == "."
        known = _METHODS if is_method else (*FUNCTIONS, *_OWN)
        if name in FUNCTIONS and not is_method or name in (*_OWN, *_METHODS):
            usage = FUNCTIONS[name].usage if name in FUNCTIONS else _usage(name)
            message = f"{name} is not called like this."
            return Mistake(UNKNOWN_FUNCTION, start, message, name, (name,), f"Write {usage}.")
        near = tuple(
            dict.fromkeys([*_alias(name), *nearest(name, known), *nearest(name, {*FUNCTIONS, *_OWN, *_METHODS})])
        )
        fix = f"Did you mean {near[0]}?" if near else f"Functions: {', '.join(sorted({*FUNCTIONS, *_OWN}))}."
        if is_method and name in FUNCTIONS:
            near, fix = (name,), f"Write {FUNCTIONS[name].usage}."
        return Mistake(UNKNOWN_FUNCTION, start, f"There is no function {name!r}.", name, near[:3], fix)

    def _no_field(self, field: str, message: str, position: int) -> Mistake:
        start = next(
            (t.start for t in self._renamed.tokens if t.start >= position and t.text.strip("`") == field), position
        )
        fields = self._types.fields_of(message)
        return unknown_field(field, start, fields)

    def _no_overload(self, function: str, kinds: str, position: int) -> Mistake:
        types = _split(kinds)
        operator = function in _OPERATORS or function.startswith("_")
        name = _OPERATORS.get(function, function.strip("_"))
        said = " and ".join(self._said(kind) for kind in types) or "nothing"
        message = f"{name} does not work with {said}."
        if not operator:
            before = [token for token in self._renamed.tokens if token.end <= position]
            position = before[-1].start if before else position
        return Mistake(TYPE, position, message, ", ".join(types), (), _type_fix(function, types))

    def _said(self, kind: str) -> str:
        """A CEL type in words."""
        fields = self._types.fields_of(kind)
        if fields:
            return f"an object with {', '.join(fields[:6])}{', ...' if len(fields) > 6 else ''}"
        if kind.startswith("list("):
            inner = self._said(kind[5:-1])
            return "a list" if kind == "list(dyn)" else f"a list of {inner.removeprefix('a ').removeprefix('an ')}s"
        if kind.startswith("map("):
            return "an object"
        if kind.startswith("wrapper("):
            return f"{self._said(kind[8:-1])} that may be null"
        return _KINDS.get(kind, kind)

    def _other(self, words: str, position: int) -> Mistake:
        if "recursion" in words:
            fix = "Split it: compute a part in a transform.set step before."
            return Mistake(TOO_LONG, 0, "The expression is nested too deeply.", "", (), fix)
        token = self._token(position)
        found = "" if token is None else token.text
        if token is None:
            message = "The expression ends too early."
        elif "recognition error" in words and found in ("'", '"'):
            message = "A text is not closed, or contains a line break."
        else:
            message = f"{found[:60]!r} is not expected here."
        if "reserved identifier" in words:
            message = f"{found!r} is a reserved word."
        if "int literal" in words or "double literal" in words:
            message = f"{found[:60]!r} is not a number that CEL can hold."
        if "has()" in words:
            message = "has() asks whether a field is there: has(trigger.body.amount)."
        if "map() variable" in words or "variable name" in words:
            message = "The first argument of a loop is a plain name: items.map(r, r.subject)."
        return Mistake(SYNTAX, position, message, found[:60], (), self._syntax_fix(token, words))

    def _token(self, position: int) -> Token | None:
        return next((token for token in self._renamed.tokens if token.end > position), None)

    def _syntax_fix(self, token: Token | None, words: str) -> str:
        before = [other for other in self._renamed.tokens if token is None or other.end <= token.start]
        for candidate in (token, before[-1] if before else None):
            if candidate is not None and candidate.text in _INSTEAD:
                return _INSTEAD[candidate.text]
        if candidate := re.search(r"(?:missing|expecting) '(.{1,2})'", words):
            return f"Add {candidate.group(1)} here."
        if token is not None and token.text in ("'", '"'):
            return "Close the text with the same quote it began with; a quote inside is written \\' or \\\"."
        return "Write the expression in CEL, for example size(steps.open_rfis.output.items) > 0."


def unknown_name(name: str, position: int, scope: Scope) -> Mistake:
    """A name that the scope does not have."""
    parts = name.split(".")
    if name in _NULLS:
        right = _NULLS[name]
        return Mistake(UNKNOWN_NAME, position, f"There is no {name!r} in CEL.", name, (right,), f"Write {right}.")
    kin = [known for known in scope.names if known.startswith(f"{parts[0]}.")]
    if kin and len(parts) == 1:
        message = f"{name} holds several values; name one of them."
        return Mistake(UNKNOWN_NAME, position, message, name, tuple(sorted(kin)[:3]), f"Write {sorted(kin)[0]}.")
    wrong = ".".join(parts[:2]) if kin else parts[0]
    near = tuple(nearest(wrong, scope.names)) or tuple(nearest(parts[0], {k.partition(".")[0] for k in scope.names}))
    if not near and kin:
        near = tuple(sorted(kin)[:3])
    if not near and parts[0] in FUNCTIONS:
        near = (FUNCTIONS[parts[0]].usage,)
    known = ", ".join(sorted(kin or {key.partition(".")[0] for key in scope.names})[:8])
    fix = f"Did you mean {near[0]}?" if near else f"Known here: {known}." if known else "No names are known here."
    return Mistake(UNKNOWN_NAME, position, f"There is no {wrong!r} here.", wrong, near, fix)


def unknown_field(field: str, position: int, fields: Sequence[str]) -> Mistake:
    """A field that an object does not have."""
    near = tuple(nearest(field, fields))
    listed = ", ".join(list(fields)[:12]) + (", ..." if len(fields) > 12 else "")
    fix = f"Did you mean {near[0]}?" if near else f"It has {listed}."
    return Mistake(UNKNOWN_NAME, position, f"There is no field {field!r}.", field, near, fix)


def _alias(name: str) -> list[str]:
    return [_ALIASES[name]] if name in _ALIASES else []


def _usage(name: str) -> str:
    if name in LOOPS:
        return f"list.{name}(r, ...), with a name for the element"
    return {"has": "has(x.field)", "size": "size(x)"}.get(name, f"{name}(x)" if name in _OWN else f"text.{name}(...)")


_KINDS: Mapping[str, str] = {
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


def _split(kinds: str) -> list[str]:
    """`list(int), map(string, dyn)` at its outer commas."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(kinds):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(kinds[start:at].strip())
            start = at + 1
    return [part for part in [*parts, kinds[start:].strip()] if part]


def _type_fix(function: str, types: Sequence[str]) -> str:
    plain = [kind.removeprefix("wrapper(").removesuffix(")") if kind.startswith("wrapper(") else kind for kind in types]
    moment = any("Timestamp" in kind or kind == "timestamp" for kind in plain)
    if function in _LOGICAL:
        return "Use conditions that are true or false, such as x > 3 or x != null."
    if set(plain) == {"int", "double"}:
        return "Use the same kind of number on both sides: 2.0 instead of 2, or double(x)."
    if moment and "string" in plain:
        return "Make both sides dates, date(x), or both moments, timestamp(x)."
    if "string" in plain and ("int" in plain or "double" in plain):
        return "Make both sides the same: number(x) for a number, string(x) for a text."
    if function == "_-_" and set(plain) == {"string"}:
        return "Dates are text here: days_between(first, last)."
    if function in _ORDER and "null_type" in plain:
        return "Only values that may be null can be compared with null; this one is always there."
    if function in FUNCTIONS:
        return f"Write {FUNCTIONS[function].usage}."
    if function in ("size", "@in"):
        return "Use a list, an object or a text: for a list step, steps.<key>.output.items."
    if function == "_[_]":
        return "Lists take a whole number, [0]; objects a text, ['key']."
    return "Use values of one kind on both sides."
