"""What people and models bring along from other languages, recognised as a whole: one mistake with CEL's way to say it.

Looked at only where CEL could make nothing of the text: it would name the first sign it did not expect, and that is
rarely the mistake.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.lexing import KEYWORDS, Chain, chains_of
from construction_mcp.expressions.mistakes import SYNTAX, TYPE, UNKNOWN_FUNCTION, UNKNOWN_NAME
from construction_mcp.expressions.port import Mistake, Schema, Scope

_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_LOOP = "Write list.exists(r, r.due_date != null); filter, map, all and exists_one go alike."
_CHOICE = "Write condition ? yes : no."
_UNEQUAL = "Write != for unequal."
_NULL = "Write default(x, y), which gives y where x is null; has(x.field) asks whether a field is there."
_CASE = "Write text.matches('(?i)slab') to compare without case."


class Habit(NamedTuple):
    """pattern: in the text with its literals blanked; the mistake stands where it begins."""

    pattern: re.Pattern[str]
    code: str
    fix: str


def _habit(pattern: str, fix: str, code: str = SYNTAX) -> Habit:
    return Habit(re.compile(pattern), code, fix)


_HABITS: Sequence[Habit] = (
    _habit(r"^\s*\{(?=.*\}\s*$)", "Write two braces, not three: {{ vars.x }}."),
    _habit(
        r"\$\w*",
        "Write the name without $: steps.<key>.output of a step, trigger.body or trigger.record for what came in.",
    ),
    _habit(r"\bf(?=['\"])", 'Write a text with holes, "{{ steps.x.output.total }} RFIs", or string(x) + " RFIs".'),
    _habit(r"=>|\blambda\b|\bfor\s+\w+\s+in\b", _LOOP),
    _habit(r"!==|<>", _UNEQUAL),
    _habit(r"\?\.|\?\?", _NULL),
    _habit(r"\bnot\s+in\b", "Write !(x in list)."),
    _habit(r"\bis\s+not\b|\bis\b", "Write x == null, or x != null."),
    _habit(r"\bif\b|\?(?!.*:)", _CHOICE),
    _habit(r"\b(?:between|BETWEEN)\b", "Write x >= 1 && x <= 3."),
    _habit(r"\b(?:like|LIKE)\b", "Write text.contains('slab'), text.startsWith('slab') or text.matches('slab.*')."),
    _habit(r"\bAND\b", "Write && for and."),
    _habit(r"\bOR\b", "Write || for or."),
    _habit(r"\bNOT\b", "Write ! for not."),
    _habit(r"(?<![\w-])\d{4}-\d\d-\d\d\b", "Write a date in quotes: '{0}'.", TYPE),
    _habit(r"\b(?:lower|upper|toLowerCase|toUpperCase|casefold)(?=\s*\()", _CASE, UNKNOWN_FUNCTION),
    _habit(r"\b(?:items|keys|values)(?=\s*\(\s*\))", "Write .{0} without (), it is a field.", UNKNOWN_FUNCTION),
)
_COUNTS = frozenset({"length", "count", "len", "size"})
_ROOTS = {"step": "steps", "var": "vars", "variables": "vars", "variable": "vars", "input": "trigger.input"}
_BRACKETS = re.compile(r"\b(steps|vars)\s*\[\s*(['\"])(\w+)\2\s*\]")
_HYPHENS = re.compile(r"\b(steps|vars)\.(\w+(?:-\w+)+)")
_COMPARED = re.compile(r"[!=]=\s*([A-Za-z]\w*)\b(?!\s*[.(\[])")
_NOT_TEXTS = frozenset({"none", "null", "nil", "undefined", "true", "false"})


def habit_in(text: str, scope: Scope) -> Mistake | None:
    """The mistake that this text is, where it is a known one."""
    blanked = _QUOTED.sub(lambda found: f"{found[0][0]}{' ' * (len(found[0]) - 2)}{found[0][-1]}", text)
    for habit in _HABITS:
        if found := habit.pattern.search(blanked):
            message = f"{found[0].strip()[:60]!r} means nothing here."
            return Mistake(habit.code, found.start(), message, found[0], (), habit.fix.replace("{0}", found[0]))
    looks: Sequence[Callable[[str, Scope], Iterator[Mistake]]] = (_bracketed, _hyphenated, _of_a_list, _misnamed, _bare)
    return next((mistake for look in looks for mistake in look(text, scope)), None)


def _bracketed(text: str, scope: Scope) -> Iterator[Mistake]:
    for found in _BRACKETS.finditer(text):
        name = f"{found[1]}.{found[3]}"
        near = [name] if name in scope.names else nearest(name, scope.names)
        fix = f"Write {near[0]}." if near else f"Write {name}, and declare it."
        yield Mistake(UNKNOWN_NAME, found.start(), f"{found[1]} is not read by brackets.", found[0], tuple(near), fix)


def _hyphenated(text: str, scope: Scope) -> Iterator[Mistake]:
    for found in _HYPHENS.finditer(text):
        near = nearest(f"{found[1]}.{found[2].replace('-', '_')}", scope.names)
        if near and found[0] not in scope.names and f"{found[1]}.{found[2].partition('-')[0]}" not in scope.names:
            message = f"There is no {found[0]!r} here; a hyphen subtracts."
            yield Mistake(UNKNOWN_NAME, found.start(), message, found[0], tuple(near), f"Did you mean {near[0]}?")


def _of_a_list(text: str, scope: Scope) -> Iterator[Mistake]:
    """`steps.x.output.items.subject`, and `.length`; `steps.x.items` for `steps.x.output.items`."""
    for chain in chains_of(text):
        known = next((at for at in (2, 1) if ".".join(chain.parts[:at]) in scope.names), 0)
        schema = scope.names.get(".".join(chain.parts[:known]), {})
        for at in range(known, len(chain.parts)):
            part, before = chain.parts[at], ".".join(chain.parts[:at])
            schema = _without_null(schema)
            fields = schema.get("properties") or {}
            if schema.get("type") == "array":
                yield _asked_of_list(chain, before, part)
                return
            output = _without_null(fields.get("output", {})).get("properties", {})
            if chain.parts[0] == "steps" and at == 2 and part not in fields and part in output:
                fix = f"Write {before}.output.{part}."
                yield Mistake(UNKNOWN_NAME, chain.end(before) + 1, f"There is no field {part!r}.", part, (part,), fix)
                return
            schema = fields.get(part, {})


def _asked_of_list(chain: Chain, before: str, part: str) -> Mistake:
    fix = f"Write {before}[0].{part} of the first, or {before}.map(r, r.{part}) of all."
    if part in _COUNTS:
        fix = f"Write size({before})."
    return Mistake(TYPE, chain.end(before), f"A list has no {part!r}.", part, (), fix)


def _without_null(schema: Schema) -> Schema:
    options = [one for one in schema.get("anyOf") or () if one.get("type") != "null"]
    return options[0] if len(options) == 1 else schema


def _misnamed(text: str, scope: Scope) -> Iterator[Mistake]:
    """`step.x` and `var.x`; a variable where none is declared."""
    for chain in chains_of(text):
        first, rest = chain.parts[0], chain.parts[1:]
        if first in _ROOTS and first not in scope.names and rest:
            root = _ROOTS[first]
            near = nearest(f"{root}.{rest[0]}", scope.names) if "." not in root else [f"{root}.{rest[0]}"]
            fix = f"Did you mean {near[0]}?" if near else f"Write {root}.{rest[0]}."
            yield Mistake(UNKNOWN_NAME, chain.start, f"There is no {first!r} here.", first, tuple(near), fix)
        elif first == "vars" and rest and scope.names and not any(name.startswith("vars.") for name in scope.names):
            fix = f"Declare it: variables: {{{rest[0]}: {{type: string}}}}."
            yield Mistake(UNKNOWN_NAME, chain.start, "This workflow has no variables.", first, (), fix)


def _bare(text: str, scope: Scope) -> Iterator[Mistake]:
    """`status == failed`: a word that means nothing and stands where a text would."""
    for found in _COMPARED.finditer(text):
        word = found[1]
        known = {name.partition(".")[0] for name in scope.names}
        if word not in known | KEYWORDS and word.lower() not in _NOT_TEXTS and not nearest(word, known):
            message = f"There is no {word!r} here."
            yield Mistake(UNKNOWN_NAME, found.start(1), message, word, (), f"Write '{word}' if it is a text.")
