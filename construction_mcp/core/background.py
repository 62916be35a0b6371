"""Services that run beside the calls, each in a task of its own."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

T = TypeVar("T")


class Background:
    """Enters and leaves context managers in tasks of their own.

    A service is first asked for by some call's task, and a task group inside it belongs to the task that entered it:
    were that the call's, the call's end would be the service's.
    """

    def __init__(self) -> None:
        self._leave = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def enter(self, service: AbstractAsyncContextManager[T]) -> T:
        """What entering the service gave; it stays entered until `aclose`."""
        entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._tasks.append(asyncio.create_task(self._live(service, entered)))
        return await entered

    async def aclose(self) -> None:
        """Leave every service; the first that failed meanwhile raises here."""
        self._leave.set()
        await asyncio.gather(*self._tasks)

    async def _live(self, service: AbstractAsyncContextManager[T], entered: "asyncio.Future[T]") -> None:
        try:
            async with service as made:
                entered.set_result(made)
                await self._leave.wait()
        except Exception as problem:
            if entered.done():
                raise
            entered.set_exception(problem)
