"""The owner's local door: where further stdio processes, the command line and a starting `serve` come in.

Only this user can open it (a 0600 socket, and the kernel says who connected; on Windows loopback TCP and a secret from
the lock file, untested there). The first line says what the caller wants: a `session` of its own over the same data,
one `command`, or the `handover` of the directory.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import os
import secrets
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from construction_mcp import __version__
from construction_mcp.core.errors import Conflict, ConstructionError, Invalid, NotPermitted, Unavailable
from construction_mcp.core.launch import Launch
from construction_mcp.core.ownership import HELLO_BYTES_MAX, Holder, Ownership, socket_path
from construction_mcp.front.bounds import UNSENT_BYTES_HIGH
from construction_mcp.front.conversation import Conversation
from construction_mcp.front.frames import FrameSplitter, Oversize, dump_frame, error_frame, find_id
from construction_mcp.server.channel import Channel
from construction_mcp.server.workplace import Workplace

log = logging.getLogger(__name__)

HELLO_TIMEOUT_S = 5.0  # a caller that connects and says nothing is let go


class LocalDoor:
    """Accepts local connections for as long as the directory is owned."""

    def __init__(self, launch: Launch, ownership: Ownership, workplace: Workplace, *, kind: str = "stdio") -> None:
        self.asked_to_leave = asyncio.Event()
        self.workplace = workplace
        self._launch, self._ownership, self._kind = launch, ownership, kind
        self._secret = secrets.token_hex(16)
        self._server: asyncio.Server | None = None
        self._path: str | None = None
        self._callers: set[_Caller] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._successor: asyncio.BaseTransport | None = None

    async def open(self) -> None:
        """Listen, and write into the lock file where."""
        loop = asyncio.get_running_loop()
        if sys.platform == "win32":
            self._server = await loop.create_server(self._caller, "127.0.0.1", 0)
            address = f"tcp:127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        else:
            address = self._path = socket_path(self._ownership.data_dir)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address)  # noqa: PTH108 - what a killed owner left; we hold the lock
            before = os.umask(0o177)
            try:
                self._server = await loop.create_unix_server(self._caller, address)
            finally:
                os.umask(before)
        self._ownership.announce(Holder(os.getpid(), __version__, self._kind, address, self._secret))

    async def close(self, within_s: float | None = None) -> None:
        """Accept nobody further; answer what the callers have in flight, then let them go.

        within_s: seconds they have for it; the house's drain time unless given.
        """
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)  # noqa: PTH108 - one call on a path we made
        for caller in list(self._callers):
            caller.leave()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.workplace.limits.drain_s if within_s is None else within_s)
        for task in self._tasks:
            task.cancel()

    def say_left(self) -> None:
        """Tell the process that asked for the directory that it is free now."""
        if isinstance(self._successor, asyncio.WriteTransport):
            self._successor.write(dump_frame({"result": {}}))
            self._successor.close()

    def _caller(self) -> "_Caller":
        return _Caller(self)

    # what callers ask for

    def admit(self, caller: "_Caller", said: dict[str, Any]) -> None:
        """Judge a hello and give the caller what it wants.

        Raises:
            ConstructionError: it may not have it; the caller is told why.
        """
        if not hmac.compare_digest(str(said.get("secret")), self._secret):
            raise NotPermitted("The secret is not the one in the lock file.")
        want = said.get("want")
        if want != "handover" and said.get("package_version") != __version__:
            raise Unavailable(
                f"The data directory is owned by process {os.getpid()} running construction-mcp {__version__}, "
                f"and this is {said.get('package_version')}.",
                code="SYSTEM_OWNER_VERSION",
                hint="Restart the older one, or use another --data-dir.",
                retryable=False,
            )
        if want == "session":
            self._start(caller, self._serve(caller, said))
        elif want == "command":
            self._start(caller, self._command(caller, said))
        elif want == "handover" and self._kind == "stdio":
            self._successor = caller.keep()
            self.asked_to_leave.set()
        else:
            raise Invalid(
                f"The owner, process {os.getpid()} ({self._kind}), cannot do {want!r}.", code="SYSTEM_DIRECTORY_OWNED"
            )

    def _start(self, caller: "_Caller", work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        self._callers.add(caller)

        def finished(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._callers.discard(caller)
            caller.close()
            if not done.cancelled() and (problem := done.exception()) is not None:
                log.error("a local connection failed", exc_info=problem)  # it ends one connection, not the owner

        task.add_done_callback(finished)

    async def _serve(self, caller: "_Caller", said: dict[str, Any]) -> None:
        try:
            self._require_same_environment(said.get("environment"))
            toolsets = tuple(str(name) for name in said.get("toolsets") or ())
            server = self.workplace.server(toolsets, read_only=said.get("read_only") is not False)
        except ConstructionError as error:
            caller.refuse(error)
            return
        channel = Channel(caller, Conversation(), self.workplace.limits)
        caller.write(dump_frame({"result": {}}))
        caller.join(channel)
        await server.run(channel.incoming, channel.outgoing, server.create_initialization_options())

    def _require_same_environment(self, environment: object) -> None:
        if environment != self._launch.environment:
            raise Conflict(
                f"The data directory is in use with PROCORE_ENVIRONMENT={self._launch.environment}, "
                f"and this client asks for {environment}.",
                code="SYSTEM_DIRECTORY_OWNED",
                hint="Use the same environment, or another --data-dir.",
            )

    async def _command(self, caller: "_Caller", said: dict[str, Any]) -> None:
        try:
            result = await self.workplace.command(str(said.get("command")), dict(said.get("arguments") or {}))
        except ConstructionError as error:
            caller.refuse(error)
        except Exception:  # a mistake of ours; the caller is told so instead of meeting a closed door
            log.exception("command %s failed", str(said.get("command"))[:100])
            caller.refuse(ConstructionError("The owner made a mistake; its log says which."))
        else:
            caller.write(dump_frame({"result": result}))


class _Caller(asyncio.Protocol):
    """One local connection: its hello, then whatever it was admitted to."""

    def __init__(self, door: LocalDoor) -> None:
        self._door = door
        self._transport: asyncio.Transport
        self._splitter = FrameSplitter()
        self._channel: Channel | None = None
        self._waiting: list[bytes] = []
        self._is_admitted = False
        self._has_ended = False
        self._timer: asyncio.TimerHandle | None = None
        self._when_sent: list[Callable[[], None]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=UNSENT_BYTES_HIGH, low=0)
        if not is_same_user(transport.get_extra_info("socket")):
            transport.abort()
            return
        self._timer = asyncio.get_running_loop().call_later(HELLO_TIMEOUT_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        frames: list[bytes] = []
        for frame in self._splitter.feed(data):
            if isinstance(frame, Oversize):
                self.write(error_frame(find_id(frame.head, frame.tail), -32600, "Invalid Request: too large"))
            elif self._is_admitted:
                frames.append(frame)
            else:
                self._greet(frame)
        if self._channel is not None:
            self._channel.frames(frames)
        else:
            self._waiting += frames

    def eof_received(self) -> bool:
        self._has_ended = True
        if self._channel is not None:
            self._channel.end()
        return True  # the answers still go out

    def connection_lost(self, _: Exception | None) -> None:
        self.resume_writing()
        if self._channel is not None:
            self._channel.end()

    def resume_writing(self) -> None:
        waiting, self._when_sent = self._when_sent, []
        for callback in waiting:
            callback()

    def _greet(self, frame: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._is_admitted = True
        try:
            said = json.loads(frame[:HELLO_BYTES_MAX])
            if not isinstance(said, dict):
                raise Invalid("A hello is an object.")
            self._door.admit(self, said)
        except ValueError:
            self.refuse(Invalid("The first line is not a hello."))
        except ConstructionError as error:
            self.refuse(error)

    def refuse(self, error: ConstructionError) -> None:
        """Say why, and close."""
        self.write(dump_frame(error.public()))
        self._transport.close()

    def join(self, channel: Channel) -> None:
        """From here on the channel hears this connection."""
        self._channel = channel
        channel.frames(self._waiting)
        if self._has_ended:
            channel.end()

    def leave(self) -> None:
        """The owner ends: answer what was read; another owner goes on with the client."""
        if self._channel is not None:
            self._transport.pause_reading()
            self._channel.end_for_successor()

    def keep(self) -> asyncio.Transport:
        """Give the connection to whoever answers it later."""
        return self._transport

    def close(self) -> None:
        """Send what is left and close."""
        self._transport.close()

    # the outlet side

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    @property
    def unsent_bytes(self) -> int:
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def when_sent(self, callback: Callable[[], None]) -> None:
        self._when_sent.append(callback)


def is_same_user(channel: socket.socket) -> bool:
    """Whether the kernel says that the peer is this user; where it cannot say, the socket's own mode has decided."""
    if sys.platform != "linux":
        return True
    credentials = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
