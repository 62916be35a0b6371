"""How many calls are under way at once, and how long each may take; what a person takes to answer is not counted.

Nothing here knows what is called: tools, resources, prompts and completions take their turns alike.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.ports import Answer, Ask


class CallTime:
    """The time that one call has left, which stands still while a person is asked."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._questions = 0
        self._left_s = 0.0

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within it no time passes for the call; two questions at once are one pause."""
        now = asyncio.get_running_loop().time
        if self._questions == 0:
            self._left_s = (self._timeout.when() or 0.0) - now()
            self._timeout.reschedule(None)
        self._questions += 1
        try:
            yield
        finally:
            self._questions -= 1
            if self._questions == 0:
                self._timeout.reschedule(now() + self._left_s)


class TimedAsk:
    """The wire's `Ask`, off the call's time and with a limit of its own."""

    def __init__(self, ask: Ask, time: CallTime, answer_wait_s: float) -> None:
        self._ask = ask
        self._time = time
        self._answer_wait_s = answer_wait_s

    @property
    def can_form(self) -> bool:
        return self._ask.can_form

    @property
    def can_url(self) -> bool:
        return self._ask.can_url

    @property
    def state(self) -> str | None:
        return self._ask.state

    async def form(self, key: str, message: str, schema: Mapping[str, Any], *, state: str | None = None) -> Answer:
        return await self._answer(self._ask.form(key, message, schema, state=state))

    async def url(self, key: str, message: str, url: str, *, state: str | None = None) -> Answer:
        return await self._answer(self._ask.url(key, message, url, state=state))

    async def _answer(self, question: Awaitable[Answer]) -> Answer:
        with self._time.standing_still():
            try:
                async with asyncio.timeout(self._answer_wait_s):
                    return await question
            except TimeoutError:
                raise Unavailable(
                    "Nobody answered the question in time; nothing was done.",
                    code="SYSTEM_TIMEOUT",
                    hint="Ask again once the person is there.",
                    retryable=False,
                ) from None


class Turns:
    """One per process: every call takes a turn."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._in_flight = 0

    @asynccontextmanager
    async def take(
        self, what: str, ask: Ask | None, *, timeout_s: float | None = None, is_read: bool = True
    ) -> AsyncIterator[TimedAsk | None]:
        """Run the body within the bounds; it gets the `Ask` to use, if there is one.

        Raises:
            Unavailable: SYSTEM_BUSY, too many are under way. SYSTEM_TIMEOUT, it took longer than `timeout_s` or else
                `call_timeout_s`.
        """
        if self._in_flight >= self._limits.calls_in_flight_max:
            raise Unavailable("Too many calls are under way.", code="SYSTEM_BUSY", retry_after_s=1)
        self._in_flight += 1
        try:
            async with asyncio.timeout(timeout_s or self._limits.call_timeout_s) as timeout:
                yield None if ask is None else TimedAsk(ask, CallTime(timeout), self._limits.answer_wait_s)
        except TimeoutError:
            raise _stopped(what, is_read) from None
        finally:
            self._in_flight -= 1


def _stopped(what: str, is_read: bool) -> Unavailable:
    """Only a read may be repeated blindly: anything else may have taken effect before it was stopped."""
    return Unavailable(
        f"{what} took too long and was stopped.",
        code="SYSTEM_TIMEOUT",
        hint=None if is_read else "Look whether it took effect, or repeat with the same idempotency_key.",
        retryable=is_read,
    )
