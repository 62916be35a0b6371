"""Comparisons that CEL's checker accepts and that can never come out as meant.

A text that has a few possible values compared with another one; a moment (`2026-03-02T15:00:00Z`) compared with a day
(`today()`) as text, which puts every moment of a day after that day.
"""

from collections.abc import Iterator, Mapping, Sequence

from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.ast import Call, Constant, Loop, Name, Node, Select, Tree, parts_of
from construction_mcp.expressions.mistakes import NEVER_EQUAL, TYPE
from construction_mcp.expressions.port import ANYTHING, Mistake, Schema, Scope
from construction_mcp.expressions.renaming import Renamed, declared
from construction_mcp.expressions.types import Types, at_path

_EQUALITY = frozenset({"_==_", "_!=_"})
_COMPARISONS = _EQUALITY | {"_<_", "_<=_", "_>_", "_>=_"}
_DAYS = frozenset({"today", "date"})


def compared(tree: Tree, renamed: Renamed, scope: Scope, types: Types) -> list[Mistake]:
    """Every such comparison, in the order of the text."""
    if not tree.functions & _COMPARISONS:
        return []
    known = {name: _schema_at(path, scope, types) for name, path in renamed.names.items()}
    found = Comparisons(tree, renamed).below(tree.root, known)
    return sorted(found, key=lambda mistake: mistake.position)


def _schema_at(path: Sequence[str], scope: Scope, types: Types) -> Schema:
    name = declared(path, scope.names)
    return at_path(types.of(scope.names[name]).schema, path[name.count(".") + 1 :]) if name else ANYTHING


class Comparisons:
    """Walks one checked tree with what is known of each name."""

    def __init__(self, tree: Tree, renamed: Renamed) -> None:
        self._tree = tree
        self._renamed = renamed

    def below(self, node: Node, known: Mapping[str, Schema]) -> Iterator[Mistake]:
        """The mistakes in a node and everything in it."""
        if isinstance(node, Call) and node.function in _COMPARISONS and len(node.arguments) == 2:
            left, right = node.arguments
            yield from self._never(node, left, right, known)
            yield from self._never(node, right, left, known)
            yield from self._day_and_moment(node, left, right, known)
            yield from self._day_and_moment(node, right, left, known)
        if isinstance(node, Loop):
            yield from self.below(node.items, known)
            element = self._schema(node.items, known).get("items", ANYTHING)
            known = {**known, **dict.fromkeys(node.names, ANYTHING), node.names[0]: element}
            for part in node.parts:
                yield from self.below(part, known)
        else:
            for part in parts_of(node):
                yield from self.below(part, known)

    def _never(self, node: Call, read: Node, value: Node, known: Mapping[str, Schema]) -> Iterator[Mistake]:
        if node.function not in _EQUALITY or not isinstance(value, Constant) or not isinstance(value.value, str):
            return
        choices = _choices(self._schema(read, known))
        if choices and value.value not in choices:
            near = tuple(nearest(value.value, choices))
            message = f"{self._written(read)} is never {value.value[:60]!r}."
            fix = (f"Did you mean {near[0]}? " if near else "") + f"It is one of {', '.join(choices)}."
            yield Mistake(NEVER_EQUAL, self._position(node), message, value.value, near, fix)

    def _day_and_moment(self, node: Call, read: Node, day: Node, known: Mapping[str, Schema]) -> Iterator[Mistake]:
        is_day = isinstance(day, Call) and day.function in _DAYS
        if is_day and any(one.get("format") == "date-time" for one in _options(self._schema(read, known))):
            written = self._written(read)
            message = f"{written} is a moment and cannot be compared with a day."
            yield Mistake(TYPE, self._position(node), message, written, (), f"Write date({written}).")

    def _schema(self, node: Node, known: Mapping[str, Schema]) -> Schema:
        if isinstance(node, Name):
            return known.get(node.name, ANYTHING)
        if isinstance(node, Select):
            return at_path(self._schema(node.operand, known), [node.field])
        if isinstance(node, Call) and node.function == "_[_]":
            return at_path(self._schema(node.arguments[0], known), ["0"])
        return ANYTHING

    def _written(self, node: Node) -> str:
        if isinstance(node, Name):
            return ".".join(self._renamed.names.get(node.name, (node.name,)))
        if isinstance(node, Select):
            return f"{self._written(node.operand)}.{node.field}"
        if isinstance(node, Call) and node.function == "_[_]" and isinstance(node.arguments[1], Constant):
            return f"{self._written(node.arguments[0])}[{node.arguments[1].value!r}]"
        return "it"

    def _position(self, node: Node) -> int:
        return self._renamed.position(self._tree.position_of(node))


def _options(schema: Schema) -> Sequence[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or [schema]


def _choices(schema: Schema) -> Sequence[str]:
    """The only texts that it can be; none where others are possible."""
    found: list[str] = []
    for one in _options(schema):
        if one.get("type") == "null":
            continue
        values = one.get("enum") or ([one["const"]] if "const" in one else [])
        if not values or not all(isinstance(value, str) for value in values):
            return ()
        found += values
    return found
