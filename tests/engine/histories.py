"""What `advance` was asked and answered while executions ran, and the same asked once more of what was kept.

Source: engine.md, failure test 8. Replaying goes through JSON and in another order of steps, as another process, or
another engine behind the same seam, would have it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from construction_mcp.engine import driver
from construction_mcp.engine.advance import Command, Signals, advance
from construction_mcp.engine.standing import Outcome, Standing, StepId
from construction_mcp.workflow.plan import Plan, plan_from


@dataclass(frozen=True)
class Asked:
    """One question and its answer. `outcomes` in the order in which they came to be."""

    plan: Plan
    outcomes: Sequence[tuple[StepId, Outcome]]
    signals: Signals
    now: datetime
    commands: Sequence[Command]


@dataclass
class History:
    """Everything that was asked, in order."""

    asked: list[Asked] = field(default_factory=list)

    def ask(self, standing: Standing, signals: Signals, now: datetime) -> list[Command]:
        """In place of `advance`."""
        before = list(standing.outcomes.items())
        commands = advance(standing, signals, now)
        self.asked.append(Asked(standing.plan, before, signals, now, tuple(commands)))
        return commands


def recorded(monkeypatch: pytest.MonkeyPatch) -> History:
    """A history of whatever drivers ask from now on."""
    made = History()
    monkeypatch.setattr(driver, "advance", made.ask)
    return made


def differing(history: History) -> list[tuple[Asked, Sequence[Command]]]:
    """The questions that are answered otherwise now."""
    found = []
    for one in history.asked:
        kept = plan_from(json.loads(json.dumps(one.plan.as_json())))
        standing = Standing(kept)
        for step, outcome in reversed(one.outcomes):
            standing.put(StepId(*step), outcome)
        again = advance(standing, one.signals, one.now)
        if tuple(again) != one.commands:
            found.append((one, again))
    return found
