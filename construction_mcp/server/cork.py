"""A socket transport that sends what one turn of the event loop wrote in one piece."""

import asyncio
from typing import Any


class Corked:
    """Stands in front of an asyncio transport and gathers its writes.

    uvicorn writes the head and the body of an answer separately. The first write wakes the client, which then competes
    with us for the processor while the second is still to come.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._transport.write(data)
