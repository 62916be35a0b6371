"""Where one execution stands: the outcomes of its steps, and what follows from them for each node.

A value that is built up outcome by outcome, so that asking what comes next costs what has changed and not the whole
plan. The same outcomes give the same standing, in whatever order they came.

A step is a node of the plan or, with `for_each`, one item of it: `StepId(key, item)`, item -1 being the node itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from construction_mcp.workflow.plan import Node, Plan

WHOLE = -1

Status = Literal["running", "waiting", "completed", "simulated", "failed", "skipped", "cancelled", "uncertain"]

_UNDER_WAY = ("running", "waiting")


class StepId(NamedTuple):
    """A step of an execution; `item` counts from 0 inside a for_each."""

    key: str
    item: int = WHOLE


class Outcome(NamedTuple):  # and not a dataclass, which takes four times as long to make: a step has two
    """Where a step stands. `running` with `items` is a for_each whose list is known.

    because: why it was skipped, or what a simulated one would have done. error: the public shape of what went wrong.
    waits_for, due_at: what a waiting one waits for, and when its timer fires.
    """

    status: Status
    output: Any = None
    error: Mapping[str, Any] | None = None
    because: Mapping[str, Any] | None = None
    items: Sequence[Any] | None = None
    attempts: int = 0
    waits_for: Mapping[str, Any] | None = None
    due_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.status not in _UNDER_WAY


Outcomes: TypeAlias = Mapping[StepId, Outcome]


@dataclass(slots=True)
class Fanned:
    """A for_each whose list is known, and where its items stand.

    known: how many have an outcome; under_way: of those, how many are not over. fresh: before it all have an outcome.
    is_broken: one failed or is uncertain, so no further one begins.
    """

    node: Node
    whole: Outcome
    count: int
    concurrency: int
    known: int = 0
    under_way: int = 0
    fresh: int = 0
    waiting: dict[int, Outcome] = field(default_factory=dict)
    is_broken: bool = False

    def put(self, item: int, before: Outcome | None, outcome: Outcome) -> None:
        self.known += before is None
        self.under_way += (not outcome.is_over) - (before is not None and not before.is_over)
        self.fresh += item == self.fresh
        self.is_broken = self.is_broken or _stops(self.node, outcome)
        if outcome.status == "waiting":
            self.waiting[item] = outcome
        else:
            self.waiting.pop(item, None)


class Standing:
    """Changed by `put` alone.

    bodies: how many steps are being carried out. waiting: the steps that wait, items among them. stopping: the nodes
    whose outcome lets nothing further begin.
    """

    __slots__ = ("_before", "_fanned", "_free", "bodies", "outcomes", "plan", "stopping", "waiting")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.outcomes: dict[StepId, Outcome] = {}
        self.bodies = 0
        self.waiting: dict[StepId, Outcome] = {}
        self.stopping: set[str] = set()
        self._before = {node.key: len(node.after) for node in plan.nodes}
        self._free = {key for key, count in self._before.items() if count == 0}
        self._fanned: dict[str, Fanned] = {}

    def put(self, step: StepId, outcome: Outcome) -> None:
        """Where the step stands now. What is over stays over."""
        before = self.outcomes.get(step)
        self.outcomes[step] = outcome
        self.bodies += _is_carried_out(outcome) - (before is not None and _is_carried_out(before))
        if outcome.status == "waiting":
            self.waiting[step] = outcome
        else:
            self.waiting.pop(step, None)
        if step.item == WHOLE:
            self._put_node(self.plan.by_key[step.key], before, outcome)
        elif step.key in self._fanned:
            self._fanned[step.key].put(step.item, before, outcome)

    def _put_node(self, node: Node, before: Outcome | None, outcome: Outcome) -> None:
        self._free.discard(node.key)
        if _stops(node, outcome):
            self.stopping.add(node.key)
        if outcome.status == "running" and outcome.items is not None:
            self._fanned[node.key] = self._fan(node, outcome)
        else:
            self._fanned.pop(node.key, None)
        if outcome.is_over and (before is None or not before.is_over):
            for follower in self.plan.followers[node.key]:
                self._before[follower.key] -= 1
                if self._before[follower.key] == 0 and StepId(follower.key) not in self.outcomes:
                    self._free.add(follower.key)

    def _fan(self, node: Node, whole: Outcome) -> Fanned:
        assert whole.items is not None
        assert node.for_each is not None
        made = Fanned(node, whole, len(whole.items), node.for_each.concurrency)
        for at in range(made.count):
            known = self.outcomes.get(StepId(node.key, at))
            if known is not None:
                made.put(at, None, known)
        return made

    def free(self) -> Sequence[Node]:
        """What can begin, or will not: everything before it is over. In document order, as all that follows."""
        return [self.plan.by_key[key] for key in self._in_order(self._free)] if self._free else ()

    def fanned(self) -> Sequence[Fanned]:
        """Each for_each that is under way."""
        return [self._fanned[key] for key in self._in_order(self._fanned)] if self._fanned else ()

    def waiting_nodes(self) -> Sequence[tuple[StepId, Outcome]]:
        """The nodes that wait, without the items that do."""
        if not self.waiting:
            return ()
        steps = {step.key: step for step in self.waiting if step.item == WHOLE}
        return [(steps[key], self.waiting[steps[key]]) for key in self._in_order(steps)]

    def stopping_nodes(self) -> list[Node]:
        """The nodes in `stopping`."""
        return [self.plan.by_key[key] for key in self._in_order(self.stopping)]

    def _in_order(self, keys: Collection[str]) -> Iterable[str]:
        return keys if len(keys) < 2 else sorted(keys, key=self.plan.places.__getitem__)


def _is_carried_out(outcome: Outcome) -> bool:
    return outcome.status == "running" and outcome.items is None


def _stops(node: Node, outcome: Outcome) -> bool:
    """Whether nothing further may begin because of it."""
    return outcome.status == "uncertain" or (outcome.status == "failed" and node.on_error == "fail")
