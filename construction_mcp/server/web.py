"""uvicorn as this process needs it: our signals, our limits, and no reader that stops reading for ever."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from construction_mcp.core.config import Limits
from construction_mcp.server.cork import Corked
from construction_mcp.server.exchange import Exchange

_FORCED_AFTER_S = 1  # our own drain is over by then; what is left does not answer


class WebServer(uvicorn.Server):
    """Serves one application on sockets that are bound already. Signals belong to the caller."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=sweeping_protocol(limits.stale_stream_s),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nobody's X-Forwarded-For decides anything here
                limit_concurrency=limits.connections_max,
                timeout_keep_alive=limits.keep_alive_s,
                timeout_graceful_shutdown=_FORCED_AFTER_S,
            )
        )
        self.accepting = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


def sweeping_protocol(stale_s: float) -> type[asyncio.Protocol]:
    """An HTTP protocol that drops a connection whose reader takes nothing for `stale_s` seconds.

    asyncio calls `pause_writing` when 64 KiB wait to be read. A reader that takes some of it gets another period; one
    that takes none is gone or stuck, and its buffers, session and place in the connection limit are given back.
    """

    class SweepingProtocol(HttpToolsProtocol):
        _sweep: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(Corked(transport, asyncio.get_running_loop()))  # type: ignore[arg-type]  # acts as one

        def on_header(self, name: bytes, value: bytes) -> None:
            # httptools leaves the whitespace behind a value, which is no part of it (RFC 9110, section 5.5).
            super().on_header(name, value.strip(b" \t"))

        def pause_writing(self) -> None:
            super().pause_writing()
            self._watch()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._unwatch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            if self.cycle is not None and not self.cycle.response_complete:
                exchange = dict(self.cycle.scope).get("exchange")
                if isinstance(exchange, Exchange):
                    exchange.client_left()
            super().connection_lost(exc)

        def _watch(self) -> None:
            waiting = self.transport.get_write_buffer_size()
            self._sweep = asyncio.get_running_loop().call_later(stale_s, self._judge, waiting)

        def _unwatch(self) -> None:
            if self._sweep is not None:
                self._sweep.cancel()

        def _judge(self, waiting: int) -> None:
            if self.transport.get_write_buffer_size() < waiting:
                self._watch()
            else:
                self.transport.abort()  # close() would wait for the reader that does not read

    return SweepingProtocol
