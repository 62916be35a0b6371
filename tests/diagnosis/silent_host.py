"""A host that does not answer, as hosts do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class SilentHost:
    """A host that takes requests and says nothing, until it answers."""

    name: str = ""
    asked: int = 0
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            gone = asyncio.ensure_future(reader.read())
            said = asyncio.ensure_future(self.answered.wait())
            await asyncio.wait([gone, said], return_when=asyncio.FIRST_COMPLETED)
            for one in (gone, said):
                one.cancel()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
        writer.close()

    def answer(self) -> None:
        """To whoever waits, and from now on."""
        self.answered.set()

    def was_asked(self, times: int) -> Callable[[], Awaitable[bool]]:
        async def is_so() -> bool:
            return self.asked >= times

        return is_so


@contextlib.asynccontextmanager
async def silent_host() -> AsyncIterator[SilentHost]:
    host = SilentHost()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield host
    finally:
        server.close()
