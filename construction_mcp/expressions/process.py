"""The parent's end of the confined process: start it, exchange one frame for another, kill it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import construction_mcp
from construction_mcp.core.config import Limits
from construction_mcp.expressions.child import HEADER, Powers

# -I and -S: no environment variable, user folder or .pth file has a say in what the process loads, and it starts in
# half the time. What the parent can import is handed over instead, so that it loads the same code.
RUN = (
    "import sys; sys.path += sys.argv[5:]; from construction_mcp.expressions.child import main; "
    "main(*map(int, sys.argv[1:5]))"
)

# Windows loads nothing without the first; some Pythons find their own library by one of the others. None is a secret.
ENVIRONMENT_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

# A server without a console, as desktop clients start it, must not flash one up for its child.
NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class Died(Exception):
    """The process ended, or wrote what no answer can be."""


class Process(asyncio.SubprocessProtocol):
    """One child. It is given one request at a time; after a time-out it is killed, for it cannot be interrupted."""

    def __init__(self, answer_bytes_max: int) -> None:
        self._answer_bytes_max = answer_bytes_max
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    @classmethod
    async def start(cls, limits: Limits) -> "Process":
        """A child that has said it is ready.

        Raises:
            Died: it did not start. TimeoutError: not within `expression_start_s`. OSError: the system refused.
        """
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(limits.expression_frame_bytes_max),
            *[sys.executable, "-I", "-S", "-B", "-c", RUN],
            *[str(number) for number in _powers(limits)],
            *_import_path(),
            stderr=asyncio.subprocess.DEVNULL,
            cwd=Path(sys.executable).anchor,
            env={name: os.environ[name] for name in ENVIRONMENT_KEPT if name in os.environ},
            start_new_session=True,  # Ctrl+C in a terminal is for the server: it drains, with the child's help
            creationflags=NO_WINDOW,
        )
        await process._answered(limits.expression_start_s)
        return process

    @property
    def alive(self) -> bool:
        """It takes requests: neither killed nor ended by itself."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes, timeout_s: float) -> bytes:
        """The answer to the request; whatever else happens, cancellation included, the process is gone afterwards.

        Raises:
            Died: it ended before it answered. TimeoutError: it took longer than `timeout_s`.
        """
        if not self.alive:
            raise Died
        self._answer = asyncio.get_running_loop().create_future()
        self._pipe_to_child().write(HEADER.pack(len(request)) + request)
        return await self._answered(timeout_s)

    def kill(self) -> None:
        """SIGKILL; an answer under way never comes."""
        if self._transport is not None:
            self._transport.close()
        self._fail()

    async def ended(self) -> None:
        """Wait until the process is gone and its pipes are closed."""
        await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Collect one frame. More than was asked for, or longer than agreed, is no answer of ours."""
        assert fd == 1
        self._received += data
        if len(self._received) < HEADER.size:
            return
        (length,) = HEADER.unpack_from(self._received)
        missing = HEADER.size + length - len(self._received)
        if missing < 0 or length > self._answer_bytes_max or self._answer.done():
            self.kill()
        elif missing == 0:
            self._answer.set_result(bytes(self._received[HEADER.size :]))
            self._received.clear()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop calls it so
        """The process has ended and what it wrote was read."""
        self._ended.set()
        self.kill()

    async def _answered(self, timeout_s: float) -> bytes:
        """Not under `asyncio.timeout`: that drops an answer which arrived while the loop itself was held up."""
        try:
            await asyncio.wait({self._answer}, timeout=timeout_s)
            if not self._answer.done():
                raise TimeoutError
            return self._answer.result()
        except BaseException:
            self.kill()
            raise

    def _pipe_to_child(self) -> asyncio.WriteTransport:
        assert self._transport is not None
        pipe = self._transport.get_pipe_transport(0)
        assert isinstance(pipe, asyncio.WriteTransport)
        return pipe

    def _fail(self) -> None:
        if not self._answer.done():
            self._answer.set_exception(Died())
            self._answer.exception()  # seen: nobody may be waiting for it


def _powers(limits: Limits) -> Powers:
    return Powers(
        memory_bytes_max=limits.expression_memory_bytes_max,
        answer_bytes_max=limits.expression_frame_bytes_max,
        descriptors_max=limits.expression_descriptors_max,
        processor_s=limits.expression_orphan_s,
    )


def _import_path() -> list[str]:
    """Where the parent finds its modules, without what depends on a working directory."""
    own = str(Path(construction_mcp.__file__).parents[1])
    return [own, *(path for path in sys.path if Path(path).is_absolute())]
