"""Several reads at the same time: the price of the slowest, not of the sum."""

import asyncio
from collections.abc import Awaitable
from typing import Any


async def together(*reads: Awaitable[Any]) -> list[Any]:
    """Their results in order. The first failure ends the others and is raised as it is, not in a group."""

    async def one(read: Awaitable[Any]) -> Any:
        return await read

    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one(read)) for read in reads]
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return [task.result() for task in running]
