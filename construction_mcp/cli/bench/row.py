"""One line of the table: what was measured, beside its baseline, against its budget."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Sense = Literal["<=", ">="]
REFERENCE_BARE_START_S = 0.8
"""A bare SDK server's first answer on the machine that PRODUCT.md's absolute budgets were written for."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on the measured value or on its ratio to the baseline. `scales`: a time that a slow machine stretches."""

    bound: float
    sense: Sense = "<="
    of: Literal["value", "ratio"] = "value"
    scales: bool = False

    def on(self, slowness: float) -> float:
        """The bound on a machine so many times slower; rates shrink where times grow."""
        if not self.scales:
            return self.bound
        return self.bound * slowness if self.sense == "<=" else self.bound / slowness


@dataclass(frozen=True, slots=True)
class Row:
    """A measured line. `measured` is None where it could not be measured, and `note` says why."""

    measure: str
    name: str
    measured: float | None
    unit: str
    budget: Budget | None = None
    baseline: str | None = None
    baseline_value: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured by baseline."""
        if self.measured is None or not self.baseline_value:
            return None
        return self.measured / self.baseline_value

    @property
    def judged(self) -> float | None:
        """What the budget is about."""
        return self.ratio if self.budget is not None and self.budget.of == "ratio" else self.measured

    def used(self, slowness: float = 1.0) -> float | None:
        """How much of the budget is used: at most 1 where it is held."""
        if self.budget is None or self.judged is None:
            return None
        bound = self.budget.on(slowness)
        if self.budget.sense == "<=":
            # Nothing may happen at all: none is within the budget, one is far outside.
            return self.judged / bound if bound else self.judged * 10
        return bound / self.judged if self.judged else float("inf")

    def held(self, slowness: float = 1.0) -> bool | None:
        """Whether the budget is kept; None without a budget or a measurement."""
        used = self.used(slowness)
        return None if used is None else used <= 1.0

    def public(self, slowness: float = 1.0) -> dict[str, Any]:
        used = self.used(slowness)
        return {
            **asdict(self),
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "used": None if used is None else round(used, 4),
            "held": self.held(slowness),
        }


def share(ordered: list[float], part: float) -> float:
    """The value that this part of the measurements does not exceed."""
    ordered = sorted(ordered)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
