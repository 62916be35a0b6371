"""Answers the first frames from kept bytes while the SDK imports, and gives up at the first doubt.

Giving up costs nothing but time: the frame and all later ones go to the SDK behind a replay of what was answered here.
So every check below says "exactly this, or not mine".
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from construction_mcp.core.apps import shows_views
from construction_mcp.front.answers import Answers
from construction_mcp.front.conversation import VERSION_KEY, Conversation

MODERN = "2026-07-28"
LATEST_LEGACY = "2025-11-25"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
INFO_KEY = "io.modelcontextprotocol/clientInfo"

_FRAME_BYTES_MAX = 16 * 1024  # a first frame is small; a large one deserves the real parser
_BRACKETS_MAX = 60  # below the depth limit whatever the shape
_PLAIN = re.compile(r"[ !#-\[\]-~]{1,200}", re.ASCII)  # printable, and the same in every JSON writer
_ID_MAX = 1 << 53


class ToolCall(NamedTuple):
    """A tools/call that every reader would understand alike. `version` is what the connection speaks."""

    id: int | str
    params: dict[str, Any]
    version: str

    @property
    def name(self) -> str:
        return str(self.params["name"])

    @property
    def arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = self.params.get("arguments", {})
        return arguments


class StaticFront:
    """A server of few words. Called from one thread at a time."""

    def __init__(self, answers: Answers, conversation: Conversation) -> None:
        self._answers = answers
        self.conversation = conversation
        self._legacy: str | None = None  # the negotiated version
        self._is_modern = False
        self._shows_views = False  # as the handshake said

    def __call__(self, frame: bytes) -> bytes | None:
        """The line that answers `frame`, b"" if it wants none, None if the SDK must see it."""
        taken = self.take(frame)
        return None if isinstance(taken, ToolCall) else taken

    def take(self, frame: bytes) -> bytes | ToolCall | None:
        """As a call of the front; a tools/call is returned, for somebody who can make it without the SDK."""
        message = _read(frame)
        if message is None:
            return None
        method = message.get("method")
        if method == "notifications/initialized":
            return self._initialized(message)
        if not _is_request(message):
            return None
        if method == "tools/call":
            return self._call(message)
        result = self._result(method, message)
        if result is None:
            return None
        self.conversation.heard(str(method), message["id"], message.get("params"))
        self.conversation.answered(message["id"])
        return answer_line(message["id"], result.encode())

    def call(self, frame: bytes) -> ToolCall | None:
        """The tools/call in `frame`, if it is one that `take` would return."""
        message = _read(frame)
        is_call = message is not None and _is_request(message) and message.get("method") == "tools/call"
        return self._call(message) if message is not None and is_call else None

    @property
    def knows_the_connection(self) -> bool:
        """Whether era and version of the connection were settled here, and by no other handshake since."""
        if self._legacy is None:
            return self._is_modern and self.conversation.handshakes == 0
        return self.conversation.handshakes == 1

    def _call(self, message: dict[str, Any]) -> ToolCall | None:
        params = message.get("params")
        if not isinstance(params, dict) or not _is_plain(params.get("name")):
            return None
        if not isinstance(params.get("arguments", {}), dict):
            return None
        rest = {key: value for key, value in params.items() if key not in ("name", "arguments")}
        if self._legacy is not None and _is_legacy_params(rest):
            return ToolCall(message["id"], params, self._legacy)
        if self._legacy is None and _is_modern_params(rest):
            self._is_modern = True
            return ToolCall(message["id"], params, MODERN)
        return None

    def _result(self, method: object, message: dict[str, Any]) -> str | None:
        params = message.get("params", {})
        if not isinstance(params, dict):
            return None
        if method == "initialize":
            return self._initialize(params)
        if self._legacy is not None and _is_legacy_params(params):
            listing = self._answers.legacy_list_views if self._shows_views else self._answers.legacy_list
            return {"tools/list": listing, "ping": "{}"}.get(str(method))
        if self._legacy is None and _is_modern_params(params) and method in ("server/discover", "tools/list"):
            self._is_modern = True
            if method == "server/discover":
                return self._answers.discover
            shows = shows_views(params["_meta"][CAPABILITIES_KEY].get("extensions"))
            return self._answers.modern_list_views if shows else self._answers.modern_list
        return None

    def _initialize(self, params: dict[str, Any]) -> str | None:
        version = params.get("protocolVersion")
        if self._legacy is not None or self._is_modern or set(params) != _INITIALIZE_KEYS:
            return None
        if not (_is_plain(version) and _is_client(params["clientInfo"]) and _is_capable(params["capabilities"])):
            return None
        self._legacy = version if version in self._answers.initialize else LATEST_LEGACY
        self._shows_views = shows_views(params["capabilities"].get("extensions"))
        return self._answers.initialize[self._legacy]

    def _initialized(self, message: dict[str, Any]) -> bytes | None:
        if self._legacy is None or not set(message) <= {"jsonrpc", "method", "params"} or message.get("params", {}):
            return None
        if not isinstance(message.get("params", {}), dict):
            return None
        self.conversation.heard("notifications/initialized", None, None)
        return b""


def modern_call(frame: bytes) -> ToolCall | None:
    """The 2026-07-28 tools/call in `frame`, if every reader would understand it alike; it needs no connection."""
    message = _read(frame)
    if message is None or not _is_request(message) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    if not isinstance(params, dict) or not _is_plain(params.get("name")):
        return None
    if not isinstance(params.get("arguments", {}), dict):
        return None
    rest = {key: value for key, value in params.items() if key not in ("name", "arguments")}
    return ToolCall(message["id"], params, MODERN) if _is_modern_params(rest) else None


def answer_line(request_id: int | str, result: bytes) -> bytes:
    """The line that answers a request."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (json.dumps(request_id).encode(), result)


_INITIALIZE_KEYS = {"protocolVersion", "capabilities", "clientInfo"}


def _read(frame: bytes) -> dict[str, Any] | None:
    """The frame as an object, if it is plain enough for every JSON reader to agree on it."""
    if len(frame) > _FRAME_BYTES_MAX or b"\\u" in frame or frame.count(b"{") + frame.count(b"[") > _BRACKETS_MAX:
        return None
    try:
        message = _DECODER.decode(frame.decode("utf-8"))
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return None
    return message


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
_REQUEST_KEYS = frozenset({"jsonrpc", "id", "method", "params"})


def _is_request(message: dict[str, Any]) -> bool:
    return _is_id(message.get("id")) and message.keys() <= _REQUEST_KEYS


def _is_id(value: object) -> bool:
    return _is_plain(value) or _is_whole(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ID_MAX


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None


def _is_legacy_params(params: dict[str, Any]) -> bool:
    meta = params.get("_meta", {})
    return set(params) <= {"_meta"} and _is_shaped(meta, {"progressToken": _is_id})


def _is_modern_params(params: dict[str, Any]) -> bool:
    meta = params.get("_meta")
    if set(params) != {"_meta"} or not isinstance(meta, dict) or CAPABILITIES_KEY not in meta:
        return False
    return meta.get(VERSION_KEY) == MODERN and _is_shaped(
        meta,
        {
            VERSION_KEY: _is_plain,
            CAPABILITIES_KEY: _is_capable,
            INFO_KEY: _is_client,
            "progressToken": _is_id,
        },
    )


def _is_client(value: object) -> bool:
    known: dict[str, Callable[[object], bool]] = {
        "name": _is_plain,
        "version": _is_plain,
        "title": _is_plain,
        "description": _is_plain,
    }
    return _is_shaped(value, known) and isinstance(value, dict) and {"name", "version"} <= set(value)


def _is_capable(value: object) -> bool:
    return _is_shaped(
        value,
        {
            "roots": lambda roots: _is_shaped(roots, {"listChanged": lambda flag: isinstance(flag, bool)}),
            "sampling": _is_object_of_objects,
            "elicitation": _is_object_of_objects,
            "experimental": _is_object_of_objects,
            "extensions": _is_object_of_objects,
        },
    )


def _is_object_of_objects(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())


def _is_shaped(value: object, shape: dict[str, Callable[[object], bool]]) -> bool:
    """Whether `value` is an object with no key outside `shape` and every value as it says."""
    return isinstance(value, dict) and all(key in shape and shape[key](item) for key, item in value.items())
