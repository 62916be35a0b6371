"""Telling the client why nobody serves it: a closed pipe says nothing, an answer is shown to the person."""

import json
import threading
from typing import Any

from construction_mcp.core.errors import ConstructionError
from construction_mcp.front.frames import error_frame, usable_id
from construction_mcp.front.session import Session


def refuse(session: Session, problem: ConstructionError) -> None:
    """Answer every request with `problem` until the client leaves."""
    sink = _Refusal(session, problem.public())
    session.attach(sink, replay=False)
    sink.left.wait()


class _Refusal:
    def __init__(self, session: Session, public: dict[str, Any]) -> None:
        self.left = threading.Event()
        self._session, self._public = session, public

    def frames(self, frames: list[bytes]) -> None:
        for frame in frames:
            request_id = _id_of(frame)
            if request_id is not None:
                self._session.write(error_frame(request_id, -32603, self._public["error"]["message"], self._public))

    def end(self) -> None:
        self.left.set()


def _id_of(frame: bytes) -> int | str | None:
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    return usable_id(message.get("id")) if isinstance(message, dict) and "method" in message else None
