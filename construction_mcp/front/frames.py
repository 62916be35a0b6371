"""Bytes to frames: one JSON-RPC message a line, bounded, and the id of a frame that nobody can read whole.

Source: MCP 2025-11-25 and 2026-07-28, transports, stdio: messages are delimited by newlines and contain none.
"""

import json
import re
from typing import NamedTuple

from construction_mcp.front.bounds import FRAME_BYTES_MAX, PREFIX_BYTES

RequestId = int | str

_KEY = re.compile(rb'\s*"((?:[^"\\]|\\.)*)"\s*:\s*')
_SCALAR = re.compile(rb'("(?:[^"\\]|\\.)*"|-?\d{1,18}(?![\d.eE])|true|false|null)\s*')
# The last key of the outermost object: one closing brace follows it and nothing else.
_LAST_ID = re.compile(rb'[{,]\s*"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d{1,18})\s*\}\s*$')


class Oversize(NamedTuple):
    """A line over the cap: its first and last bytes are all that was kept."""

    head: bytes
    tail: bytes


class FrameSplitter:
    """Cuts a byte stream into lines; CRLF is tolerated, lines over the cap are skipped and reported."""

    def __init__(self, bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._size = 0
        self._head: bytes | None = None  # of the oversize line being skipped

    def feed(self, data: bytes) -> list[bytes | Oversize]:
        """The lines that `data` completes."""
        frames: list[bytes | Oversize] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._keep(line)
            frames.append(self._take())
        if rest:
            self._keep(rest)
        return frames

    def finish(self) -> list[bytes | Oversize]:
        """What the stream ended with, if it was not a newline."""
        return [self._take()] if self._size else []

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        self._parts.append(part)
        if self._size > self._bytes_max:
            joined = b"".join(self._parts)
            self._head = self._head or joined[:PREFIX_BYTES]
            self._parts = [joined[-PREFIX_BYTES:]]

    def _take(self) -> bytes | Oversize:
        line = b"".join(self._parts) if len(self._parts) != 1 else self._parts[0]
        head, self._parts, self._size, self._head = self._head, [], 0, None
        if head is not None:
            return Oversize(head, line)
        return line[:-1] if line.endswith(b"\r") else line


def find_id(head: bytes, tail: bytes) -> RequestId | None:
    """The top-level `id` in the outer pieces of a frame that is too large or too deep to read; None when not there.

    Looks at the scalars in front of the first container and at the very last key, which is where clients put it.
    """
    position = 1 if head.startswith(b"{") else len(head)
    while key := _KEY.match(head, position):
        value = _SCALAR.match(head, key.end())
        if value is None:
            break
        if key[1] == b"id":
            return usable_id(_scalar(value[1]))
        position = value.end() + 1  # behind the comma
    last = _LAST_ID.search(tail)
    return usable_id(_scalar(last[1])) if last else None


def usable_id(value: object) -> RequestId | None:
    """`value` if it may be a request's id: a string or a whole number, as MCP demands."""
    if isinstance(value, str):
        return value if value.isascii() or _encodes(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def error_frame(request_id: RequestId | None, code: int, message: str, data: object = None) -> bytes:
    """A JSON-RPC error, as a line."""
    error: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return dump_frame({"jsonrpc": "2.0", "id": request_id, "error": error})


def dump_frame(message: object) -> bytes:
    """Compact JSON in UTF-8, and the newline."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _scalar(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate cannot be sent back
        return False
    return True
