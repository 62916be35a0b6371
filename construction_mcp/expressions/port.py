"""The seam between who uses expressions (compiler, engine) and who understands them (`cel`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Schema = Mapping[str, Any]
"""A JSON Schema. An object with `additionalProperties: false` is checked field by field; `ANYTHING` accepts all."""

ANYTHING: Schema = {}


class Scope(NamedTuple):
    """The names an expression may use, with what they hold: `vars.notify_to`, `steps.open_rfis`, `trigger`, `item`."""

    names: Mapping[str, Schema]


class Checked(NamedTuple):
    """An expression that makes sense in its scope.

    result: what it gives, as far as it is known.
    references: the longest paths it reads, `("steps", "open_rfis", "output", "items")`, sorted.
    loops: it walks a list (`map`, `filter`, `exists`, `all`), so it is evaluated in the confined process.
    """

    text: str
    result: Schema
    references: tuple[tuple[str, ...], ...]
    loops: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why an expression makes no sense: `position` counts characters from 0 in the text that was checked.

    code: EXPRESSION_SYNTAX, EXPRESSION_UNKNOWN_NAME, EXPRESSION_UNKNOWN_FUNCTION, EXPRESSION_TYPE, EXPRESSION_TOO_LONG,
    EXPRESSION_NEVER_EQUAL.
    found: the name or types that were found there; nearest: valid names like it, nearest first.
    """

    code: str
    position: int
    message: str
    found: str = ""
    nearest: Sequence[str] = ()
    fix: str = ""


class ExpressionEngine(Protocol):
    """Checks and evaluates expressions. Checking is pure and quick; evaluating is bounded in time and memory."""

    def recall(self, text: str, names: Mapping[str, Schema]) -> Checked | None:
        """What the expression reads and gives, where one that is written alike was checked; None says nothing.

        names: as in a `Scope`, as many as there are; only those in the text are looked at.
        """
        ...

    def check(self, text: str, scope: Scope) -> Checked | Sequence[Mistake]:
        """What the expression reads and gives, or every mistake in it."""
        ...

    async def evaluate(self, text: str, values: Mapping[str, Any]) -> Any:
        """The value, as JSON. `values` holds the roots: `{"vars": {...}, "steps": {...}}`, and `clock`, which is what
        `today()` and `now()` go by: `{"now": "2026-03-02T15:00:00Z", "timezone": "America/Chicago"}`.

        Raises:
            Invalid: EXECUTION_EXPRESSION_FAILED, with what was read in `details.seen`; EXECUTION_EXPRESSION_NULL where
                the reason is a null operand; VALIDATION_TOO_LARGE; EXECUTION_EXPRESSION_TIMEOUT.
        """
        ...

    async def condition(self, text: str, values: Mapping[str, Any]) -> bool:
        """Whether it is true; an error never is.

        Raises:
            Invalid: as `evaluate`, and EXECUTION_EXPRESSION_FAILED where the value is neither true nor false.
        """
        ...

    async def each(self, text: str, name: str, items: Sequence[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """The value for each item under `name`, in order; an item whose evaluation failed gives its `Invalid`.

        Raises:
            Invalid: VALIDATION_TOO_LARGE, EXECUTION_EXPRESSION_TIMEOUT: about all of them.
        """
        ...

    def explain(self, text: str, values: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
        """The paths that the expression reads and what stands there, shortened: why a step was skipped."""
        ...
