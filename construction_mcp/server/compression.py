"""gzip for JSON answers. Event streams are left alone: a compressor would hold events back.

Starlette's middleware is not used because it also holds back the head of an event stream until the first event, and a
client waits for that head before it goes on.
"""

import gzip

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Compression:
    """Compresses JSON bodies sent in one piece, for clients that accept gzip."""

    def __init__(self, app: ASGIApp, bytes_min: int, level: int) -> None:
        self._app = app
        self._bytes_min = bytes_min
        self._level = level

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _accepts_gzip(scope):
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_plain_json(message):
                held = message
                return
            if held is not None:
                head, held = held, None
                if not message.get("more_body") and len(message.get("body", b"")) >= self._bytes_min:
                    message = self._compress(head, message)
                await send(head)
            await send(message)

        await self._app(scope, receive, send_compressed)

    def _compress(self, head: Message, message: Message) -> Message:
        body = gzip.compress(message["body"], self._level, mtime=0)
        headers = MutableHeaders(scope=head)
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        headers.add_vary_header("accept-encoding")
        return {**message, "body": body}


def _accepts_gzip(scope: Scope) -> bool:
    offered = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").decode("latin-1")
    for one in offered.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _is_plain_json(head: Message) -> bool:
    headers = dict(head["headers"])
    return headers.get(b"content-type", b"").startswith(b"application/json") and b"content-encoding" not in headers
