"""The one expression engine: CEL, by Google's C++ implementation. Its checker types, its evaluator is bounded here.

Source: cel-spec "Language Definition"; security.md finding 3.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.ast import Call, Constant, Literal, Loop, Name, Node, Select, Tree, parts_of, read
from construction_mcp.expressions.evaluation import (
    CLOCK,
    TOO_LARGE,
    Program,
    evaluate_here,
    has_loops,
    program_of,
    run,
    seen,
    value_at_path,
    weigh,
)
from construction_mcp.expressions.failures import FAILED
from construction_mcp.expressions.functions import DECIMAL, FIRST_GIVEN
from construction_mcp.expressions.lexing import loop_variables
from construction_mcp.expressions.mistakes import (
    SYNTAX,
    TOO_LONG,
    TYPE,
    UNKNOWN_NAME,
    mistakes_of,
    unknown_field,
    unknown_name,
)
from construction_mcp.expressions.port import ANYTHING, Checked, Mistake, Schema, Scope
from construction_mcp.expressions.reads import Path, path_of, project, reads_of, references
from construction_mcp.expressions.renaming import PREFIX, Environments, Renamed
from construction_mcp.expressions.types import Types, at_path

__all__ = ["CelEngine", "Confinement", "evaluate_here"]

_TYPE_NAMES = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "dyn"})
_ARITHMETIC = frozenset({"_+_", "_-_", "_*_", "_/_", "_%_"})
_DAYS = frozenset({"date", "today"})
_NULL_THROUGH = frozenset({"date", "days_between", "business_days_between", "truncate", "default"})
_NO_VALUES = {"type": "a type", "bytes": "bytes"}


class Confinement(Protocol):
    """Evaluates in a process that may be ended at any time."""

    async def run(self, text: str, values: Mapping[str, Any]) -> Any:
        """As `ExpressionEngine.evaluate`."""
        ...

    async def run_each(self, text: str, name: str, items: Sequence[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """As `ExpressionEngine.each`."""
        ...


class CelEngine:
    """Implements `port.ExpressionEngine`.

    Without `confined` everything is evaluated in this process, which is right for tools without untrusted data only.
    """

    def __init__(self, limits: Limits | None = None, confined: Confinement | None = None) -> None:
        self._limits = limits or Limits()
        self._confined = confined
        self._types = Types(self._limits.expression_messages_max)
        self._environments = Environments(self._types, self._limits.expression_names_max)

    def check(self, text: str, scope: Scope) -> Checked | Sequence[Mistake]:
        """What the expression reads and gives, or every mistake in it. Pure; a tenth of a millisecond."""
        refused = self._refused(text)
        if refused is not None:
            return [refused]
        self._types.tidy()
        renamed = self._environments.renamed(text, scope)
        shadowed = list(_shadowed(renamed, scope))
        if shadowed:
            return shadowed
        environment = self._environments.environment(renamed.slots, scope)
        try:
            tree = read(environment.compile(renamed.text).serialize())
        except RuntimeError as error:
            return mistakes_of(str(error), renamed, scope, self._types)
        mistakes = [*_Review(tree, renamed, scope, self._types).mistakes()]
        if mistakes:
            return sorted(mistakes, key=lambda mistake: mistake.position)
        reads = reads_of(tree.root, renamed.names)
        return Checked(text, self._result(tree, renamed, scope), references(reads), has_loops(tree.root))

    def _refused(self, text: str) -> Mistake | None:
        """What never reaches the parser."""
        length_max = self._limits.expression_chars_max
        if len(text) > length_max:
            fix = "Split it: compute a part in a transform.set step before."
            message = f"An expression has at most {length_max} characters; this one has {len(text)}."
            return Mistake(TOO_LONG, length_max, message, "", (), fix)
        if not text.strip():
            return Mistake(SYNTAX, 0, "The expression is empty.", "", (), "Write a value, as vars.notify_to.")
        for at, sign in enumerate(text) if not text.isascii() or "\0" in text else ():
            if sign == "\0" or "\ud800" <= sign <= "\udfff":
                return Mistake(SYNTAX, at, "This character cannot stand in an expression.", "", (), "Remove it.")
        for hidden in (PREFIX, FIRST_GIVEN):
            if hidden in text:
                at = text.index(hidden)
                return Mistake(UNKNOWN_NAME, at, f"There is no {hidden!r} here.", hidden, (), "Use another name.")
        return None

    def _result(self, tree: Tree, renamed: Renamed, scope: Scope) -> Schema:
        path = path_of(tree.root, renamed.names)
        if path is not None and not isinstance(tree.root, Loop):
            return self._schema_at(path, scope)
        shape = tree.type_of(tree.root)
        root = tree.root
        if isinstance(root, Call) and root.function in _NULL_THROUGH and shape.is_nullable:
            given = root.arguments[1:] if root.function == "default" else root.arguments
            kinds = [tree.type_of(argument) for argument in given]
            shape = shape._replace(is_nullable=any(one.is_nullable or one.kind == "dyn" for one in kinds))
        schema = self._types.schema_of(shape)
        is_day = isinstance(root, Call) and root.function in _DAYS
        return {**schema, "format": "date"} if is_day else schema

    def _schema_at(self, path: Path, scope: Scope) -> Schema:
        """A path keeps what its schema says beyond CEL's types: formats, choices, number."""
        for length in (3, 2, 1):
            schema = scope.names.get(".".join(path[:length]))
            if schema is not None:
                return at_path(self._types.of(schema).schema, path[length:])
        return ANYTHING

    async def evaluate(self, text: str, values: Mapping[str, Any]) -> Any:
        """The value, as JSON. `values` holds the roots; under `clock` what `today()` and `now()` go by.

        Raises:
            Invalid: EXECUTION_EXPRESSION_FAILED, EXECUTION_EXPRESSION_NULL, VALIDATION_TOO_LARGE, and what the
                confined process adds (EXECUTION_EXPRESSION_TIMEOUT).
        """
        program = program_of(text)
        if program.path is not None:
            return value_at_path(program, values)
        given = _given(program, values)
        if self._confined is None or (not program.loops and weigh(given) <= self._limits.expression_here_bytes_max):
            weigh(given)
            return run(program, given, values.get(CLOCK))
        weigh(given)
        return await self._confined.run(text, given)

    async def condition(self, text: str, values: Mapping[str, Any]) -> bool:
        """Whether it is true. Anything but true or false is an error, and an error is never true.

        Raises:
            Invalid: as `evaluate`, and EXECUTION_EXPRESSION_FAILED where the value is no truth.
        """
        value = await self.evaluate(text, values)
        if isinstance(value, bool):
            return value
        raise Invalid(
            "The condition failed: it gives something other than true or false.",
            code=FAILED,
            hint="Compare it with something: x > 0, x != null.",
            details={"expression": text, "seen": {".".join(path): one for path, one in self.explain(text, values)}},
        )

    async def each(self, text: str, name: str, items: Sequence[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """The value for each item under `name`, in order; an item whose evaluation failed gives its `Invalid`.

        Raises:
            Invalid: VALIDATION_TOO_LARGE, EXECUTION_EXPRESSION_TIMEOUT: about all of them.
        """
        if len(items) > self._limits.expression_items_max:
            raise Invalid(f"At most {self._limits.expression_items_max} items at once.", code=TOO_LARGE)
        program = program_of(text)
        given = {key: value for key, value in _given(program, values).items() if key != name}
        projected = [project({name: item}, program.wants).get(name) for item in items]
        if self._confined is None or program.path is not None:
            return [_outcome(program, {**values, name: item}) for item in items]
        results: list[Any] = []
        for batch in self._batches(projected, weigh(given)):
            results += await self._confined.run_each(text, name, batch, given)
        return results

    def _batches(self, items: Sequence[Any], weight: int) -> Iterator[list[Any]]:
        """As many items at a time as the limit on what an evaluation reads allows."""
        batch: list[Any] = []
        total = weight
        for item in items:
            added = weigh(item)
            if batch and total + added > self._limits.expression_bytes_max:
                yield batch
                batch, total = [], weight
            batch.append(item)
            total += added
        if batch:
            yield batch

    def explain(self, text: str, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The paths that the expression reads, with what stands there, shortened: why a step was skipped."""
        return [(".".join(path), value) for path, value in seen(values, program_of(text).references)]


def _given(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is read, and the clock."""
    given = dict(project(values, program.wants))
    if CLOCK in values:
        given[CLOCK] = values[CLOCK]
    return given


def _outcome(program: Program, values: Mapping[str, Any]) -> Any:
    try:
        return evaluate_here(program.text, values)
    except Invalid as problem:
        return problem


def _shadowed(renamed: Renamed, scope: Scope) -> Iterator[Mistake]:
    """`items.map(vars, vars.x)`: checked with one meaning and evaluated with another, so it is refused."""
    spaces = {name.partition(".")[0] for name in scope.names if "." in name}
    for variable in loop_variables(renamed.tokens):
        if variable.text in spaces:
            message = f"{variable.text} already has a meaning here."
            fix = "Give the element another name: items.map(r, r.subject)."
            yield Mistake(UNKNOWN_NAME, variable.start, message, variable.text, ("r",), fix)


class _Review:
    """What CEL accepts and we do not."""

    def __init__(self, tree: Tree, renamed: Renamed, scope: Scope, types: Types) -> None:
        self._tree = tree
        self._renamed = renamed
        self._scope = scope
        self._types = types

    def mistakes(self) -> Iterator[Mistake]:
        yield from self._below(self._tree.root, frozenset())
        kind = self._tree.type_of(self._tree.root).kind if _may_be_no_value(self._tree.root) else ""
        if kind in _NO_VALUES:
            message = f"This gives {_NO_VALUES[kind]}, which is no value of JSON."
            yield Mistake(TYPE, 0, message, kind, (), "Give a text, number, list, object, true, false or null.")

    def _below(self, node: Node, bound: frozenset[str]) -> Iterator[Mistake]:
        yield from self._at(node, bound)
        if isinstance(node, Loop):
            yield from self._below(node.items, bound)
            inside = bound | set(node.names)
            for part in node.parts:
                yield from self._below(part, inside)
        else:
            for part in parts_of(node):
                yield from self._below(part, bound)

    def _at(self, node: Node, bound: frozenset[str]) -> Iterator[Mistake]:
        if isinstance(node, Name):
            if node.name not in bound and node.name not in self._renamed.names and node.name not in _TYPE_NAMES:
                yield unknown_name(node.name, self._position(node, node.name), self._scope)
        elif isinstance(node, Literal) and node.message:
            message = f"Objects of a type, {node.message[:60]}{{...}}, do not exist here."
            position = self._position(node, node.message)
            yield Mistake(SYNTAX, position, message, node.message[:60], (), "Write a map: {'name': value}.")
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
            yield Mistake(TYPE, self._position(node), message, "double, int", (), fix)

    def _position(self, node: Node, name: str = "") -> int:
        position = self._renamed.position(self._tree.position_of(node))
        first = name.partition(".")[0]
        before = [token.start for token in self._renamed.tokens if first and token.text == first]
        return max((start for start in before if start <= position), default=position)


def _may_be_no_value(root: Node) -> bool:
    """Whether it is worth looking up its type: paths and comparisons always give values."""
    return not isinstance(root, Select)
