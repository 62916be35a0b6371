"""Several reads at the same time: the price of the slowest, not of the sum."""

import asyncio
from collections.abc import Awaitable
from typing import Any


async def together(*reads: Awaitable[Any]) -> list[Any]:
    """Their results in order. The first failure ends the others and is raised as it is, not in a group.

    Not a TaskGroup: before Python 3.13 one whose child fails while it waits leaves its task marked as being cancelled
    (`Task.cancelling()` stays above 0), and the next cancel scope that this task leaves mistakes that for its own.
    """
    tasks = [asyncio.ensure_future(read) for read in reads]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
