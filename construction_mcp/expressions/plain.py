"""What an expression of names, numbers and operators reads, told by its names alone.

Most conditions are `steps.x.output.total > 3 && vars.limit < 500`. CEL's checker has to see them, but reading the tree
it made costs as much again, and says nothing of them that their text does not. Whatever has texts, brackets, choices or
functions but `size` in it is read from its tree (`ast`).
"""

import re
from typing import TYPE_CHECKING

from construction_mcp.expressions.port import Checked
from construction_mcp.expressions.renaming import Renamed
from construction_mcp.expressions.shapes import scalar
from construction_mcp.expressions.types import Types

if TYPE_CHECKING:
    from cel_expr_python import cel

_PLAIN = re.compile(
    r"""
    # Something is computed: a name alone keeps more of its schema than its type, and !!(x) and --(x) are x to CEL.
    (?=[\w\ .()!-]*(?:[+*%<>=&|]|[\w)]\ *-)|.*\bsize\()
    (?!.*\w\ +\()  # date (x) is a call
    (?:\bsize\(|(?<!\w)\(|[\w\ .)*%<>=!&|+-])+
    """,
    re.ASCII | re.VERBOSE,
)
_RESULTS = {name.upper(): scalar(name) for name in ("bool", "int", "double", "string")}


def checked_by_names(renamed: Renamed, compiled: "cel.Expression", types: Types) -> Checked | None:
    """What CEL's checker accepted, where the text shows all that its tree would; None where the tree has to be read."""
    if not renamed.all_declared or _PLAIN.fullmatch(renamed.text) is None:
        return None
    result = _RESULTS.get(compiled.return_type().name())
    if result is None:
        return None
    return Checked(renamed.original, types.schema_of(result), tuple(sorted(set(renamed.chains))), False)
