"""Checks expressions with few CEL environments: the names of a scope become names that stand for their types.

Building an environment takes a millisecond and more for each hundred names, checking an expression a tenth of one. So
`steps.open_rfis.output` is checked as `zz__7_0.output`, where 7 is the type of `steps.open_rfis` and 0 counts the
names of that type in this expression; every workflow of the process shares the few types there are.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from construction_mcp.expressions import functions
from construction_mcp.expressions.lexing import Chain, Token, chains_of, tokens_of
from construction_mcp.expressions.port import Scope
from construction_mcp.expressions.reads import Path
from construction_mcp.expressions.shapes import Shape
from construction_mcp.expressions.types import WRAPPERS, Types

if TYPE_CHECKING:
    from cel_expr_python import cel

PREFIX = "zz__"
PARTS_MAX = 3  # of a name in a scope; `steps.open_rfis` has two
Slot = tuple[Shape, int]


class Renamed(NamedTuple):
    """An expression as it is checked.

    names: what each new name stands for, as a path. slots: what the environment has to declare.
    chains: the dotted names in it; all_declared: each begins with a name of the scope.
    """

    original: str
    text: str
    names: Mapping[str, Path]
    slots: frozenset[Slot]
    chains: Sequence[Path]
    all_declared: bool
    starts: Sequence[int]
    shifts: Sequence[int]

    @property
    def tokens(self) -> list[Token]:
        """Those of the original; only mistakes need them."""
        return tokens_of(self.original)

    def position(self, place: int) -> int:
        """Where a place of `text` is in the original."""
        at = bisect_right(self.starts, place) - 1
        return min(place + self.shifts[at], len(self.original)) if at >= 0 else place


class Environments:
    """One CEL environment that grows by the types of each new scope; started anew when it has grown too far."""

    def __init__(self, types: Types, names_max: int) -> None:
        self._types = types
        self._names_max = names_max
        self._generation = types.generation
        self._numbers: dict[Shape, int] = {}
        self._slots: set[Slot] = set()
        self._env: cel.Env | None = None

    def renamed(self, text: str, scope: Scope) -> Renamed:
        """The expression under the names of types."""
        if self._generation != self._types.generation:
            self._forget()
        names: dict[str, str] = {}
        slots: set[Slot] = set()
        pieces, starts, shifts = [], [], []
        done = shift = 0
        chains = chains_of(text)
        for chain in chains:
            length = _declared(chain, scope.names)
            if not length:
                continue
            new = self._name(".".join(chain.parts[:length]), scope, names, slots)
            start, end = chain.start, chain.end(length)
            pieces += [text[done:start], new]
            starts += [start - shift, start - shift + len(new)]
            shift += end - start - len(new)
            shifts += [start - starts[-2], shift]
            done = end
        pieces.append(text[done:])
        found = {new: tuple(name.split(".")) for name, new in names.items()}
        paths = [tuple(chain.parts) for chain in chains]
        all_declared = len(pieces) == 2 * len(chains) + 1
        return Renamed(text, "".join(pieces), found, frozenset(slots), paths, all_declared, starts, shifts)

    def _name(self, old: str, scope: Scope, names: dict[str, str], slots: set[Slot]) -> str:
        known = names.get(old)
        if known is not None:
            return known
        shape = self._types.of(scope.names[old]).shape
        number = self._numbers.setdefault(shape, len(self._numbers))
        slot = 0
        while (shape, slot) in slots:
            slot += 1
        slots.add((shape, slot))
        name = names[old] = f"{PREFIX}{number}_{slot}"
        return name

    def environment(self, needed: frozenset[Slot], scope: Scope) -> "cel.Env":
        """An environment that declares what is needed; what else the scope has will be needed next."""
        if self._env is None or not needed <= self._slots:
            offered = {(self._types.of(schema).shape, 0) for schema in scope.names.values()}
            self._slots |= needed
            if len(self._slots | offered) <= self._names_max:
                self._slots |= offered
            elif len(self._slots) > self._names_max:
                self._slots = set(needed)
            self._env = self._build()
        return self._env

    def _build(self) -> "cel.Env":
        from cel_expr_python import cel

        for shape, _ in self._slots:
            self._numbers.setdefault(shape, len(self._numbers))
        variables = {f"{PREFIX}{self._numbers[shape]}_{slot}": cel_type(shape) for shape, slot in self._slots}
        return cel.NewEnv(self._types.pool, config=functions.checked(), variables=variables)

    def _forget(self) -> None:
        self._generation = self._types.generation
        self._numbers, self._slots, self._env = {}, set(), None


def _declared(chain: Chain, names: Mapping[str, object]) -> int:
    """How many parts of the chain are a name of the scope: the longest that is."""
    for length in range(min(len(chain.parts), PARTS_MAX), 0, -1):
        if ".".join(chain.parts[:length]) in names:
            return length
    return 0


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
