"""Evaluates one expression, here and now: the core that the server and the confined process share.

It imports CEL and the standard library, no protobuf: a confined process starts as fast as this does.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.ast import TYPE_NAMES, read
from construction_mcp.expressions.failures import failed
from construction_mcp.expressions.functions import MOMENT, implemented, moment_of, text_of
from construction_mcp.expressions.given import runnable
from construction_mcp.expressions.lexing import chains_of
from construction_mcp.expressions.reads import Path, Wanted, project, reads_of, references, wanted

if TYPE_CHECKING:
    from cel_expr_python import cel

CLOCK = "clock"
TOO_LARGE = "VALIDATION_TOO_LARGE"
ROOTS = ("vars", "steps", "trigger", "workflow", "execution", "project", "item", "index")
_LIMITS = Limits()
_STEP = re.compile(r"\w+", re.ASCII)
_PATH = re.compile(r"\s*([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d{1,9}\])*)\s*", re.ASCII)
_CONSTANTS = frozenset({"true", "false", "null"})
_NOT_THERE = object()


@dataclass(frozen=True, slots=True)
class Program:
    """An expression, ready to run. `path` is set where it only names a value, which then needs no CEL at all.

    is_heavy: it walks a list, or matches a pattern, whose cost is the product of pattern and text, so it is evaluated
    in the confined process however little it reads.
    """

    text: str
    path: Path
    compiled: "cel.Expression | None"
    is_heavy: bool
    references: tuple[Path, ...]
    wants: Wanted


@lru_cache(maxsize=_LIMITS.expressions_cached_max)
def program_of(text: str) -> Program:
    """The expression, compiled against values of any type.

    Raises:
        Invalid: EXECUTION_EXPRESSION_FAILED: it is not an expression; it was not checked.
    """
    if len(text) > _LIMITS.expression_chars_max:
        raise Invalid(f"An expression has at most {_LIMITS.expression_chars_max} characters.", code=TOO_LARGE)
    path = plain_path(text)
    if path:
        return Program(text, path, None, False, (path,), wanted({path}))
    roots = {chain.parts[0] for chain in chains_of(text)} | set(ROOTS)
    environment = _environment(frozenset(roots - TYPE_NAMES))
    try:
        written = read(environment.compile(text, disable_check=True).serialize())
        compiled = environment.compile(runnable(text))
    except (RuntimeError, TypeError) as error:
        raise failed(text, str(error), ()) from None
    reads = reads_of(written.root, {root: (root,) for root in roots})
    is_heavy = written.loops or "matches" in written.functions
    return Program(text, (), compiled, is_heavy, references(reads), wanted(reads))


@lru_cache(maxsize=64)
def _environment(roots: frozenset[str]) -> "cel.Env":
    """Building one takes a millisecond; all that name the same roots share it."""
    from cel_expr_python import cel

    return cel.NewEnv(variables=dict.fromkeys(sorted(roots), cel.Type.DYN), functions=_functions())


@cache
def _functions() -> "list[cel.FunctionDecl]":
    return implemented()


def plain_path(text: str) -> Path:
    """The path that the text is, `steps.a.output.items[0]`; empty for anything that has to be computed."""
    found = _PATH.fullmatch(text)
    if found is None or found.group(1) in _CONSTANTS:
        return ()
    return (found.group(1), *_STEP.findall(found.group(2)))


def evaluate_here(text: str, values: Mapping[str, Any]) -> Any:
    """The value, as JSON. `values` holds the roots, and `clock` for `today()` and `now()` (`functions.moment_of`).

    Raises:
        Invalid: EXECUTION_EXPRESSION_FAILED, EXECUTION_EXPRESSION_NULL, with what was read; VALIDATION_TOO_LARGE.
    """
    program = program_of(text)
    if program.path:
        return value_at_path(program, values)
    given = project(values, program.wants)
    weigh(given)
    return run(program, given, values.get(CLOCK))


def value_at_path(program: Program, values: Mapping[str, Any]) -> Any:
    """What the path names, the very same object: text from a record is not touched, however odd or long it is."""
    value: Any = values
    for at, step in enumerate(program.path):
        value = below(value, step)
        if value is _NOT_THERE:
            missing = f'NOT_FOUND: Key not found in map : "{step}"'
            raise failed(program.text, missing, seen(values, [program.path[: at + 1]]))
    return value


def below(value: Any, step: str) -> Any:
    """One step down a path."""
    if isinstance(value, Mapping):
        return value.get(step, _NOT_THERE)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return _NOT_THERE


def run(program: Program, given: Mapping[str, Any], clock: Mapping[str, Any] | None) -> Any:
    """Evaluate with values that were projected and weighed."""
    assert program.compiled is not None
    token = MOMENT.set(moment_of(clock) if clock else None)
    try:
        value = program.compiled.eval(data=given)
        kind = value.type().name()
        found = value.value() if kind == "ERROR" else value.plain_value()
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise failed(program.text, str(error), seen(given, program.references)) from None
    finally:
        MOMENT.reset(token)
    if kind in ("ERROR", "UNKNOWN"):
        raise failed(program.text, str(found), seen(given, program.references))
    result = _json(program.text, found, 0)
    weigh(result)
    return result


def seen(values: Mapping[str, Any], paths: Sequence[Path]) -> list[tuple[Path, Any]]:
    """What stands at each path, shortened for a person: as far as it goes where null ends it, nothing where absent."""
    found: dict[Path, Any] = {}
    for path in paths:
        value: Any = values
        for at, step in enumerate(path, start=1):
            value = below(value, step)
            if value is None:
                found[path[:at]] = None
                break
        else:
            if value is not _NOT_THERE:
                found[path] = shortened(value)
    return list(found.items())


def shortened(value: Any) -> Any:
    """The value, or a text that begins like it."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str | Mapping):
        text = value if isinstance(value, str) else f"an object with {', '.join(map(str, list(value)[:8]))}"
        cut = _LIMITS.expression_seen_chars_max
        return text if len(text) <= cut else text[: cut - 1] + "…"
    return value


def weigh(value: Any) -> int:
    """About how many bytes the value has as JSON.

    Raises:
        Invalid: VALIDATION_TOO_LARGE: too many bytes, levels or items; EXECUTION_EXPRESSION_FAILED: a text that CEL
            would silently change, since it keeps text in C strings.
    """
    weight = 0
    level: list[Any] = [value]
    for _ in range(_LIMITS.json_depth_max + 1):
        below_it: list[Any] = []
        for one in level:
            if isinstance(one, str):
                weight += _text_weight(one)
            elif isinstance(one, dict):  # JSON's own: asking for Mapping costs more than all the rest
                below_it += one.values()
                weight += 2 + sum(_text_weight(key) for key in one)
            elif isinstance(one, list):
                if len(one) > _LIMITS.expression_items_max:
                    raise too_large(f"a list of {len(one)} items; at most {_LIMITS.expression_items_max}")
                below_it += one
                weight += 2
            else:
                weight += 6
        if weight + len(below_it) > _LIMITS.expression_bytes_max:
            raise too_large(f"more than {_LIMITS.expression_bytes_max} bytes")
        if not below_it:
            return weight
        level = below_it
    raise too_large(f"more than {_LIMITS.json_depth_max} levels")


def _text_weight(text: str) -> int:
    if "\0" in text:
        raise Invalid("A text with a NUL character cannot be computed with.", code="EXECUTION_EXPRESSION_FAILED")
    return len(text) + 3 if text.isascii() else len(text.encode("utf-8", "surrogatepass")) + 3


def too_large(what: str) -> Invalid:
    """For values and results alike."""
    return Invalid(
        f"The expression reads or gives too much: {what}.",
        code=TOO_LARGE,
        hint="Filter the list first, or read single fields.",
    )


def _json(text: str, value: Any, depth: int) -> Any:
    """The value as JSON: moments and durations become text, what is no JSON is refused."""
    if depth > _LIMITS.json_depth_max:
        raise too_large(f"more than {_LIMITS.json_depth_max} levels")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list):
        return [_json(text, one, depth + 1) for one in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(text, one, depth + 1) for key, one in value.items()}
    if isinstance(value, datetime):
        return text_of(value)
    if isinstance(value, timedelta):
        return f"{text_of(value.total_seconds())}s"
    raise failed(text, f"result: {'a number without end' if isinstance(value, float) else 'no JSON'}", ())
