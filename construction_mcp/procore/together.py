"""Several reads at the same time: the price of the slowest, not of the sum."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any


async def together(*reads: Awaitable[Any]) -> list[Any]:
    """Their results in order. The first failure ends the others and is raised as it is, not in a group.

    No `asyncio.TaskGroup`: on Python 3.11 a child that fails leaves its parent counted as being cancelled, and the next
    timeout or cancel scope around it believes that; tests/procore/test_together.py holds us to the opposite.
    """
    running = [asyncio.ensure_future(read) for read in reads]
    try:
        return list(await asyncio.gather(*running))
    finally:
        await _end(running)


async def _end(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel what still runs and wait until it has stopped."""
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
