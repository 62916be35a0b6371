"""What an expression of names, numbers and operators reads, told by its names alone.

Most conditions are `steps.x.output.total > 3 && vars.limit < 500`. CEL's checker has to see them, but reading the tree
it made costs as much again, and says nothing of them that their text does not. Whatever has texts, brackets, choices or
functions but `size` in it is read from its tree (`ast`).
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from construction_mcp.expressions.port import Schema
from construction_mcp.expressions.renaming import Renamed

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
_RESULTS: Mapping[str, Schema] = {
    "BOOL": {"type": "boolean"},
    "INT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "STRING": {"type": "string"},
}


def plain_form(renamed: Renamed) -> str | None:
    """What all plain expressions have in common that give the same; None where the text is not plain.

    What one gives depends on types alone, so which names of these types it reads and which whole numbers stand in it
    makes no difference: `steps.x.output.total > 3` is checked once for every step of that type and every limit.
    """
    if not renamed.all_declared or _PLAIN.fullmatch(renamed.text) is None:
        return None
    return _WHOLE_NUMBER.sub("0", renamed.text)


def result_of(compiled: "cel.Expression") -> Schema | None:
    """What a plain expression gives that CEL's checker accepted; None where the tree has to be read for it."""
    return _RESULTS.get(compiled.return_type().name())
