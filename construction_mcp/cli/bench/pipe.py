"""A server process spoken to in raw lines. What an SDK client costs would hide what a server costs."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from construction_mcp.cli.bench.effort import clean_environment
from construction_mcp.core.errors import Unavailable

DEADLINE_S = 120.0  # for one session; a server that hangs is ended and the measure fails
HANDSHAKE, MODERN = "2025-11-25", "2026-07-28"
CLIENT = {"name": "construction-mcp bench", "version": "1"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_READ_BYTES = 1 << 20


def frame(number: int, method: str, params: Mapping[str, Any] | None = None, *, modern: bool = False) -> bytes:
    """One request as a line without its end."""
    body = {**(params or {}), **({"_meta": ENVELOPE} if modern else {})}
    return json.dumps(
        {"jsonrpc": "2.0", "id": number, "method": method, "params": body}, separators=(",", ":")
    ).encode()


class Pipe:
    """One process and its two pipes; ended with the block."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self.command = command
        self.began = time.perf_counter()
        self.process = subprocess.Popen(  # noqa: S603 - our own servers, as a list of words
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(environ),
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._buffer = b""
        self._lines: list[bytes] = []
        self._number = 0
        self._deadline = threading.Timer(DEADLINE_S, self.process.kill)
        self._deadline.start()

    def __enter__(self) -> "Pipe":
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._deadline.cancel()
        self.process.stdout.close()

    @property
    def age_ms(self) -> float:
        """Milliseconds since it was started."""
        return (time.perf_counter() - self.began) * 1000

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._in, data) :]

    def answers(self) -> list[bytes]:
        """The answers that have come; at least one, whatever it takes.

        Raises:
            Unavailable: the process ended.
        """
        while not self._lines:
            data = os.read(self._out, _READ_BYTES)
            if not data:
                raise Unavailable(f"A measured server ended: {' '.join(self.command)}")
            *whole, self._buffer = (self._buffer + data).split(b"\n")
            self._lines += [line for line in whole if b'"id"' in line]
        found, self._lines = self._lines, []
        return found

    def ask(self, method: str, params: Mapping[str, Any] | None = None, *, modern: bool = False) -> dict[str, Any]:
        """The result of one request; nothing else may be under way.

        Raises:
            Unavailable: the process ended, or answered with an error.
        """
        self._number += 1
        self.write(frame(self._number, method, params, modern=modern) + b"\n")
        answer: dict[str, Any] = json.loads(self.answers()[-1])
        if "result" not in answer:
            raise Unavailable(f"A measured server refused {method}: {str(answer.get('error'))[:200]}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, *, modern: bool = False) -> dict[str, Any]:
        """The opening of either era; its result."""
        if modern:
            return self.ask("server/discover", modern=True)
        told = self.ask("initialize", {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": CLIENT})
        self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        return told

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a tool that has to succeed; its trace beside it under `_trace`.

        Raises:
            Unavailable: it failed.
        """
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise Unavailable(f"{tool} failed: {str(result)[:300]}")
        return {**result.get("structuredContent", {}), "_trace": result["_meta"]["construction-mcp/trace"]}

    @property
    def rss_peak_mb(self) -> float | None:
        """The most memory it and its children ever held; None where the system does not tell (only Linux does)."""
        found = [_peak_kb(pid) for pid in family(self.process.pid)]
        known = [kb for kb in found if kb is not None]
        return sum(known) / 1024 if known else None

    @property
    def cpu_s(self) -> float | None:
        """Processor time of it and its children so far; None where the system does not tell."""
        return cpu_of(self.process.pid)


def family(pid: int) -> list[int]:
    """A process and what it started."""
    found = [pid]
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:  # it ended meanwhile
            continue
        for child in children:
            found += family(int(child))
    return found


def cpu_of(pid: int) -> float | None:
    """Seconds of processor time of a process and its children."""
    ticks = 0
    try:
        for one in family(pid):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError):
        return None


def _peak_kb(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
