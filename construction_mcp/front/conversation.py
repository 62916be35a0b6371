"""What one client has said that its next server must know: the opening, what it watches, and the calls in flight."""

import json
from collections.abc import Mapping
from typing import Any

from construction_mcp.core.errors import Unavailable
from construction_mcp.front.bounds import STANDING_BYTES_MAX
from construction_mcp.front.frames import RequestId, dump_frame, error_frame, usable_id

REPLAY = "construction-mcp/replay/"  # ids of our own: their answers never reach the client
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
LISTEN = "subscriptions/listen"

_STANDING = frozenset({"logging/setLevel", "resources/subscribe", "resources/unsubscribe", LISTEN})
_NOTABLE = _STANDING | {"initialize", "notifications/initialized", "notifications/cancelled"}


class Conversation:
    """Memory of one client's connection. All methods are called from one thread at a time."""

    def __init__(self) -> None:
        self.in_flight: dict[RequestId, str] = {}
        self._again: dict[RequestId, int] = {}  # ids a client uses twice at once: each use gets an answer
        self.questions: set[RequestId] = set()  # what the server asked the client and has no answer to
        self.handshakes = 0  # each may change the version of the connection
        self.is_modern: bool | None = None  # decided by the first request, as the SDK does
        self._opening: dict[str, Any] | None = None
        self._initialized: dict[str, Any] | None = None
        self._standing: dict[object, dict[str, Any]] = {}
        self._standing_bytes = 0
        self._acknowledged: set[RequestId] = set()  # listens whose second acknowledgement must not be seen

    def heard(self, method: str, request_id: RequestId | None, params: Mapping[str, Any] | None) -> None:
        """Note a well-formed request, or a notification (no id), from the client."""
        if isinstance(request_id, str) and request_id.startswith(REPLAY):
            return
        if request_id is not None:
            if self.is_modern is None:
                self._open(method, params)
            if request_id in self.in_flight and method != LISTEN:  # a replayed listen is the same one
                self._again[request_id] = self._again.get(request_id, 0) + 1
            self.in_flight[request_id] = method
        if method in _NOTABLE:
            self._note(method, request_id, params or {})

    def answered(self, request_id: RequestId | None) -> None:
        """Note that a request got its answer, or never will."""
        if request_id is None:
            return
        if again := self._again.pop(request_id, 0):
            if again > 1:
                self._again[request_id] = again - 1
            return
        if self.in_flight.pop(request_id, None) == LISTEN:
            self._drop((LISTEN, request_id))

    def is_hidden(self, message: Mapping[str, Any]) -> bool:
        """Whether a message to the client answers the replay, which the client knows nothing of."""
        request_id = message.get("id")
        if isinstance(request_id, str) and request_id.startswith(REPLAY):
            return True
        if self._acknowledged and message.get("method") == "notifications/subscriptions/acknowledged":
            meta = (message.get("params") or {}).get("_meta") or {}
            listen_id = meta.get("io.modelcontextprotocol/subscriptionId")
            if listen_id in self._acknowledged:
                self._acknowledged.discard(listen_id)
                return True
        return False

    @property
    def calls_in_flight(self) -> int:
        """How many requests have no answer yet, without listens."""
        return sum(method != LISTEN for method in self.in_flight.values())

    @property
    def is_idle(self) -> bool:
        """Whether every call is answered; a listen is answered only when it ends and does not count."""
        return all(method == LISTEN for method in self.in_flight.values())

    def fail_in_flight(self) -> list[bytes]:
        """Answers for the calls the last server left behind, and word that its own questions are void.

        Listens stay: the next server continues them.
        """
        lost = {request_id: method for request_id, method in self.in_flight.items() if method != LISTEN}
        for request_id in lost:
            del self.in_flight[request_id]
        self._again.clear()
        gone = Unavailable(
            "The process that owned the data directory ended while this call was under way.",
            code="SYSTEM_OWNER_GONE",
            hint="Repeat the call; writes with an idempotency_key happen once.",
        ).public()
        cancelled = [_cancellation(question) for question in self.questions]
        self.questions.clear()
        return cancelled + [self._failure(request_id, method, gone) for request_id, method in lost.items()]

    def replay(self) -> list[bytes]:
        """The frames that bring a new server to where the last one was; only listens keep their ids."""
        frames = [message for message in (self._opening, self._initialized) if message is not None]
        frames += self._standing.values()
        replayed = []
        for number, message in enumerate(frames):
            renamed = {} if "id" not in message else {"id": f"{REPLAY}{number}"}
            if message["method"] == LISTEN:
                self._acknowledged.add(message["id"])
                renamed = {}
            replayed.append(dump_frame({**message, **renamed})[:-1])
        return replayed

    def _open(self, method: str, params: Mapping[str, Any] | None) -> None:
        """The first request fixes the era. Only `initialize` is replayed as it was: anything else might act twice."""
        meta = (params or {}).get("_meta")
        self.is_modern = method != "initialize" and isinstance(meta, Mapping) and VERSION_KEY in meta
        opening: dict[str, Any] = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
        if self.is_modern:
            assert isinstance(meta, Mapping)
            envelope = {key: value for key, value in meta.items() if key.startswith("io.modelcontextprotocol/")}
            opening = {"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {"_meta": envelope}}
        self._opening = opening

    def _note(self, method: str, request_id: RequestId | None, params: Mapping[str, Any]) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params:
            message["params"] = params
        if request_id is not None:
            message["id"] = request_id
        if method == "notifications/cancelled":
            self._cancel(params.get("requestId"))
        elif method == "notifications/initialized":
            self._initialized = message
        elif request_id is None:
            return
        elif method == "initialize":
            self.handshakes += 1
            if not self.is_modern:
                self._opening = message
        elif method == LISTEN:
            self._keep((LISTEN, request_id), message)
        elif method == "logging/setLevel":
            self._keep(method, message)
        elif method == "resources/unsubscribe":
            self._drop(("uri", str(params.get("uri"))))
        else:
            self._keep(("uri", str(params.get("uri"))), message)

    def _keep(self, key: object, message: dict[str, Any]) -> None:
        """Remember it for the next server, as far as there is room: what is beyond it ends with this one."""
        self._drop(key)
        size = len(dump_frame(message))
        if self._standing_bytes + size <= STANDING_BYTES_MAX:
            self._standing[key] = message
            self._standing_bytes += size

    def _drop(self, key: object) -> None:
        message = self._standing.pop(key, None)
        if message is not None:
            self._standing_bytes -= len(dump_frame(message))

    def _cancel(self, request_id: object) -> None:
        """A cancelled call gets no answer. The SDK takes 7 and "7" for the same id here, so both go."""
        known = usable_id(request_id)
        if known is not None:
            for cancelled in [one for one in self.in_flight if str(one) == str(known)]:
                self.answered(cancelled)

    def _failure(self, request_id: RequestId, method: str, public: dict[str, Any]) -> bytes:
        if method != "tools/call":
            return error_frame(request_id, -32603, public["error"]["message"], public)
        result: dict[str, Any] = {
            "content": [{"type": "text", "text": json.dumps(public)}],
            "structuredContent": public,
            "isError": True,
        }
        if self.is_modern:
            result["resultType"] = "complete"
        return dump_frame({"jsonrpc": "2.0", "id": request_id, "result": result})


def _cancellation(question: RequestId) -> bytes:
    params = {"requestId": question, "reason": "the server that asked is gone"}
    return dump_frame({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
