"""A process that carries executions out until all of them have ended, or until a body of one of them ends it."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from construction_mcp.actions.action import ActionType
from construction_mcp.actions.performing import Context
from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Unavailable
from construction_mcp.procore.budget import current_account
from construction_mcp.store.database import Database
from construction_mcp.workflow.plan import Plan
from tests.engine.plant import Free, Plant, build, running

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.dying"])
_WORK_S = 0.2  # of an innocent: others are at work meanwhile


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _kills(_config: Free, _context: Context) -> Mapping[str, Any]:
    await asyncio.sleep(_WORK_S / 4)  # whoever begins with it has begun
    _die()
    return {}


async def _thrice(_config: Free, context: Context) -> Mapping[str, Any]:
    """Three of four tries are cut off; the fourth fails for a moment where it is the first step's, else goes well."""
    if context.run.attempt % 4:
        _die()
    if context.run.step == "a" and context.run.attempt < 8:
        raise Unavailable("Not now.", retry_after_s=0.01)
    return {}


async def _works(_config: Free, _context: Context) -> Mapping[str, Any]:
    await asyncio.sleep(_WORK_S)
    return {}


async def _queues(_config: Free, _context: Context) -> Mapping[str, Any]:
    """Waits for its turn when somebody else ends the process."""
    account = current_account.get()
    assert account is not None
    assert account.standby is not None
    await account.standby.wait()
    _die()
    return {}


async def _sends(_config: Free, _context: Context) -> Mapping[str, Any]:
    """Has waited for its turn, and got it."""
    account = current_account.get()
    assert account is not None
    assert account.standby is not None
    await account.standby.wait()
    async with account.standby.sending():
        _die()
    return {}


BODIES: Mapping[str, Callable[[Free, Context], Awaitable[Mapping[str, Any]]]] = {
    "test.kills": _kills,
    "test.thrice": _thrice,
    "test.works": _works,
    "test.queues": _queues,
    "test.sends": _sends,
}


def prepared(directory: Path, database: Database, spared: bool) -> Plant:
    """spared: no body ends its process any more."""
    plant = build(database, SystemClock(), Settings(directory))
    noop = plant.types._own["test.noop"]
    for name, body in BODIES.items():
        plant.types._own[name] = ActionType(
            name, Free, "read", "End it or work.", {}, perform=noop.perform if spared else body
        )
    return plant


async def accept(directory: Path, *plans: Plan) -> list[str]:
    """Store as many executions; nothing carries them out yet."""
    database = await Database.open(directory / "construction.db")
    try:
        plant = prepared(directory, database, spared=True)
        return [await plant.start(replace(one, name=f"Test {at}")) for at, one in enumerate(plans)]
    finally:
        await database.close()


async def carry_out(directory: Path, ids: Sequence[str], spared: bool) -> None:
    """Until these have ended, or this process is gone."""
    database = await Database.open(directory / "construction.db")
    try:
        async with running(prepared(directory, database, spared)) as plant:
            await asyncio.gather(*(plant.engine.ended(one, 10.0) for one in ids))
    finally:
        await database.close()


def _live(directory: Path, ids: Sequence[str], spared: bool) -> None:
    asyncio.run(carry_out(directory, ids, spared))


def life(directory: Path, ids: Sequence[str], *, spared: bool = False) -> int | None:
    """One such process; its exit code: -9 where it was killed."""
    child = _FORKS.Process(target=_live, args=(directory, ids, spared))
    child.start()
    child.join(30)
    return child.exitcode
