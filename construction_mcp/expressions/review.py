"""What CEL's checker accepts and we do not."""

from collections.abc import Iterator, Sequence, Set

from construction_mcp.expressions.ast import TYPE_NAMES, Call, Constant, Literal, Loop, Name, Node, Tree, parts_of
from construction_mcp.expressions.functions import DECIMAL
from construction_mcp.expressions.lexing import loop_variables
from construction_mcp.expressions.mistakes import TYPE, UNKNOWN_NAME, no_construction, unknown_field, unknown_name
from construction_mcp.expressions.port import Mistake, Scope
from construction_mcp.expressions.renaming import Renamed
from construction_mcp.expressions.shapes import Shape
from construction_mcp.expressions.types import Types

_ARITHMETIC = frozenset({"_+_", "_-_", "_*_", "_/_", "_%_"})
_NO_VALUES = {"type": "a type", "bytes": "bytes"}


def shadowed(renamed: Renamed, scope: Scope) -> list[Mistake]:
    """`items.map(vars, vars.x)`: checked with one meaning and evaluated with another, so it is refused."""
    spaces = {name.partition(".")[0] for name in scope.names if "." in name}
    fix = "Give the element another name: items.map(r, r.subject)."
    return [
        Mistake(
            UNKNOWN_NAME, variable.start, f"{variable.text} already has a meaning here.", variable.text, ("r",), fix
        )
        for variable in loop_variables(renamed.tokens)
        if variable.text in spaces
    ]


class Review:
    """Looks at one checked tree."""

    def __init__(self, tree: Tree, renamed: Renamed, scope: Scope, types: Types) -> None:
        self._tree = tree
        self._renamed = renamed
        self._scope = scope
        self._types = types

    def mistakes(self, result: Shape) -> Sequence[Mistake]:
        """In the order of the text. `result` is what the whole gives."""
        found = list(self._below(self._tree.root, frozenset())) if self._is_worth_a_walk() else []
        found = found or list(_no_value(result))
        return sorted(found, key=lambda mistake: mistake.position)

    def _is_worth_a_walk(self) -> bool:
        tree = self._tree
        return bool(
            tree.messages
            or tree.names - self._renamed.names.keys()
            or "sort_by" in tree.functions
            or (tree.functions & DECIMAL and tree.functions & _ARITHMETIC)
        )

    def _below(self, node: Node, bound: Set[str]) -> Iterator[Mistake]:
        yield from self._at(node, bound)
        if isinstance(node, Loop):
            yield from self._below(node.items, bound)
            inside = bound | set(node.names)
            for part in node.parts:
                yield from self._below(part, inside)
        else:
            for part in parts_of(node):
                yield from self._below(part, bound)

    def _at(self, node: Node, bound: Set[str]) -> Iterator[Mistake]:
        if isinstance(node, Name):
            if node.name not in bound and node.name not in self._renamed.names and node.name not in TYPE_NAMES:
                yield unknown_name(node.name, self._position(node, node.name), self._scope)
        elif isinstance(node, Literal) and node.message:
            yield no_construction(node.message, self._position(node, node.message))
        elif isinstance(node, Call) and node.function == "sort_by" and len(node.arguments) == 2:
            yield from self._sort_field(*node.arguments)
        elif isinstance(node, Call) and node.function in _ARITHMETIC:
            yield from self._mixed(node)

    def _sort_field(self, items: Node, field: Node) -> Iterator[Mistake]:
        element = self._tree.type_of(items).of
        fields = self._types.fields_of(element.name) if element is not None else ()
        if fields and isinstance(field, Constant) and field.value not in fields:
            yield unknown_field(str(field.value), self._position(field), fields)

    def _mixed(self, node: Call) -> Iterator[Mistake]:
        """`number(x) * 2` passes the checker, since number() is anything to it, and would fail whenever it runs."""
        decimal = any(isinstance(one, Call) and one.function in DECIMAL for one in node.arguments)
        kinds = [self._tree.type_of(one).kind for one in node.arguments] if decimal else []
        if "int" in kinds:
            message = f"{node.function.strip('_')} does not work with a decimal number and a whole number."
            fix = "number, sum and avg give decimals: write 2.0 instead of 2, or double(x)."
            yield Mistake(TYPE, self._position(node), message, "a decimal number, a whole number", (), fix)

    def _position(self, node: Node, name: str = "") -> int:
        """Of the node; with `name`, where that begins, since CEL points at the last dot or bracket."""
        position = self._renamed.position(self._tree.position_of(node))
        first = name.partition(".")[0]
        before = [token.start for token in self._renamed.tokens if first and token.text == first]
        return max((start for start in before if start <= position), default=position)


def _no_value(result: Shape) -> Iterator[Mistake]:
    if result.kind in _NO_VALUES:
        message = f"This gives {_NO_VALUES[result.kind]}, which is no value of JSON."
        yield Mistake(TYPE, 0, message, result.kind, (), "Give a text, number, list, object, true, false or null.")
