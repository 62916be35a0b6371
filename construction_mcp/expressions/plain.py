"""What an expression of names, numbers and operators reads, told by its names alone.

Most conditions are `steps.x.output.total > 3 && vars.limit < 500`. CEL's checker has to see them, but reading the tree
it made costs as much again, and says nothing of them that their text does not. Whatever has texts, brackets, choices or
functions but `size` in it is read from its tree (`ast`).
"""

import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from construction_mcp.expressions.port import Schema
from construction_mcp.expressions.reads import Path
from construction_mcp.expressions.renaming import Renamed, declared
from construction_mcp.expressions.types import Types

if TYPE_CHECKING:
    from cel_expr_python import cel

_PLAIN = re.compile(
    r"""
    # Something is computed: a name alone keeps more of its schema than its type, and !!(x) and --(x) are x to CEL.
    (?=[\w\ .()!-]*(?:[+*%<>=&|]|[\w)]\ *-)|.*\bsize\()
    (?:[\w\ .)*%<>=!&|+-]++|(?<=\bsize)\(|(?<!\w)(?<!\w\ )(?<!\ \ )\()+  # date (x) is a call
    """,
    re.ASCII | re.VERBOSE,
)
_WHOLE_NUMBER = re.compile(r"(?<![\w.])(?:0|[1-9]\d{0,14})(?![\w.])", re.ASCII)  # larger ones may be out of range
_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_ONE_NAME = re.compile(_NAME, re.ASCII)
_NAMES = re.compile(f"({_NAME})", re.ASCII)
_RESULTS: Mapping[str, Schema] = {
    "BOOL": {"type": "boolean"},
    "INT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "STRING": {"type": "string"},
}


class Form(NamedTuple):
    """What all expressions have in common that are written alike: `steps.x.output.total > 3`, for any step and limit.

    What a plain expression gives depends on types alone, and what it reads on which of its words are names. So it makes
    no difference which names of these types stand there, and which whole numbers.

    key: the text with types instead of its names; of one name alone (`is_path`), with its schema instead.
    references: the paths that it reads, where it is plain.
    """

    key: Hashable
    is_path: bool
    references: tuple[Path, ...]


def form_of(text: str, names: Mapping[str, Schema], types: Types) -> Form:
    """The form of any text: a quick look, which tells what the expression is only where its like is known."""
    if _ONE_NAME.fullmatch(text):
        path = tuple(text.split("."))
        name = declared(path, names)
        rest = path[name.count(".") + 1 :]
        return Form((id(types.of(names[name])), rest) if name else text, True, (path,))
    pieces: list[Any] = _NAMES.split(_WHOLE_NUMBER.sub("0", text))  # every other one is a name
    paths: list[Path] = []
    for at in range(1, len(pieces), 2):
        path = tuple(pieces[at].split("."))
        is_called = pieces[at + 1][:1] == "("
        name = declared(path[:-1] if is_called else path, names)
        if name:
            typed = types.of(names[name])
            paths.append(path[:-1] if is_called else path)
            pieces[at] = (typed.number, path[name.count(".") + 1 :])
    return Form(tuple(pieces), False, tuple(sorted(set(paths))) if len(paths) > 1 else tuple(paths))


def is_plain(renamed: Renamed) -> bool:
    """Whether the text reads what its names say, and gives what their types do."""
    return renamed.all_declared and _PLAIN.fullmatch(renamed.text) is not None


def result_of(compiled: "cel.Expression") -> Schema | None:
    """What a plain expression gives that CEL's checker accepted; None where the tree has to be read for it."""
    return _RESULTS.get(compiled.return_type().name())
