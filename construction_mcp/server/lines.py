"""Lines to a client, gathered while several of its calls are under way: one write and one waking for all of them."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Outlet(Protocol):
    """Where lines go."""

    def write(self, data: bytes) -> None:
        """Send, or queue what the peer does not take now."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """What is queued."""
        ...

    def when_sent(self, callback: Callable[[], None]) -> None:
        """Call back once nothing is queued any more, or never will be sent."""
        ...


class Lines:
    """What one turn of the event loop produces goes out together."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._loop = asyncio.get_running_loop()
        self._gathered: list[bytes] = []

    def write(self, line: bytes, *, is_alone: bool) -> None:
        """Send `line`: at once if it `is_alone`, because nothing else is under way."""
        if is_alone and not self._gathered:
            self._outlet.write(line)
            return
        if not self._gathered:
            self._loop.call_soon(self.flush)
        self._gathered.append(line)

    def flush(self) -> None:
        """Hand over what is gathered."""
        if self._gathered:
            lines, self._gathered = self._gathered, []
            self._outlet.write(b"".join(lines))
