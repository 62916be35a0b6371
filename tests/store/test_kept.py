"""Kept rows: never the one from before a write."""

import asyncio

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.store.database import Database
from construction_mcp.store.kept import Kept
from construction_mcp.store.workflows import Draft, Workflows

pytestmark = pytest.mark.anyio


@pytest.fixture
def kept() -> Kept[str]:
    return Kept(10, 60, ManualClock().monotonic)


def test_a_row_read_beside_a_write_is_not_kept(kept: Kept[str]) -> None:
    before = kept.moment
    with kept.writing("a"):
        during = kept.moment

    for moment in (before, during):
        kept.keep("a", "old", moment)
    assert kept.get("a") is None
    kept.keep("a", "new", kept.moment)
    assert kept.get("a") == "new"


def test_a_write_forgets_even_when_it_fails(kept: Kept[str]) -> None:
    kept.keep("a", "old", kept.moment)
    with pytest.raises(OSError, match="no"), kept.writing("a"):
        raise OSError("no")

    assert kept.get("a") is None


async def test_readers_beside_writers_end_with_the_last_version(database: Database, clock: ManualClock) -> None:
    workflows = Workflows(database, clock)
    made = await workflows.create(Draft("v0", "simulator", "local:0"))

    async def read() -> None:
        for _ in range(30):
            await workflows.get([made.id])

    async def write() -> None:
        for number in range(1, 31):
            await workflows.update(made.id, {"name": f"v{number}"})

    await asyncio.gather(read(), write(), read())

    assert [one.name for one in await workflows.get([made.id])] == ["v30"]
    await workflows.delete(made.id, principal="local:0")
    assert await workflows.get([made.id]) == []
