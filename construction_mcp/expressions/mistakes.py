"""CEL's complaints as mistakes that a workflow's author understands: place, words, nearest names, what to write."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.advice import ALIASES, INSTEAD, KINDS, METHODS, NULLS, OPERATORS, OWN, type_fix, usage
from construction_mcp.expressions.functions import FUNCTIONS
from construction_mcp.expressions.lexing import KEYWORDS, Token, closing
from construction_mcp.expressions.port import Mistake, Scope
from construction_mcp.expressions.renaming import Renamed
from construction_mcp.expressions.types import Types

SYNTAX = "EXPRESSION_SYNTAX"
UNKNOWN_NAME = "EXPRESSION_UNKNOWN_NAME"
UNKNOWN_FUNCTION = "EXPRESSION_UNKNOWN_FUNCTION"
TYPE = "EXPRESSION_TYPE"
TOO_LONG = "EXPRESSION_TOO_LONG"
NEVER_EQUAL = "EXPRESSION_NEVER_EQUAL"

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?=\n \| |\nERROR: <input>| \[[A-Z_]+\]\Z|\Z)", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container")
_NO_FIELD = re.compile(r"undefined field '(.*)' not found in struct '(.*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(.*)' applied to '\((.*)\)'", re.DOTALL)
_NO_OPERAND = re.compile(r"expression of type '(.*)' cannot be the operand of a select")
_NO_RANGE = re.compile(r"expression of type '(.*)' cannot be the range of a comprehension")
_SAID: Mapping[str, str] = {
    "reserved identifier": "{0!r} is a reserved word.",
    " literal": "{0!r} is not a number that CEL can hold.",
    "has()": "has() asks whether a field is there: has(trigger.body.amount).",
    "variable name": "The first argument of a loop is a plain name: items.map(r, r.subject).",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of the checker: where in the checked text, and its words."""

    place: int
    words: str


def mistakes_of(error: str, renamed: Renamed, scope: Scope, types: Types) -> list[Mistake]:
    """Every mistake in what the checker said, in the order of the text."""
    constructed = _constructed(renamed)
    if constructed is not None:
        return [constructed]
    if "recursion" in error:
        fix = "Split it: compute a part in a transform.set step before."
        return [Mistake(TOO_LONG, 0, "The expression is nested too deeply.", "", (), fix)]
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


def no_construction(name: str, position: int) -> Mistake:
    """`Type{field: value}`: there are types, but they are ours, to check fields with."""
    message = f"Objects of a type, {name[:60]}{{...}}, do not exist here."
    return Mistake(SYNTAX, position, message, name[:60], (), "Write a map: {'name': value}.")


def _constructed(renamed: Renamed) -> Mistake | None:
    """What CEL would take for the construction of an object, whether or not it knows the type."""
    tokens = renamed.tokens if "{" in renamed.original else []
    for token, after in pairwise(tokens):
        if token.kind == "name" and token.text not in KEYWORDS and after.text == "{":
            return no_construction(token.text, token.start)
    return None


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
    tokens = renamed.tokens
    places = {token.start: at for at, token in enumerate(tokens)}
    hidden: list[Complaint] = []
    for call in complaints:
        at = places.get(renamed.position(call.place), 0)
        if not _UNDECLARED.match(call.words) or at < 2 or tokens[at].text != "(" or tokens[at - 2].text != ".":
            continue
        variable, start, end = tokens[at + 1 : at + 2], tokens[at].start, tokens[closing(tokens, at)].end
        for other in complaints:
            named = _UNDECLARED.match(other.words)
            if named and variable and start < renamed.position(other.place) < end:
                hidden += [other] if named.group(1).partition(".")[0] == variable[0].text else []
    return hidden


def _capital(message: str) -> str:
    return message[:1].upper() + message[1:]


class Reader:
    """Reads one complaint against the text it is about."""

    def __init__(self, renamed: Renamed, scope: Scope, types: Types) -> None:
        self._renamed = renamed
        self._scope = scope
        self._types = types

    def mistake(self, complaint: Complaint) -> Mistake | None:
        """None for what only follows from another mistake."""
        position = self._renamed.position(complaint.place)
        readers: Sequence[tuple[re.Pattern[str], Callable[..., Mistake]]] = (
            (_UNDECLARED, self._undeclared),
            (_NO_FIELD, self._no_field),
            (_NO_OVERLOAD, self._no_overload),
            (_NO_OPERAND, self._no_operand),
            (_NO_RANGE, self._no_range),
        )
        for pattern, reader in readers:
            if found := pattern.match(complaint.words):
                return None if "*error*" in complaint.words else reader(*found.groups(), position)
        return self._other(complaint.words, position)

    def _undeclared(self, name: str, position: int) -> Mistake:
        if self._renamed.original[position : position + 1] == "(":
            return self._no_function(name, position)
        chain = [token for token in self._renamed.tokens if token.kind == "name" and token.start <= position]
        first = name.partition(".")[0]
        start = next((token.start for token in reversed(chain) if token.text == first), position)
        return unknown_name(name, start, self._scope)

    def _no_function(self, name: str, position: int) -> Mistake:
        before = [token for token in self._renamed.tokens if token.end <= position]
        start = before[-1].start if before else position
        is_method = len(before) > 1 and before[-2].text == "."
        if name in (*FUNCTIONS, *OWN, *METHODS):
            message = f"{name} is not called like this."
            return Mistake(UNKNOWN_FUNCTION, start, message, name, (name,), f"Write {usage(name)}.")
        kin, others = (METHODS, (*FUNCTIONS, *OWN)) if is_method else ((*FUNCTIONS, *OWN), METHODS)
        likely = [ALIASES[name]] if name in ALIASES else []
        near = tuple(dict.fromkeys([*likely, *nearest(name, kin), *nearest(name, others)]))[:3]
        fix = f"Did you mean {near[0]}?" if near else f"Functions: {', '.join(sorted({*FUNCTIONS, *OWN}))}."
        return Mistake(UNKNOWN_FUNCTION, start, f"There is no function {name[:60]!r}.", name, near, fix)

    def _no_field(self, field: str, message: str, position: int) -> Mistake:
        after = (token for token in self._renamed.tokens if token.start >= position)
        start = next((token.start for token in after if token.text.strip("`") == field), position)
        return unknown_field(field, start, self._types.fields_of(message))

    def _no_overload(self, function: str, kinds: str, position: int) -> Mistake:
        types = _split(kinds)
        name = OPERATORS.get(function, function.strip("_"))
        said = [self._said(kind) for kind in types] or ["nothing"]
        if function == "_?_:_" and types[0] != "bool":
            said = [f"a condition that is {said[0]}"]
        before = [token for token in self._renamed.tokens if token.end <= position]
        if before and before[-1].text == function:  # CEL points at the bracket after the name
            position = before[-1].start
        message = f"{name} does not work with {' and '.join(said)}."
        return Mistake(TYPE, position, message, ", ".join(said), (), type_fix(function, types))

    def _no_operand(self, kind: str, position: int) -> Mistake:
        message = f"{self._said(kind)} has no fields."
        return Mistake(TYPE, position, _capital(message), self._said(kind), (), "Read fields of objects only.")

    def _no_range(self, kind: str, position: int) -> Mistake:
        message = f"{self._said(kind)} cannot be walked."
        fix = "Walk a list: for the output of a list step, its items."
        return Mistake(TYPE, position, _capital(message), self._said(kind), (), fix)

    def _said(self, kind: str) -> str:
        """A CEL type in words."""
        fields = self._types.fields_of(kind)
        if fields:
            return f"an object with {', '.join(fields[:6])}{', ...' if len(fields) > 6 else ''}"
        if kind.startswith("list("):
            inner = self._said(kind[5:-1])
            one, _, fields_of_one = inner.removeprefix("a ").removeprefix("an ").partition(" with ")
            of = f"{one}s with {fields_of_one}" if fields_of_one else f"{one}s"
            return "a list" if kind == "list(dyn)" else f"a list of {of}"
        if kind.startswith("map("):
            return "an object"
        if kind.startswith("wrapper("):
            return f"{self._said(kind[8:-1])} that may be null"
        return KINDS.get(kind, kind)

    def _other(self, words: str, position: int) -> Mistake:
        token = self._token(position)
        found = "" if token is None else token.text[:60]
        message = "The expression ends too early." if token is None else f"{found!r} is not expected here."
        if "recognition error" in words and found in ("'", '"'):
            message = "A text is not closed, or contains a line break."
        message = next((said.format(found) for part, said in _SAID.items() if part in words), message)
        return Mistake(SYNTAX, position, message, found, (), self._syntax_fix(token, words))

    def _token(self, position: int) -> Token | None:
        return next((token for token in self._renamed.tokens if token.end > position), None)

    def _syntax_fix(self, token: Token | None, words: str) -> str:
        before = [other for other in self._renamed.tokens if token is None or other.end <= token.start]
        for candidate in (token, before[-1] if before else None):
            if candidate is not None and candidate.text in INSTEAD:
                return INSTEAD[candidate.text]
        if missing := re.search(r"(?:missing|expecting) '(.{1,2})'", words):
            return f"Add {missing.group(1)} here."
        if token is not None and token.text in ("'", '"'):
            return "Close the text with the same quote it began with; a quote inside is written \\' or \\\"."
        return "Write the expression in CEL, for example size(steps.open_rfis.output.items) > 0."


def unknown_name(name: str, position: int, scope: Scope) -> Mistake:
    """A name that the scope does not have."""
    parts = name.split(".")
    if name in NULLS:
        right = NULLS[name]
        return Mistake(UNKNOWN_NAME, position, f"There is no {name!r} in CEL.", name, (right,), f"Write {right}.")
    kin = [known for known in scope.names if known.startswith(f"{parts[0]}.")]
    if kin and len(parts) == 1:
        message = f"{name} holds several values; name one of them."
        return Mistake(UNKNOWN_NAME, position, message, name, tuple(sorted(kin)[:3]), f"Write {min(kin)}.")
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


def _split(kinds: str) -> list[str]:
    """`list(int), map(string, dyn)` at its outer commas."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(kinds):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(kinds[start:at].strip())
            start = at + 1
    return [part for part in [*parts, kinds[start:].strip()] if part]
