"""`default(x, y)`, made to work where x is absent: rewritten before it runs.

CEL evaluates arguments first, so a function never sees that one of them does not exist. A path in the first place
becomes a guarded one, `has(a.b) && a.b != null ? a.b : y`; anything else goes to a function, as a list.
"""

from collections.abc import Sequence

from construction_mcp.expressions.functions import FIRST_GIVEN
from construction_mcp.expressions.lexing import Token, closing, tokens_of

_STEPS_MAX = 16  # a guard names each step with all before it, so its length grows with the square


def runnable(text: str) -> str:
    """The expression as evaluation compiles it: the same but for `default`."""
    return _written(tokens_of(text)) if "default" in text else text


def _written(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    at = 0
    while at < len(tokens):
        if not _is_default(tokens, at):
            parts.append(tokens[at].text)
            at += 1
            continue
        end = closing(tokens, at + 1)
        parts.append(_given(tokens[at + 2 : end]))
        at = end + 1
    return " ".join(parts)


def _is_default(tokens: Sequence[Token], at: int) -> bool:
    return (
        tokens[at].text == "default"
        and at + 1 < len(tokens)
        and tokens[at + 1].text == "("
        and (at == 0 or tokens[at - 1].text != ".")
    )


def _given(arguments: Sequence[Token], *, last_resort: bool = True) -> str:
    """`last_resort`: what stands second is not itself inside another default, so it has to be there."""
    comma = _comma(arguments)
    value, second = arguments[:comma], arguments[comma + 1 :]
    otherwise = _written(second) if last_resort else _or_null(second)
    guards = _guards(value)
    if guards is not None:
        return f"( ( {' && '.join(guards)} ) ? {_written(value)} : ( {otherwise} ) )"
    is_nested = bool(value) and _is_default(value, 0) and closing(value, 1) == len(value) - 1
    first = _given(value[2:-1], last_resort=False) if is_nested else _written(value)
    return f"{FIRST_GIVEN} ( [ {first} , {otherwise} ] )"


def _or_null(tokens: Sequence[Token]) -> str:
    guards = _guards(tokens)
    return _written(tokens) if guards is None else f"( {' && '.join(guards)} ) ? {_written(tokens)} : null"


def _comma(tokens: Sequence[Token]) -> int:
    """The comma between the arguments, not one inside an inner call or list."""
    at = 0
    while at < len(tokens):
        if tokens[at].text in ("(", "[", "{"):
            at = closing(tokens, at)
        elif tokens[at].text == ",":
            return at
        at += 1
    return len(tokens)


def _guards(tokens: Sequence[Token]) -> list[str] | None:
    """A condition for each step of a path; None where it is no path."""
    if not tokens or tokens[0].kind != "name" or len(tokens) > 3 * _STEPS_MAX:
        return None
    path = tokens[0].text
    guards = [f"{path} != null"]
    at = 1
    while at < len(tokens):
        sign, step = tokens[at].text, tokens[at + 1] if at + 1 < len(tokens) else None
        if sign == "." and step is not None and step.kind == "name":
            guards.append(f"has({path}.{step.text})")
            path = f"{path}.{step.text}"
            at += 2
        elif sign == "[" and step is not None and at + 2 < len(tokens) and tokens[at + 2].text == "]":
            if step.kind not in ("number", "text"):
                return None
            guards.append(f"size({path}) > {step.text}" if step.kind == "number" else f"{step.text} in {path}")
            path = f"{path}[{step.text}]"
            at += 3
        else:
            return None
        guards.append(f"{path} != null")
    return guards
