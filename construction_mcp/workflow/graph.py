"""Which action waits for which, and in what order they can run. Pure work over keys; nothing is known of configs.

Three kinds of edge: `needs` (it reads the other's output), `waits` (`depends_on`, or a reference to a status or error)
and `written` (actions that reach outside keep the order in which they stand).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter


@dataclass(slots=True)
class Graph:
    """Edges from a key to the keys before it; every key is there, edges to unknown keys are not."""

    keys: Sequence[str]
    needs: dict[str, set[str]] = field(default_factory=dict)
    waits: dict[str, set[str]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    def before(self, key: str) -> set[str]:
        """Everything that has to be over before `key` may start."""
        found = self.needs.get(key, set()) | self.waits.get(key, set())
        if key in self.written:
            found.add(self.written[key])
        return found

    def chain(self, keys: Iterable[str]) -> None:
        """Let each of `keys` wait for the one before it."""
        previous: str | None = None
        for key in keys:
            if previous is not None:
                self.written[key] = previous
            previous = key


def cycle_in(graph: Graph) -> Sequence[str] | None:
    """One circle of waiting, `(a, b, a)` where a waits for b, or None; the same one for the same graph."""
    sorter = TopologicalSorter({key: sorted(graph.before(key)) for key in graph.keys})
    try:
        sorter.prepare()
    except CycleError as problem:
        # graphlib names each node before the one that waits for it; a person reads it the other way round.
        return tuple(reversed(problem.args[1]))
    return None


def cut(graph: Graph, circle: Sequence[str]) -> None:
    """Take the circle's last edge out, so that the next circle can be found."""
    waiting, awaited = circle[-2], circle[-1]
    graph.needs.get(waiting, set()).discard(awaited)
    graph.waits.get(waiting, set()).discard(awaited)
    if graph.written.get(waiting) == awaited:
        del graph.written[waiting]


def levels(graph: Graph) -> dict[str, int]:
    """How many steps stand at least before each: 0 can start at once. What waits in a circle, or for one, has none."""
    found: dict[str, int] = {}
    before = {key: graph.before(key) for key in graph.keys}

    def place(key: str) -> None:
        if before[key] <= found.keys():
            found[key] = 1 + max([found[other] for other in before[key]], default=-1)

    for key in graph.keys:  # as they are written they can nearly always run
        place(key)
    if len(found) < len(graph.keys):
        for key in in_order(graph.keys, before):
            place(key)
    return found


def in_order(keys: Sequence[str], before: Mapping[str, Iterable[str]]) -> list[str]:
    """`keys` so that each comes after those before it as far as that is possible; those in a circle come last."""
    known = set(keys)
    waiting = {key: {other for other in before.get(key, ()) if other in known and other != key} for key in keys}
    followers: dict[str, list[str]] = {key: [] for key in keys}
    for key, others in waiting.items():
        for other in others:
            followers[other].append(key)
    ready = [key for key in keys if not waiting[key]]
    for key in ready:  # grows while it is walked
        for follower in followers[key]:
            waiting[follower].discard(key)
            if not waiting[follower]:
                ready.append(follower)
    placed = set(ready)
    return ready + [key for key in keys if key not in placed]
