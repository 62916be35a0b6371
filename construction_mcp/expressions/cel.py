"""The one expression engine: CEL, by Google's C++ implementation. Its checker types, its evaluator is bounded here.

Source: cel-spec "Language Definition"; security.md finding 3.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

from cachetools import LRUCache

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.ast import Call, Tree, read
from construction_mcp.expressions.comparisons import compared
from construction_mcp.expressions.evaluation import (
    CLOCK,
    TOO_LARGE,
    Program,
    evaluate_here,
    plain_path,
    program_of,
    run,
    seen,
    value_at_path,
    weigh,
)
from construction_mcp.expressions.failures import FAILED
from construction_mcp.expressions.functions import FIRST_GIVEN
from construction_mcp.expressions.habits import habit_in
from construction_mcp.expressions.mistakes import SYNTAX, TOO_LONG, UNKNOWN_NAME, mistakes_of
from construction_mcp.expressions.plain import Form, form_of, is_plain, result_of
from construction_mcp.expressions.port import ANYTHING, Checked, Mistake, Schema, Scope
from construction_mcp.expressions.reads import Path, path_of, project, reads_of, references
from construction_mcp.expressions.renaming import PREFIX, Environments, Renamed, declared
from construction_mcp.expressions.review import Review, shadowed
from construction_mcp.expressions.shapes import DYN, Shape
from construction_mcp.expressions.types import Types, at_path

__all__ = ["CelEngine", "Confinement", "evaluate_here"]

_DAYS = frozenset({"date", "today"})
_NULL_THROUGH = frozenset({"date", "days_between", "business_days_between", "truncate", "default"})


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
        self._checked: LRUCache[Hashable, Checked] = LRUCache(self._limits.expressions_cached_max)
        self._results: dict[Hashable, Schema] = {}  # by form; kept while `_types` keeps what the forms name

    def recall(self, text: str, names: Mapping[str, Schema]) -> Checked | None:
        """What the expression reads and gives, where one that is written alike was checked; None says nothing."""
        if len(text) > self._limits.expression_chars_max or PREFIX in text or FIRST_GIVEN in text:
            return None
        self._tidy()
        return self._recalled(text, form_of(text, names, self._types))

    def check(self, text: str, scope: Scope) -> Checked | Sequence[Mistake]:
        """What the expression reads and gives, or every mistake in it. Pure; what was checked before costs a lookup."""
        refused = self._refused(text)
        if refused is not None:
            return [refused]
        self._tidy()
        form = form_of(text, scope.names, self._types)
        found = self._recalled(text, form) or self._known_path(text, scope, form) or self._known(text, scope, form)
        if isinstance(found, Checked):
            return found
        habit = habit_in(text, scope)
        return found if habit is None else [habit]

    def _tidy(self) -> None:
        if self._types.tidy():
            self._checked.clear()
            self._results.clear()

    def _recalled(self, text: str, form: Form) -> Checked | None:
        result = self._results.get(form.key)
        return None if result is None else Checked(text, result, form.references, False)

    def _remember(self, form: Form, found: Checked) -> None:
        """What is found of one is true of all of its form, unless the quick look saw other names than there are."""
        if form.references == found.references:
            if len(self._results) >= self._limits.expressions_cached_max:
                self._results.clear()
            self._results[form.key] = found.result

    def _known_path(self, text: str, scope: Scope, form: Form) -> Checked | None:
        """What only names a value that certainly exists, as most templates do, needs no checker."""
        path = plain_path(text)
        name = declared(path, scope.names)
        result = self._types.certain(scope.names[name], path[name.count(".") + 1 :]) if name else None
        if result is None:
            return None
        found = Checked(text, result, (path,), False)
        if form.is_path:
            self._remember(form, found)
        return found

    def _known(self, text: str, scope: Scope, form: Form) -> Checked | Sequence[Mistake]:
        """The same expression over the same schemas means the same again; mistakes depend on all names there are."""
        renamed = self._environments.renamed(text, scope)
        key: Hashable = (text, tuple(map(id, renamed.typed)))
        known = self._checked.get(key)
        if known is not None:
            return known
        by_types = is_plain(renamed)
        found = self._check(text, renamed, scope, by_types=by_types)
        if isinstance(found, Checked):
            self._checked[key] = found
            if by_types:
                self._remember(form, found)
        return found

    def _check(self, text: str, renamed: Renamed, scope: Scope, *, by_types: bool) -> Checked | Sequence[Mistake]:
        environment = self._environments.environment(renamed, scope)
        try:
            compiled = environment.compile(renamed.text)
        except RuntimeError as error:
            return mistakes_of(str(error), renamed, scope, self._types)
        given = result_of(compiled) if by_types else None
        if given is not None:
            return Checked(text, given, renamed.references, False)
        tree = read(compiled.serialize())
        path = path_of(tree.root, renamed.names)
        shape = tree.type_of(tree.root) if path is None else DYN
        mistakes: Sequence[Mistake] = shadowed(renamed, scope) if tree.loops else ()
        mistakes = mistakes or Review(tree, renamed, scope, self._types).mistakes(shape)
        mistakes = mistakes or compared(tree, renamed, scope, self._types)
        if mistakes:
            return mistakes
        result = self._schema_of(tree, shape) if path is None else self._schema_at(path, scope)
        paths = renamed.references if by_types else references(reads_of(tree.root, renamed.names))
        return Checked(text, result, paths, tree.loops)

    def _refused(self, text: str) -> Mistake | None:
        """What never reaches the parser."""
        length_max = self._limits.expression_chars_max
        if len(text) > length_max:
            fix = "Split it: compute a part in a transform.set step before."
            message = f"An expression has at most {length_max} characters; this one has {len(text)}."
            return Mistake(TOO_LONG, length_max, message, "", (), fix)
        if not text.strip():
            return Mistake(SYNTAX, 0, "The expression is empty.", "", (), "Write a value, as vars.notify_to.")
        if text.lstrip().startswith("{{"):
            fix = "Write the expression without braces here; {{ }} belongs into texts only."
            return Mistake(SYNTAX, text.index("{{"), "This is an expression already.", "{{", (), fix)
        for at, sign in enumerate(text) if not text.isascii() or "\0" in text else ():
            if sign == "\0" or "\ud800" <= sign <= "\udfff":
                return Mistake(SYNTAX, at, "This character cannot stand in an expression.", "", (), "Remove it.")
        for hidden in (PREFIX, FIRST_GIVEN):
            if hidden in text:
                at = text.index(hidden)
                return Mistake(UNKNOWN_NAME, at, f"There is no {hidden!r} here.", hidden, (), "Use another name.")
        return None

    def _schema_of(self, tree: Tree, shape: Shape) -> Schema:
        """What CEL arrived at; `date(x)` may be null only where x may be."""
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
        name = declared(path, scope.names)
        return at_path(self._types.of(scope.names[name]).schema, path[name.count(".") + 1 :]) if name else ANYTHING

    async def evaluate(self, text: str, values: Mapping[str, Any]) -> Any:
        """The value, as JSON. `values` holds the roots; under `clock` what `today()` and `now()` go by.

        Raises:
            Invalid: EXECUTION_EXPRESSION_FAILED, EXECUTION_EXPRESSION_NULL, VALIDATION_TOO_LARGE, and what the
                confined process adds (EXECUTION_EXPRESSION_TIMEOUT).
        """
        program = program_of(text)
        if program.path:
            return value_at_path(program, values)
        given = _given(program, values)
        weight = weigh(given)
        if self._confined is None or (not program.is_heavy and self._is_little(weight, text)):
            return run(program, given, values.get(CLOCK))
        return await self._confined.run(text, given)

    def _is_little(self, weight: int, text: str) -> bool:
        """What an expression builds grows with what it reads and how often it says so: x + x + x."""
        limits = self._limits
        return weight <= limits.expression_here_bytes_max and weight * len(text) <= limits.expression_here_work_max

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
        if self._confined is None or program.path:
            return [_outcome(program, {**values, name: item}) for item in items]
        return await self._confined.run_each(text, name, projected, given)

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
