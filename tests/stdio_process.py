"""A real `construction-mcp` process on pipes. Every wait has a deadline and ends on an event, never on a sleep."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "tests" / "plugins"
DEADLINE_S = 30.0  # for anything: only a hang takes this long

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class StdioProcess:
    """Speaks lines to one process. `modern` puts the 2026-07-28 envelope on every request."""

    def __init__(
        self,
        data_dir: Path,
        *flags: str,
        modern: bool = False,
        plugins: bool = True,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "construction_mcp"),
    ) -> None:
        paths = [str(ROOT), *([str(PLUGINS)] if plugins else [])]
        self.modern = modern
        self.started_at = time.monotonic()
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environ or {})},
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._buffer = b""
        self._next_id = 0
        self._kept: list[dict[str, Any]] = []

    def __enter__(self) -> "StdioProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    # sending

    def send_bytes(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._in, data) :]

    def send(self, message: Mapping[str, Any]) -> None:
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def request(self, method: str, params: Mapping[str, Any] | None = None, *, request_id: Any = None) -> Any:
        """Send a request and return its id."""
        if request_id is None:
            self._next_id += 1
            request_id = self._next_id
        body = dict(params or {})
        if self.modern:
            body["_meta"] = ENVELOPE
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, **({"params": body} if body else {})})
        return request_id

    def open(self) -> dict[str, Any]:
        """The opening of either era; its answer."""
        if self.modern:
            return self.answer(self.request("server/discover"))
        answer = self.answer(self.request("initialize", INITIALIZE))
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def open_live(self) -> None:
        """As `open`, and wait until the SDK behind the front serves."""
        self.open()
        self.ask("prompts/list")

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.answer(self.request(method, params))

    def call(self, tool: str, **arguments: Any) -> Any:
        """Send a tools/call and return its id."""
        return self.request("tools/call", {"name": tool, "arguments": arguments})

    def close_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    # receiving

    def read_line(self, timeout: float = DEADLINE_S) -> bytes | None:
        """The next line; None at the end of the stream."""
        end = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            if not select.select([self._out], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no line within {timeout} s")
            data = os.read(self._out, 1 << 20)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def read(self, timeout: float = DEADLINE_S) -> dict[str, Any]:
        """The next message."""
        line = self.read_line(timeout)
        assert line is not None, f"the process closed stdout; stderr: {self.errors()}"
        message: dict[str, Any] = json.loads(line)
        return message

    def answer(self, request_id: Any, timeout: float = DEADLINE_S) -> dict[str, Any]:
        """The answer to one request; everything else stays for later."""
        for kept in self._kept:
            if _answers(kept, request_id):
                self._kept.remove(kept)
                return kept
        while True:
            message = self.read(timeout)
            if _answers(message, request_id):
                return message
            self._kept.append(message)

    def rest(self) -> list[bytes]:
        """Every line until the stream ends."""
        lines = []
        while (line := self.read_line()) is not None:
            lines.append(line)
        return lines

    def wait(self, timeout: float = DEADLINE_S) -> int:
        return self._process.wait(timeout)

    def log_line(self, words: str, timeout: float = DEADLINE_S) -> dict[str, Any]:
        """The first line of its log that has these words in it."""
        assert self._process.stderr is not None
        end, line = time.monotonic() + timeout, b""
        while words.encode() not in line:
            if not select.select([self._process.stderr], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"nothing logged {words!r} within {timeout} s")
            line = self._process.stderr.readline()
            assert line, f"it ended and never logged {words!r}"
        logged: dict[str, Any] = json.loads(line)
        return logged

    def errors(self) -> str:
        """What it wrote to stderr; call once it has ended."""
        assert self._process.stderr is not None
        return self._process.stderr.read().decode()


class Gate:
    """Where a `pass_gate` call waits until the test lets it through."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.path = str(folder / name)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._listener.settimeout(DEADLINE_S)
        self._waiting: list[socket.socket] = []

    def await_knock(self) -> None:
        """Return once a call waits."""
        self._waiting.append(self._listener.accept()[0])

    def let_through(self, word: str = "go") -> None:
        for caller in self._waiting:
            with contextlib.suppress(BrokenPipeError):  # its process was killed
                caller.sendall(word.encode() + b"\n")
            caller.close()
        self._waiting.clear()

    def close(self) -> None:
        for caller in self._waiting:
            caller.close()
        self._listener.close()


def _answers(message: Mapping[str, Any], request_id: Any) -> bool:
    return "method" not in message and message.get("id") == request_id and type(message["id"]) is type(request_id)
