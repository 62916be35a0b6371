"""One execution in memory: its plan, where its steps stand, and what its expressions see."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from construction_mcp.core.json import write_json
from construction_mcp.engine.advance import Signals
from construction_mcp.engine.standing import WHOLE, Outcome, Standing, Status, StepId
from construction_mcp.store.executions import Execution, StepRow
from construction_mcp.workflow.plan import Node, Plan


@dataclass(slots=True)
class Work:
    """An execution while an engine carries it out. Touched on the event loop only.

    lease: the engine's that carries it out. began: when each step's first try began; before: where it stood before the
    present one. touched: the steps that reached each recipient, host or kind of write so far.
    timezone: of the trigger, else of the project.
    """

    execution: Execution
    plan: Plan
    workflow_name: str
    lease: str
    began: dict[StepId, datetime] = field(default_factory=dict)
    before: dict[StepId, Outcome] = field(default_factory=dict)
    touched: dict[tuple[str, str], set[StepId]] = field(default_factory=dict)
    signals: Signals = field(default_factory=Signals)
    timezone: str | None = None
    requests: int = 0
    standing: Standing = field(init=False)
    nodes: Mapping[str, Node] = field(init=False)
    values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.standing = Standing(self.plan)
        self.nodes = self.plan.by_key
        self.timezone = self.plan.trigger.get("timezone")
        self.requests = self.execution.requests
        workflow = {"id": self.execution.workflow_id, "name": self.workflow_name, "version": self.execution.version}
        self.values = {
            "vars": dict(self.plan.variables),
            "steps": {},
            "trigger": dict(self.execution.trigger),
            "workflow": workflow,
            "execution": {"id": self.execution.id},
            "project": {"id": self.plan.project_id},
        }

    @property
    def is_simulated(self) -> bool:
        return self.execution.mode == "simulate"

    def put(self, step: StepId, outcome: Outcome) -> None:
        """Where the step stands now; expressions see it once it is over."""
        self.standing.put(step, outcome)
        if step.item == WHOLE and outcome.is_over:
            seen: dict[str, Any] = {"status": outcome.status, "error": _seen_error(outcome.error)}
            if outcome.status in ("completed", "simulated"):
                seen["output"] = outcome.output
            self.values["steps"][step.key] = seen

    def take(self, row: StepRow, now: datetime) -> None:
        """A step as it was kept. One whose process ended while it ran is due at once."""
        step = StepId(row.key, row.item)
        self.began[step] = row.started_at
        node = self.nodes.get(row.key)
        if row.status in ("running", "uncertain") and isinstance(row.output, Mapping) and "fan" in row.output:
            status: Status = "running" if row.status == "running" else "uncertain"
            self.put(step, Outcome(status, items=row.output["fan"], error=row.error, attempts=row.attempts))
        elif row.status == "running":
            what = "outcome" if node is not None and node.effect in ("write", "notify") else "turn"
            waits = {"what": what, "recovered": True}
            self.put(step, Outcome("waiting", attempts=row.attempts, waits_for=waits, due_at=now))
        else:
            self.put(
                step,
                Outcome(
                    row.status,  # type: ignore[arg-type]  # the column's CHECK holds the same words
                    row.output,
                    row.error,
                    row.because,
                    attempts=row.attempts,
                    waits_for=row.waits_for,
                    due_at=row.due_at,
                ),
            )

    def is_fresh(self, step: StepId, attempt: int) -> bool:
        """Whether nothing is decided of the step yet: its first try, or one after a crash that may have come first."""
        before = self.before.get(step)
        return attempt == 1 or bool(before is not None and (before.waits_for or {}).get("recovered"))

    def values_of(self, step: StepId, now: datetime) -> dict[str, Any]:
        """What an expression of this step may read at this moment."""
        zone = self.timezone or "UTC"
        clock = {"now": now.isoformat(), "timezone": zone, "holidays": list(self.plan.trigger.get("holidays") or ())}
        values = {**self.values, "clock": clock}
        if step.item != WHOLE:
            fan, whole = self.nodes[step.key].for_each, self.standing.outcomes[StepId(step.key)]
            assert fan is not None
            assert whole.items is not None
            values[fan.name] = whole.items[step.item]
            values["index"] = step.item
        return values

    def key_of(self, step: StepId) -> str:
        """The same for every try of this step on every engine (engine.md, "Later")."""
        return step_key(self.execution.id, self.execution.plan_hash, step)


def step_key(execution_id: str, plan_hash: str, step: StepId) -> str:
    """As `Work.key_of`."""
    item = None if step.item == WHOLE else step.item
    return hashlib.sha256(write_json([execution_id, step.key, item, plan_hash]).encode()).hexdigest()


def _seen_error(error: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if error is None else {"code": error.get("code", ""), "message": error.get("message", "")}
