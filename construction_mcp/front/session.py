"""The client's pipe, held for the life of the process whoever answers it.

One place reads and one place writes. Reading is driven by a thread while the main thread imports or bridges, and by the
event loop's own selector while the SDK serves: that saves two thread switches a call. Frames that arrive while nobody
serves wait here in order.
"""

import contextlib
import os
import select
import socket
import stat
import sys
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from construction_mcp.front.bounds import FRAME_BYTES_MAX, READ_BYTES
from construction_mcp.front.conversation import Conversation
from construction_mcp.front.frames import FrameSplitter, Oversize, error_frame, find_id
from construction_mcp.front.static import StaticFront


class Outcome(Enum):
    """Why a server stopped serving the session."""

    ENDED = "the client closed its end, or the process was told to stop"
    OWNER_GONE = "the owner of the data directory went away"
    HANDOVER = "another process asked for the data directory"


class Sink(Protocol):
    """Who answers the client now."""

    def frames(self, frames: list[bytes]) -> None:
        """Take frames in the order they were read."""
        ...

    def end(self) -> None:
        """No more frames will come."""
        ...


class Session:
    """One client on two file descriptors."""

    def __init__(self, in_fd: int, out_fd: int, *, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self.conversation = Conversation()
        self.has_ended = False
        self._in_fd, self._out_fd = in_fd, out_fd
        self._frame_bytes_max = frame_bytes_max
        self._splitter = FrameSplitter(frame_bytes_max)
        self._backlog: list[bytes] = []
        self._sink: Sink | None = None
        self.front: StaticFront | None = None  # answered the first frames, if there was somebody to
        self._on_early_end: Callable[[], None] | None = None
        self._lock = threading.RLock()  # sink, backlog, splitter
        self._thread: threading.Thread | None = None
        self._loop: Any = None
        self._parked = False
        self._waking, self._wake = socket.socketpair()
        self._out_lock = threading.Lock()
        self._unsent = bytearray()
        self._when_sent: list[Callable[[], None]] = []
        self._is_deaf = False
        self._was_blocking = _stop_blocking(out_fd)

    @classmethod
    def claim(cls) -> "Session":
        """Take stdin and stdout away from everybody else: prints and children get stderr and the null device."""
        in_fd, out_fd = os.dup(0), os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(in_fd, out_fd)

    # who answers

    def answer_early(self, front: StaticFront, on_end: Callable[[], None]) -> None:
        """Let `front` answer from a thread while the main one is busy. The first frame it declines (None) and every
        later one wait for `attach`; `on_end` is called if the client leaves while none waits."""
        with self._lock:
            self.front, self._on_early_end = front, on_end
            waiting, self._backlog = self._backlog, []
            self._answer_early(waiting)
        self._start_thread()

    def listen(self) -> None:
        """Collect what the client sends for the next sink, and notice when it leaves."""
        self._start_thread()

    @property
    def has_nothing_waiting(self) -> bool:
        """Whether no frame waits for the next sink."""
        return not self._backlog

    def stay(self) -> None:
        """From now on the client's leaving is for the next sink to see: something worth closing is being opened."""
        with self._lock:
            self._on_early_end = None

    def attach(self, sink: Sink, loop: Any = None, *, replay: bool = True) -> None:
        """Give `sink` the frames that wait and all later ones, after the replay of what its predecessor knew.

        With a running event `loop` the sink is called on it.
        """
        self._park()
        with self._lock:
            self.front = None
            self._sink = sink if loop is None else _OnLoop(sink, loop)
            waiting, self._backlog = self._backlog, []
            first = self.conversation.replay() if replay else []
            if first or waiting:
                self._sink.frames(first + waiting)
            if self.has_ended:
                self._sink.end()
                return
        self._read_on(loop)
        if self._unsent:
            self.write(b"")

    def pause(self) -> None:
        """Leave what the client sends from now on in its pipe; the sink may still answer what it has."""
        self._park()

    def detach(self) -> None:
        """Keep frames for the next sink from now on."""
        self._park()
        with self._lock:
            self._sink = None
        if self._loop is not None:
            self._loop.remove_writer(self._out_fd)
            self._loop = None

    def end(self) -> None:
        """Read no more, as if the client had closed its end. Callable from a signal handler."""
        if sys.platform == "win32":  # there the reading thread waits for the client alone
            threading.Thread(target=self._deliver, args=([],), kwargs={"is_last": True}, daemon=True).start()
        else:
            self._wake_up(b"e")

    # reading

    def _read_on(self, loop: Any) -> None:
        if loop is not None and sys.platform != "win32":
            try:
                loop.add_reader(self._in_fd, self._read)
                loop.add_reader(self._waking.fileno(), self._woken)
            except (PermissionError, NotImplementedError):  # a regular file cannot be polled
                loop.remove_reader(self._in_fd)
            else:
                self._loop = loop
                return
        self._start_thread()

    def _start_thread(self) -> None:
        if self._thread is None:
            self._parked = False
            self._thread = threading.Thread(target=self._read_until_parked, name="stdin", daemon=True)
            self._thread.start()

    def _read_until_parked(self) -> None:
        while not (self._parked or self.has_ended):
            if sys.platform != "win32":  # Windows cannot select on pipes: there the thread is never parked
                ready, _, _ = select.select([self._in_fd, self._waking.fileno()], [], [])
                if self._waking.fileno() in ready:
                    self._woken()
                    continue
            self._read()

    def _park(self) -> None:
        """Stop reading; what is read already is delivered."""
        if self._loop is not None:
            self._loop.remove_reader(self._in_fd)
            self._loop.remove_reader(self._waking.fileno())
        thread = self._thread
        if thread is not None and sys.platform != "win32":
            self._parked = True
            self._wake_up(b"p")
            thread.join()
            self._thread = None

    def _wake_up(self, why: bytes) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(why)

    def _woken(self) -> None:
        if b"e" in self._waking.recv(64):
            self._deliver([], is_last=True)

    def _read(self) -> None:
        try:
            data = os.read(self._in_fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # EIO: the terminal is gone
            data = b""
        with self._lock:
            frames = self._splitter.feed(data) if data else self._splitter.finish()
            self._deliver([frame for frame in frames if self._fits(frame)], is_last=not data)  # type: ignore[misc]  # _fits narrows

    def _fits(self, frame: bytes | Oversize) -> bool:
        if not isinstance(frame, Oversize):
            return True
        message = f"Invalid Request: a message may have {self._frame_bytes_max} bytes at most"
        self.write(error_frame(find_id(frame.head, frame.tail), -32600, message))
        return False

    def _deliver(self, frames: list[bytes], *, is_last: bool) -> None:
        with self._lock:
            if self.has_ended:
                return
            if is_last:
                self.has_ended = True
                if self._loop is not None:
                    self._loop.remove_reader(self._in_fd)
            if self._sink is None:
                self._answer_early(frames)
                if is_last and not self._backlog and self._on_early_end is not None:
                    self._on_early_end()
                return
            if frames:
                self._sink.frames(frames)
            if is_last:
                self._sink.end()

    def _answer_early(self, frames: list[bytes]) -> None:
        for frame in frames:
            answer = self.front(frame) if self.front is not None and not self._backlog else None
            if answer is None:
                self._backlog.append(frame)
            elif answer:
                self.write(answer)

    # writing

    def write(self, data: bytes) -> None:
        """Send bytes to the client, from any thread; without an event loop, wait for a client that does not read."""
        with self._out_lock:
            if not self._unsent:
                data = data[self._send(data) :]
            self._unsent += data
            if self._unsent and not self._is_deaf:
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._flush_when_possible)
                else:
                    self._flush_now()

    @property
    def unsent_bytes(self) -> int:
        """How much waits for a client that does not read."""
        return len(self._unsent)

    def when_sent(self, callback: Callable[[], None]) -> None:
        """Call back on the event loop once nothing waits any more."""
        self._when_sent.append(callback)

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._out_fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:  # the client is gone: nobody will read what is left, and it can ask nothing more
            self._is_deaf = True
            self._unsent.clear()
            self.end()
            return len(data)

    def _flush_when_possible(self) -> None:
        if self._loop is not None and self._unsent:
            self._loop.add_writer(self._out_fd, self._flush)

    def _flush(self) -> None:
        waiting: list[Callable[[], None]] = []
        with self._out_lock:
            sent = self._send(self._unsent)
            del self._unsent[:sent]
            if not self._unsent and self._loop is not None:
                self._loop.remove_writer(self._out_fd)
                waiting, self._when_sent = self._when_sent, []
        for callback in waiting:
            callback()

    def _flush_now(self) -> None:
        while self._unsent and self._has_room(None):
            sent = self._send(self._unsent)
            del self._unsent[:sent]

    def _has_room(self, wait_s: float | None) -> bool:
        """Wait until the client takes more. Where writing waits by itself there is always room."""
        if os.name == "nt" or os.get_blocking(self._out_fd):
            return True
        return bool(select.select([], [self._out_fd], [], wait_s)[1])

    def close(self, wait_s: float) -> None:
        """Send what is left, wait at most `wait_s` for a client that does not read; give the pipe back as it was."""
        with self._out_lock:
            while self._unsent and self._has_room(wait_s):
                del self._unsent[: self._send(self._unsent)]
        if self._was_blocking:
            os.set_blocking(self._out_fd, True)


class _OnLoop:
    """Calls a sink on its event loop, wherever it is called from. On the loop's own thread the call is direct."""

    def __init__(self, sink: Sink, loop: Any) -> None:
        self._sink, self._loop, self._thread_id = sink, loop, threading.get_ident()

    def frames(self, frames: list[bytes]) -> None:
        self._call(self._sink.frames, frames)

    def end(self) -> None:
        self._call(self._sink.end)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if threading.get_ident() == self._thread_id:
            function(*arguments)
        else:
            self._loop.call_soon_threadsafe(function, *arguments)


def _stop_blocking(fd: int) -> bool:
    """Make writing to a pipe or socket return rather than wait; False where it already did or must not be changed.

    A terminal's setting is shared with the shell that started us, a file never blocks.
    """
    mode = os.fstat(fd).st_mode
    if sys.platform == "win32" or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)) or not os.get_blocking(fd):
        return False
    os.set_blocking(fd, False)
    return True
