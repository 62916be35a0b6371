"""A real `serve` that is frozen over its writes, and goes on after another has taken over its directory.

The lock on the directory outlives freezing, so another is refused as long as nobody takes the lock away: here its file
is removed, as an impatient operator does. What keeps the two apart then is the lease of each execution.

Source: engine.md, failure test 6.
"""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.faults.killed_serve import Outside, finished, outside, prepared, rows, settled
from tests.faults.standing import broken
from tests.server.serving import DEADLINE_S, serving, start

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DELIVERIES = 12
SETTLED_S = 240.0  # only a hang takes this long
NARROW = {"PROCORE_RATE_WINDOWS": "1000000/3600,10/10"}  # most writes wait for their turn when it is frozen
_TAKEN = "SELECT count(DISTINCT execution_id) FROM execution_events WHERE kind = 'recovered'"
_INTENDED = "SELECT count(*) FROM intents WHERE state = 'intended'"


async def test_a_frozen_serve_that_goes_on_after_another_took_over_writes_nothing_twice(tmp_path: Path):
    data_dir = tmp_path / "data"
    async with outside() as world:
        sender = await prepared(data_dir, world)
        async with serving(data_dir, environ={**world.environ(), **NARROW}) as frozen:
            world.written.clear()
            posting = asyncio.create_task(sender.burst(frozen.origin, DELIVERIES))
            async with asyncio.timeout(DEADLINE_S):
                await world.written.wait()
                await _quiet(world)  # the first went out together, and the others wait for their turn
            frozen.process.send_signal(signal.SIGSTOP)
            refused = await _refusal(data_dir, world.environ())
            intended = rows(data_dir, _INTENDED)[0][0]
            (data_dir / "owner.lock").unlink()
            await finished(data_dir, world, SETTLED_S)  # by another, which then ends

            frozen.process.send_signal(signal.SIGCONT)
            await posting
            await sender.burst(frozen.origin, DELIVERIES)  # these come after what it was about to send
            await settled(data_dir, SETTLED_S)
            assert await frozen.stop() == 0
        created = await world.created()

    ((taken,),) = rows(data_dir, _TAKEN)
    ended = rows(data_dir, "SELECT status, count(*) FROM executions GROUP BY status")
    print(f"{taken} taken over, {intended} writes intended, {len(sender.names)} accepted; {ended}")
    assert "SYSTEM_DIRECTORY_OWNED" in refused
    assert intended > 1
    assert taken > 1
    assert broken(data_dir / "construction.db") == []
    assert [one for one in ended if one[0] != "completed"] == []
    assert {name: created[name] for name in sender.names if created[name] != 1} == {}


async def _quiet(world: Outside) -> None:
    """Until no write has come for a moment: nothing tells what freezes between its last look and its first byte."""
    before = -1
    while (now := (await world.created()).total()) != before:
        before = now
        await asyncio.sleep(0.5)


async def _refusal(data_dir: Path, environ: dict[str, str]) -> str:
    """What another `serve` says when it is not let in."""
    process = await start(data_dir, "--port", "0", environ=environ)
    async with asyncio.timeout(DEADLINE_S):
        said, complained = await process.communicate()
    assert process.returncode != 0, json.loads(said)
    return complained.decode()
