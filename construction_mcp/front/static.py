"""Answers the first frames from kept bytes while the SDK imports, and gives up at the first doubt.

Giving up costs nothing but time: the frame and all later ones go to the SDK behind a replay of what was answered here.
So every check below says "exactly this, or not mine".
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

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

    def __call__(self, frame: bytes) -> bytes | None:
        """The line that answers `frame`, b"" if it wants none, None if the SDK must see it."""
        message = _read(frame)
        if message is None:
            return None
        if message.get("method") == "notifications/initialized":
            return self._initialized(message)
        if not _is_request(message):
            return None
        result = self._result(message.get("method"), message)
        if result is None:
            return None
        return self.answer(message["id"], message["method"], message.get("params"), result.encode())

    def call(self, frame: bytes) -> ToolCall | None:
        """The tools/call in `frame`, for somebody who can make it without the SDK; None if the SDK must see it."""
        message = _read(frame)
        if message is None or not _is_request(message) or message.get("method") != "tools/call":
            return None
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

    def answer(self, request_id: int | str, method: str, params: dict[str, Any] | None, result: bytes) -> bytes:
        """The line that answers a request, which the conversation then knows of."""
        self.conversation.heard(method, request_id, params)
        self.conversation.answered(request_id)
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (json.dumps(request_id).encode(), result)

    def _result(self, method: object, message: dict[str, Any]) -> str | None:
        params = message.get("params", {})
        if not isinstance(params, dict):
            return None
        if method == "initialize":
            return self._initialize(params)
        if self._legacy is not None and _is_legacy_params(params):
            return {"tools/list": self._answers.legacy_list, "ping": "{}"}.get(str(method))
        if self._legacy is None and _is_modern_params(params) and method in ("server/discover", "tools/list"):
            self._is_modern = True
            return self._answers.discover if method == "server/discover" else self._answers.modern_list
        return None

    def _initialize(self, params: dict[str, Any]) -> str | None:
        version = params.get("protocolVersion")
        if self._legacy is not None or self._is_modern or set(params) != _INITIALIZE_KEYS:
            return None
        if not (_is_plain(version) and _is_client(params["clientInfo"]) and _is_capable(params["capabilities"])):
            return None
        self._legacy = version if version in self._answers.initialize else LATEST_LEGACY
        return self._answers.initialize[self._legacy]

    def _initialized(self, message: dict[str, Any]) -> bytes | None:
        if self._legacy is None or not set(message) <= {"jsonrpc", "method", "params"} or message.get("params", {}):
            return None
        if not isinstance(message.get("params", {}), dict):
            return None
        self.conversation.heard("notifications/initialized", None, None)
        return b""


_INITIALIZE_KEYS = {"protocolVersion", "capabilities", "clientInfo"}


def _read(frame: bytes) -> dict[str, Any] | None:
    """The frame as an object, if it is plain enough for every JSON reader to agree on it."""
    if len(frame) > _FRAME_BYTES_MAX or b"\\u" in frame or frame.count(b"{") + frame.count(b"[") > _BRACKETS_MAX:
        return None
    try:
        message = json.loads(
            frame.decode("utf-8"), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse
        )
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


def _is_request(message: dict[str, Any]) -> bool:
    return _is_id(message.get("id")) and set(message) <= {"jsonrpc", "id", "method", "params"}


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
