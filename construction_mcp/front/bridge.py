"""Passing the session through the process that owns the data directory."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable

from construction_mcp import __version__
from construction_mcp.core.launch import Launch
from construction_mcp.core.ownership import HELLO_BYTES_MAX, Holder, connect, error_from, hello, read_line
from construction_mcp.front.bounds import DRAIN_S, READ_BYTES
from construction_mcp.front.frames import FrameSplitter, Oversize, usable_id
from construction_mcp.front.session import Outcome, Session


def reach_owner(holder: Holder, launch: Launch) -> tuple[socket.socket, bytes] | None:
    """An admitted connection to the owner and what it sent already; None when nobody answers there (any more).

    Raises:
        ConstructionError: the owner refuses this process: another version or environment.
    """
    try:
        channel = connect(holder)
    except OSError:
        return None
    try:
        channel.sendall(
            hello(
                holder,
                "session",
                package_version=__version__,
                toolsets=launch.toolsets,
                read_only=launch.read_only,
                environment=launch.environment,
            )
        )
        line, rest = read_line(channel, HELLO_BYTES_MAX)
        answer = json.loads(line)
    except (OSError, ValueError):
        channel.close()
        return None
    if "error" in answer:
        channel.close()
        raise error_from(answer)
    channel.settimeout(None)
    return channel, rest


def bridge(session: Session, channel: socket.socket, early: bytes) -> Outcome:
    """Pass frames both ways until either side ends. Calls the owner leaves behind are answered SYSTEM_OWNER_GONE."""
    sink = _ToOwner(session, channel)
    session.attach(sink)
    from_owner = FrameSplitter(bytes_max=1 << 62)  # the owner is us: its answers need no cap
    data = early
    try:
        while True:
            for frame in from_owner.feed(data):
                assert not isinstance(frame, Oversize)
                sink.answered(frame)
            data = channel.recv(READ_BYTES)
            if not data:
                break
    except OSError:
        pass
    finally:
        _shut(channel)  # first: the reading thread may be waiting for an owner that takes nothing
        session.detach()
        channel.close()
    if session.has_ended and not sink.has_unanswered:
        return Outcome.ENDED
    for answer in session.conversation.fail_in_flight():
        session.write(answer)
    return Outcome.ENDED if session.has_ended else Outcome.OWNER_GONE


class _ToOwner:
    """The sink of a bridged session: called by the reading thread, while the main thread waits for the owner."""

    def __init__(self, session: Session, channel: socket.socket) -> None:
        self._session, self._channel = session, channel
        self._lock = threading.Lock()  # the conversation is noted from both threads

    def frames(self, frames: list[bytes]) -> None:
        with self._lock:
            for frame in frames:
                self._note(frame)
        self._try(self._channel.sendall, b"".join(frame + b"\n" for frame in frames))

    def end(self) -> None:
        self._try(self._channel.shutdown, socket.SHUT_WR)
        patience = threading.Timer(DRAIN_S, _shut, (self._channel,))
        patience.daemon = True
        patience.start()

    def answered(self, frame: bytes) -> None:
        """Pass a line from the owner on, unless it answers the replay."""
        conversation = self._session.conversation
        with self._lock:
            message = json.loads(frame)
            if conversation.is_hidden(message):
                return
            if "method" not in message:
                conversation.answered(message.get("id"))
            elif "id" in message:
                conversation.questions.add(message["id"])
        self._session.write(frame + b"\n")

    @property
    def has_unanswered(self) -> bool:
        with self._lock:
            return not self._session.conversation.is_idle

    def _note(self, frame: bytes) -> None:
        """Remember what the owner would: a frame it will refuse is not in flight here, its answer passes by."""
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError):
            return  # the owner will say what is wrong with it
        if not isinstance(message, dict):
            return
        request_id = usable_id(message.get("id"))
        if "method" not in message:
            self._session.conversation.questions.discard(request_id or 0)
            return
        if not (isinstance(message["method"], str) and isinstance(message.get("params"), dict | None)):
            return
        if request_id is not None or "id" not in message:
            self._session.conversation.heard(message["method"], request_id, message.get("params"))

    def _try(self, send: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(OSError):  # the main thread sees the owner's end and answers what is in flight
            send(*arguments)


def _shut(channel: socket.socket) -> None:
    with contextlib.suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)
