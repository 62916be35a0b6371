"""An HTTP server spoken to in raw requests over kept connections, one or many at once, from a single thread."""

import json
import selectors
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from construction_mcp.cli.bench.effort import clean_environment
from construction_mcp.core.errors import Unavailable

_PATIENCE_S = 60.0
_READ_BYTES = 1 << 16


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole request."""
    said = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "content-length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def get(path: str, headers: Mapping[str, str]) -> bytes:
    """A whole request without a body."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": "127.0.0.1", **headers}.items())
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


class Line:
    """One kept connection; an answer at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = _connected(port)
        self._buffer = b""

    def close(self) -> None:
        self.socket.close()

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. A server may close what was idle for long: then over a new connection."""
        try:
            return self._exchange(request)
        except (Unavailable, ConnectionError):
            self.socket.close()
            self.socket, self._buffer = _connected(self._port), b""
            return self._exchange(request)

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        self.socket.sendall(request)
        while (answer := self.receive()) is None:
            pass
        return answer

    def receive(self) -> tuple[int, bytes] | None:
        """What one read completes.

        Raises:
            Unavailable: the other side closed.
        """
        data = self.socket.recv(_READ_BYTES)
        if not data:
            raise Unavailable("A measured server closed the connection.")
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
        status = int(lines[0].split()[1])
        if length is None:
            if not rest.endswith(b"0\r\n\r\n"):
                return None
            body = _joined(rest)
        elif len(rest) < length:
            return None
        else:
            body = rest[:length]
        self._buffer = b""  # nothing is sent ahead, so nothing follows
        return status, body


def flood(port: int, request: Callable[[int], bytes], total: int, at_once: int) -> float:
    """Exchanges per second with so many under way at any time.

    Raises:
        Unavailable: an answer is no success.
    """
    lines = [Line(port) for _ in range(at_once)]
    with selectors.DefaultSelector() as ready:
        for line in lines:
            ready.register(line.socket, selectors.EVENT_READ, line)
        numbers, done = iter(range(total)), 0
        began = time.perf_counter()
        for line, number in zip(lines, numbers, strict=False):
            line.socket.sendall(request(number))
        while done < total:
            events = ready.select(_PATIENCE_S)
            if not events:
                raise Unavailable("A measured server did not answer.")
            for key, _ in events:
                answer = key.data.receive()
                if answer is None:
                    continue
                require(answer)
                done += 1
                number = next(numbers, -1)
                if number >= 0:
                    key.data.socket.sendall(request(number))
        took = time.perf_counter() - began
    for line in lines:
        line.close()
    return total / took


def require(answer: tuple[int, bytes]) -> bytes:
    """The body of a successful answer.

    Raises:
        Unavailable: it is none.
    """
    status, body = answer
    if not 200 <= status < 300 or b'"isError":true' in body:
        raise Unavailable(f"A measured server answered {status}: {body[:200]!r}")
    return body


@contextmanager
def speaking(
    command: Sequence[str], environ: Mapping[str, str] | None = None
) -> Iterator[tuple[dict[str, Any], subprocess.Popen[bytes]]]:
    """A process that says on one line of stdout where it listens; that line, and the process.

    Raises:
        Unavailable: it ended without saying so.
    """
    process = subprocess.Popen(  # noqa: S603 - our own servers, as a list of words
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(environ),
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise Unavailable(f"A measured server did not start: {' '.join(command)}")
        yield json.loads(line), process
    finally:
        process.terminate()
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _connected(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), _PATIENCE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _joined(chunked: bytes) -> bytes:
    body = b""
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        body, chunked = body + rest[:length], rest[length + 2 :]
        if not length:
            break
    return body
