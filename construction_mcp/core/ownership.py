"""One data directory, one owner: an exclusive lock, what its holder says about itself, and how to ask it for something.

SQLite before 3.51.3 can corrupt a database that two processes write, so whoever does not hold `owner.lock` speaks to
the process that does. Standard library only: this is on the path of the first answered frame.

Windows (msvcrt lock, loopback TCP and a secret instead of a unix socket) is written but untested there.
"""

import json
import os
import socket
import sys
import time
from typing import Any, NamedTuple

from construction_mcp import __version__
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.errors import ConstructionError, Unavailable

LOCK_FILE = "owner.lock"
HELLO_BYTES_MAX = 64 * 1024  # the first line of a local connection; also the size of the lock file's text
UNIX_PATH_BYTES_MAX = 100  # sun_path is 108 bytes on Linux, 104 on macOS
RETRY_S = 0.02  # between looking for the lock and for its holder's door: nobody notifies either
CONNECT_TIMEOUT_S = 5.0  # a local accept takes microseconds; only a stopped process needs longer

# The locked byte lies far behind the text, because Windows locks are mandatory and the text must stay readable.
_LOCKED_BYTE = 1 << 30


class Holder(NamedTuple):
    """What the owner wrote about itself: `kind` is stdio, serve or command. `address` is empty unless it accepts
    local connections."""

    pid: int
    package_version: str
    kind: str
    address: str = ""
    secret: str = ""


class Ownership:
    """The exclusive right to one data directory, held until `release` or the end of the process."""

    def __init__(self, data_dir: str, lock_fd: int) -> None:
        self.data_dir = data_dir
        self._fd = lock_fd

    def announce(self, holder: Holder) -> None:
        """Say who holds the directory and where it listens. A reader that meets half of it finds no holder yet."""
        text = json.dumps(holder._asdict()).encode()
        assert len(text) < HELLO_BYTES_MAX
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, text.ljust(_written(self._fd), b" ") + b"\n")

    def release(self) -> None:
        """Let go; the next `take` succeeds. Safe to call twice."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)  # closing drops the lock; unlocking first would let another in before the text is gone
            self._fd = -1


def take(data_dir: str | os.PathLike[str], *, kind: str = "stdio") -> Ownership | None:
    """Own `data_dir` (made for this user alone if absent) as a `kind` of process, or None while another process does.

    Raises:
        Unavailable: the directory or its lock file cannot be made or opened.
    """
    directory = os.fspath(data_dir)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        fd = os.open(os.path.join(directory, LOCK_FILE), os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as problem:
        raise Unavailable(
            f"The data directory {directory} cannot be used: {problem.strerror}.",
            code="SYSTEM_STORAGE_READONLY",
            hint="Choose another with --data-dir.",
        ) from None
    if not _lock(fd):
        os.close(fd)
        return None
    os.ftruncate(fd, 0)  # what a killed owner said is no longer true
    ownership = Ownership(directory, fd)
    ownership.announce(Holder(os.getpid(), __version__, kind))
    return ownership


def holder_of(data_dir: str | os.PathLike[str]) -> Holder | None:
    """Who says it owns `data_dir`; None when nobody has said so. May be out of date: only `take` tells for certain."""
    try:
        with open(os.path.join(os.fspath(data_dir), LOCK_FILE), "rb") as file:
            said = json.loads(file.read(HELLO_BYTES_MAX))
        return Holder(**said)
    except (OSError, ValueError, TypeError):
        return None


def connect(holder: Holder) -> socket.socket:
    """A connection to the owner's local door.

    Raises:
        OSError: nobody listens there any more.
    """
    if holder.address.startswith("tcp:"):
        host, _, port = holder.address.removeprefix("tcp:").rpartition(":")
        return socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        channel.settimeout(CONNECT_TIMEOUT_S)
        channel.connect(holder.address)
    except OSError:
        channel.close()
        raise
    return channel


def hello(holder: Holder, want: str, **said: Any) -> bytes:
    """The first line of a local connection."""
    return json.dumps({"want": want, "secret": holder.secret, **said}).encode() + b"\n"


def read_line(channel: socket.socket, bytes_max: int) -> tuple[bytes, bytes]:
    """The next line and what came behind it.

    Raises:
        OSError: the connection ended or the line is longer than `bytes_max`.
    """
    data = b""
    while b"\n" not in data:
        more = channel.recv(65536)
        if not more or len(data) > bytes_max:
            raise ConnectionResetError("the owner closed the connection")
        data += more
    line, _, rest = data.partition(b"\n")
    return line, rest


def ask_owner(
    data_dir: str | os.PathLike[str], command: str, arguments: dict[str, Any] | None = None, timeout: float = 60.0
) -> dict[str, Any]:
    """Have the owner of `data_dir` run one of its commands, and return what it answered.

    Raises:
        ConstructionError: the owner refused or failed, with the code it gave.
        Unavailable: nobody answers there within `timeout` seconds.
    """
    holder = _await_door(data_dir, timeout)
    try:
        with connect(holder) as channel:
            channel.settimeout(timeout)
            channel.sendall(
                hello(holder, "command", package_version=__version__, command=command, arguments=arguments or {})
            )
            line, _ = read_line(channel, 16 * 1024 * 1024)
        answer = json.loads(line)
    except (OSError, ValueError):
        raise Unavailable(
            f"The process {holder.pid} that owns the data directory did not answer.",
            hint="Repeat, or stop that process.",
        ) from None
    if "error" in answer:
        raise error_from(answer)
    result: dict[str, Any] = answer["result"]
    return result


def _await_door(data_dir: str | os.PathLike[str], timeout: float) -> Holder:
    """The owner, once it listens: one that starts needs a second for that."""
    end = time.monotonic() + min(timeout, CONNECT_TIMEOUT_S)
    while True:
        holder = holder_of(data_dir)
        if holder is not None and holder.address:
            return holder
        if time.monotonic() > end:
            raise Unavailable("Nobody listens for this data directory.", hint="Repeat in a moment.")
        time.sleep(RETRY_S)


def error_from(answer: dict[str, Any]) -> ConstructionError:
    """The error another process told us about, as our own."""
    said = answer["error"]
    return ConstructionError(
        str(said.get("message", "")),
        code=said["code"] if said.get("code") in CATALOGUE else None,
        details=said.get("details"),
        retryable=bool(said.get("retryable")),
        retry_after_s=said.get("retry_after_s"),
    )


def socket_path(data_dir: str) -> str:
    """Where the owner of `data_dir` listens: beside its data, or in a private directory where that path is too long.

    Raises:
        OSError: the private directory is not ours alone.
    """
    beside = os.path.join(data_dir, "owner.sock")
    if len(os.fsencode(beside)) <= UNIX_PATH_BYTES_MAX:
        return beside
    from hashlib import sha256

    base = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108 - made 0700 and its owner checked below
    private = os.path.join(base, f"construction-mcp-{os.getuid()}")
    os.makedirs(private, mode=0o700, exist_ok=True)
    found = os.lstat(private)
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{private} belongs to somebody else")
    return os.path.join(private, sha256(os.fsencode(data_dir)).hexdigest()[:16] + ".sock")


def _written(fd: int) -> int:
    return min(os.fstat(fd).st_size, HELLO_BYTES_MAX)


def _lock(fd: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
