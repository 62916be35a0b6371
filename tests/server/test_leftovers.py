"""What earlier deployments left at Procore goes once an owner serves, and no answer waits for it."""

import asyncio
import json
import logging
from contextlib import closing
from pathlib import Path

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock, SystemClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import Uncertain
from construction_mcp.server.leftovers import remove_leftovers
from construction_mcp.simulator.world import World
from construction_mcp.store.database import Database
from construction_mcp.store.meta import STANDBY
from construction_mcp.store.queries import load
from tests.deployment.site import BETWEEN_CALLS_S, RFI_WEBHOOK, Site, site_at
from tests.server.serving import DEADLINE_S, start
from tests.stdio_process import StdioProcess

pytestmark = pytest.mark.anyio

AT_ONCE = Limits(reconcile_after_s=0)


async def leave_one(site: Site) -> None:
    """Procore made a webhook and its answer was lost: it posts to us, and nothing knows what it starts."""
    made = await site.draft(RFI_WEBHOOK)
    site.fault("lost_response", "POST", "*/webhooks/hooks")
    with pytest.raises(Uncertain):
        await site.deploy(made)
    site.clock.advance(BETWEEN_CALLS_S)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_a_leftover_is_removed_at_procore_and_here(tmp_path, clock):
    async with site_at(tmp_path, clock, limits=AT_ONCE) as site:
        await leave_one(site)
        before = len(site.hooks_at_procore)
        await remove_leftovers(site.house)

        assert (before, site.hooks_at_procore) == (1, [])
        assert site.rows("SELECT * FROM hooks") == []


async def test_a_read_only_process_removes_nothing(tmp_path, clock):
    async with site_at(tmp_path, clock) as site:
        await leave_one(site)
    async with site_at(tmp_path, clock, limits=AT_ONCE, read_only=True) as site:
        asked = site.requests()
        await remove_leftovers(site.house)

        assert len(site.hooks_at_procore) == 1
        assert site.requests() == asked


async def test_a_restored_copy_removes_nothing_and_says_so(tmp_path, clock, caplog):
    """Its webhooks belong to the original, which may be running."""
    async with site_at(tmp_path, clock) as site:
        await leave_one(site)
        put = load("meta").set
        database = await site.house.services.get(Database)
        await database.write(lambda tx: tx.run(put, key=STANDBY, value="2026-03-02T00:00:00Z"))
    async with site_at(tmp_path, clock, limits=AT_ONCE) as site:
        asked = site.requests()
        with caplog.at_level(logging.WARNING):
            await remove_leftovers(site.house)

        assert site.requests() == asked
        assert "SYSTEM_STANDBY" in caplog.text


async def test_what_procore_refuses_is_for_the_next_start(tmp_path, clock):
    async with site_at(tmp_path, clock, limits=AT_ONCE) as site:
        await leave_one(site)
        site.fault("403", "GET", "*/webhooks/hooks", times=20)
        await remove_leftovers(site.house)

        assert len(site.hooks_at_procore) == 1
        assert site.rows("SELECT state FROM hooks") == [("pending",)]


async def test_a_mistake_of_ours_is_logged_and_ends_nothing(tmp_path, clock, caplog):
    async with site_at(tmp_path, clock, limits=AT_ONCE) as site:
        await leave_one(site)

        async def broken() -> None:
            raise RuntimeError("nobody thought of this")

        site.deployments.reconcile = broken
        with caplog.at_level(logging.ERROR):
            await remove_leftovers(site.house)

        assert "nobody thought of this" in caplog.text


async def test_a_workspace_without_webhooks_wakes_nothing(tmp_path):
    """Neither Procore nor expressions; where there is no database yet, not even that."""
    settings = Settings(data_dir=tmp_path / "data", limits=AT_ONCE)
    async with House(settings) as house:
        await remove_leftovers(house)
        untouched = set(house.services.ready)
        await house.services.get(Database)
        await remove_leftovers(house)
        woken = {kind.__name__ for kind in house.services.ready}

    assert Database not in untouched
    assert {"Simulator", "Deployments", "CelEngine"} & woken == set()


def hooks_in(data_dir: Path) -> list[object]:
    """What the simulator of that workspace posts to, read from its state."""
    world = World(clock=SystemClock(), state_file=data_dir / "simulator.db")
    with closing(world):
        return list(world.table("hook", 0))


async def left_in(folder: Path) -> Path:
    """A data directory with a leftover, as a process that is gone now left it."""
    async with site_at(folder, ManualClock(SystemClock().now())) as site:
        await leave_one(site)
    assert len(hooks_in(folder / "data")) == 1
    return folder / "data"


async def test_serve_removes_it_by_itself(tmp_path):
    data_dir = await left_in(tmp_path)
    process = await start(data_dir, "--port", "0", environ={"PROCORE_ENVIRONMENT": "simulator"})
    assert process.stderr is not None
    said: list[str] = []
    async with asyncio.timeout(DEADLINE_S):
        while not any("webhooks were" in line for line in said):
            said.append((await process.stderr.readline()).decode())
    process.terminate()
    await process.communicate()

    assert json.loads(said[-1])["message"] == "webhooks were compared with Procore's"
    assert process.returncode == 0
    assert hooks_in(data_dir) == []


async def test_a_stdio_owner_removes_it_too_after_its_first_answers(tmp_path):
    data_dir = await left_in(tmp_path)
    with StdioProcess(data_dir) as process:
        process.open()
        assert process.ask("tools/list")["result"]["tools"]
        line = await asyncio.to_thread(process.log_line, "webhooks were")

    assert line["message"] == "webhooks were compared with Procore's"
    assert hooks_in(data_dir) == []
