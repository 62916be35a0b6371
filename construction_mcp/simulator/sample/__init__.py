"""The sample data: an invented mid-sized builder, made per kind and project when it is first read.

Every table has its own random sequence, drawn from (seed, kind, scope): what is read first changes nothing. Dates are
relative to the moment the world began.
"""

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

from construction_mcp.simulator.kinds import first_id, scope_index_of
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.sample import company, contracts, documents, field, logs, paper, plan
from construction_mcp.simulator.sample.plot import Maker, Plot

if TYPE_CHECKING:
    from construction_mcp.simulator.world import World

_MAKERS: dict[str, Maker] = {
    **company.MAKERS,
    **paper.MAKERS,
    **logs.MAKERS,
    **field.MAKERS,
    **documents.MAKERS,
    **plan.MAKERS,
    **contracts.MAKERS,
}


class Seeder:
    """Makes the sample records of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def records(self, kind: str, scope: int) -> Iterator[Record]:
        """The sample of `kind` in `scope`; nothing for kinds and scopes that start empty."""
        maker = _MAKERS.get(kind)
        index = scope_index_of(scope)
        if maker is None or not self._is_sampled(scope):
            return
        plot = Plot(self._world, Random(f"{self._world.seed}:{kind}:{index}"), scope, index)  # noqa: S311 (not secret)
        before = first_id(kind, index)
        for number, (body, parent) in enumerate(maker(plot), start=1):
            yield Record(kind, scope, before + number, body, parent)

    def _is_sampled(self, scope: int) -> bool:
        """A project created later starts empty."""
        index = scope_index_of(scope)
        return index < 100 or index % 100 <= company.projects_of(index // 100)
