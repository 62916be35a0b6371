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
_RESULTS: Mapping[str, Schema] = {
    "BOOL": {"type": "boolean"},
    "INT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "STRING": {"type": "string"},
}


def is_plain(renamed: Renamed) -> bool:
    """Whether the text shows all that its tree would, and what it gives depends on types alone."""
    return renamed.all_declared and _PLAIN.fullmatch(renamed.text) is not None


def result_of(compiled: "cel.Expression") -> Schema | None:
    """What a plain expression gives that CEL's checker accepted; None where the tree has to be read for it."""
    return _RESULTS.get(compiled.return_type().name())
