"""Checks expressions with few CEL environments: the names of a scope become names that stand for their types.

Building an environment takes a millisecond and more for each hundred names, checking an expression a tenth of one. So
`steps.open_rfis.output` is checked as `zz__7_0.output`, where 7 is the type of `steps.open_rfis` and 0 counts the
names of that type in this expression; every workflow of the process shares the few types there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from construction_mcp.expressions import functions
from construction_mcp.expressions.lexing import Token, chains_of, tokens_of
from construction_mcp.expressions.port import Scope
from construction_mcp.expressions.reads import Path
from construction_mcp.expressions.shapes import Shape
from construction_mcp.expressions.types import WRAPPERS, Typed, Types

if TYPE_CHECKING:
    from cel_expr_python import cel

PREFIX = "zz__"
_PARTS_MAX = 3  # of a name in a scope; `steps.open_rfis` has two


class Renamed(NamedTuple):
    """An expression as it is checked.

    names: what each new name stands for, as a path; typed: what each is known to be, in the same order.
    chains: the dotted names in it; swaps: for each that was renamed where it began, where it ended, and the new length.
    """

    original: str
    text: str
    names: Mapping[str, Path]
    typed: Sequence[Typed]
    chains: Sequence[Path]
    swaps: Sequence[tuple[int, int, int]]

    @property
    def all_declared(self) -> bool:
        """Each dotted name begins with a name of the scope."""
        return len(self.swaps) == len(self.chains)

    @property
    def references(self) -> tuple[Path, ...]:
        """The paths that it reads, where its dotted names are all that it reads."""
        return tuple(sorted(set(self.chains)))

    @property
    def tokens(self) -> list[Token]:
        """Those of the original; only mistakes need them."""
        return tokens_of(self.original)

    def position(self, place: int) -> int:
        """Where a place of `text` is in the original."""
        shift = 0
        for start, end, length in self.swaps:
            if place < start - shift + length:
                break
            shift += end - start - length
        return min(place + shift, len(self.original))


class Environments:
    """One CEL environment that grows by the types of each new scope; started anew when it has grown too far."""

    def __init__(self, types: Types, names_max: int) -> None:
        self._types = types
        self._names_max = names_max
        self._generation = types.generation
        self._declared: dict[str, Shape] = {}
        self._env: cel.Env | None = None

    def renamed(self, text: str, scope: Scope) -> Renamed:
        """The expression under the names of types."""
        if self._generation != self._types.generation:
            self._forget()
        new_of: dict[str, str] = {}
        names: dict[str, Path] = {}
        typed: list[Typed] = []
        pieces: list[str] = []
        chains: list[Path] = []
        swaps: list[tuple[int, int, int]] = []
        done = 0
        for chain in chains_of(text):
            chains.append(tuple(chain.parts))
            old = declared(chain.parts, scope.names)
            if not old:
                continue
            new = new_of.get(old)
            if new is None:
                typed.append(self._types.of(scope.names[old]))
                new = new_of[old] = self._free_name(typed[-1].shape, names)
                names[new] = tuple(old.split("."))
            end = chain.end(old)
            pieces += (text[done : chain.start], new)
            swaps.append((chain.start, end, len(new)))
            done = end
        pieces.append(text[done:])
        return Renamed(text, "".join(pieces), names, typed, chains, swaps)

    def _free_name(self, shape: Shape, taken: Iterable[str] = ()) -> str:
        """A name that stands for a value of the type."""
        number = self._types.number_of(shape)
        slot = 0
        while (name := f"{PREFIX}{number}_{slot}") in taken:
            slot += 1
        return name

    def environment(self, renamed: Renamed, scope: Scope) -> "cel.Env":
        """An environment that declares what the expression needs; what else the scope has will be needed next."""
        if self._env is None or not renamed.names.keys() <= self._declared.keys():
            needed = dict(zip(renamed.names, [one.shape for one in renamed.typed], strict=True))
            shapes = dict.fromkeys(self._types.of(schema).shape for schema in scope.names.values())
            offered = {self._free_name(shape): shape for shape in shapes}
            self._declared |= needed
            if len(self._declared | offered) <= self._names_max:
                self._declared |= offered
            elif len(self._declared) > self._names_max:
                self._declared = needed
            self._env = self._build()
        return self._env

    def _build(self) -> "cel.Env":
        from cel_expr_python import cel

        variables = {name: cel_type(shape) for name, shape in self._declared.items()}
        return cel.NewEnv(self._types.pool, config=functions.checked(), variables=variables)

    def _forget(self) -> None:
        self._generation = self._types.generation
        self._declared, self._env = {}, None


def declared(path: Sequence[str], names: Mapping[str, object]) -> str:
    """The longest beginning of a path that is one of the names; empty where none is."""
    name = ".".join(path[:_PARTS_MAX])
    while name and name not in names:
        name = name.rpartition(".")[0]
    return name


def cel_type(shape: Shape) -> "cel.Type":
    """The shape as CEL's own object."""
    from cel_expr_python import cel

    if shape.kind == "list":
        return cel.Type.List(cel_type(shape.of) if shape.of else cel.Type.DYN)
    if shape.kind == "map":
        return cel.Type.Map(cel.Type.STRING, cel_type(shape.of) if shape.of else cel.Type.DYN)
    if shape.kind == "message":
        return cel.Type(shape.name)
    if shape.is_nullable:
        return cel.Type(f"google.protobuf.{WRAPPERS[shape.kind]}")
    plain: Mapping[str, cel.Type] = {
        "bool": cel.Type.BOOL,
        "int": cel.Type.INT,
        "string": cel.Type.STRING,
        "null": cel.Type.NULL,
    }
    return plain.get(shape.kind, cel.Type.DYN)
