"""A deadline for what may wait, at no cost for what does not."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def within(seconds: float, body: Coroutine[Any, Any, T]) -> T:
    """What the body gives, cut off `seconds` after it began to wait.

    A timer costs more than most bodies do, and one that never waits could not be cut off anyway: so the body runs up to
    where it first waits before there is a timer at all.

    Raises:
        TimeoutError: the deadline passed.
    """
    try:
        waited_for = body.send(None)
    except StopIteration as done:
        given: T = done.value
        return given
    async with asyncio.timeout(seconds):
        return await _Rest(body, waited_for)


class _Rest(Generic[T]):
    """A coroutine that has begun already, to be awaited from where it stands, by the same task."""

    def __init__(self, body: Coroutine[Any, Any, T], waited_for: Any) -> None:
        self._body = body
        self._waited_for = waited_for

    def __await__(self) -> Generator[Any, Any, T]:
        try:
            while True:
                try:
                    heard = yield self._waited_for
                except GeneratorExit:
                    self._body.close()
                    raise
                except BaseException as problem:  # noqa: BLE001 - it is the body's, a cancellation too
                    self._waited_for = self._body.throw(problem)
                else:
                    self._waited_for = self._body.send(heard)
        except StopIteration as done:
            given: T = done.value
            return given
