"""The sample data: an invented mid-sized builder, made per kind and project when it is first read.

Every table has its own random sequence, drawn from (seed, kind, scope): what is read first changes nothing. Dates are
relative to the moment the world began.
"""

from collections.abc import Sequence
from datetime import datetime
from random import Random

from construction_mcp.simulator.kinds import first_id, scope_index_of
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.sample import company, contracts, documents, field, logs, paper, plan
from construction_mcp.simulator.sample.plot import Maker, Plot
from construction_mcp.simulator.scales import Scale

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
    """Makes the sample records of one world.

    Makers read each other's samples, never the live tables: what was changed meanwhile must not change what is made.
    """

    def __init__(self, seed: int, scale: Scale, born_at: datetime) -> None:
        self._seed = seed
        self._scale = scale
        self._born_at = born_at
        self._made: dict[tuple[str, int], Sequence[Record]] = {}

    def sample(self, kind: str, scope: int) -> Sequence[Record]:
        """The sample of `kind` in `scope`, made on first use; empty for kinds and scopes that start empty."""
        key = (kind, scope)
        if key not in self._made:
            self._made[key] = self._make(kind, scope)
        return self._made[key]

    def _make(self, kind: str, scope: int) -> Sequence[Record]:
        maker = _MAKERS.get(kind)
        index = scope_index_of(scope)
        if maker is None or not _is_sampled(index):
            return ()
        dice = Random(f"{self._seed}:{kind}:{index}")  # noqa: S311 (sample data, not secrets)
        plot = Plot(self.sample, dice, scope, self._scale, self._born_at)
        before = first_id(kind, index)
        return [Record(kind, scope, before + n, body, parent) for n, (body, parent) in enumerate(maker(plot), start=1)]


def _is_sampled(index: int) -> bool:
    """A project created later starts empty."""
    return index < 100 or index % 100 <= company.projects_of(index // 100)
