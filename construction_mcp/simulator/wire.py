"""From answers to bytes on the wire, and the two ways of not answering."""

import json
from typing import Any

import httpx
from starlette.types import Receive, Send

from construction_mcp.simulator.answers import Answer


class ConnectionLost(Exception):
    """In process there is no connection to cut: the transport turns this into httpx's error."""


class NeverAnswered(Exception):
    """In process nobody needs to wait for a time-out: the transport turns this into httpx's error."""


def answer_bytes(answer: Answer) -> bytes:
    if answer.html is not None:
        return answer.html.encode()
    if isinstance(answer.body, bytes):
        return answer.body
    return b"" if answer.body is None else json.dumps(answer.body, ensure_ascii=False).encode()


def _content_type(answer: Answer) -> str:
    if answer.html is not None:
        return "text/html; charset=utf-8"
    return "application/octet-stream" if isinstance(answer.body, bytes) else "application/json; charset=utf-8"


async def send_answer(send: Send, answer: Answer, payload: bytes | None = None) -> None:
    """Send `answer`, or `payload` in its place (a cut body with a matching length)."""
    payload = answer_bytes(answer) if payload is None else payload
    headers = {**answer.headers}
    if answer.status != 204:
        headers |= {"Content-Type": _content_type(answer), "Content-Length": str(len(payload))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": payload})


def _connection_of(send: Send) -> Any:
    """The socket behind this response under uvicorn; None in process."""
    return getattr(getattr(send, "__self__", None), "transport", None)


async def drop_connection(receive: Receive, send: Send) -> None:
    """Cut the connection without a byte: the client cannot know what became of its request."""
    connection = _connection_of(send)
    if connection is None:
        raise ConnectionLost
    connection.abort()
    await _until_disconnected(receive)


async def hang(receive: Receive, send: Send) -> None:
    """Say nothing until the client gives up."""
    if _connection_of(send) is None:
        raise NeverAnswered
    await _until_disconnected(receive)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class InProcessTransport(httpx.ASGITransport):
    """httpx straight into the app: the same errors as on a wire, without a socket and without waiting."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except ConnectionLost:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from None
        except NeverAnswered:
            raise httpx.ReadTimeout("The server did not answer in time.", request=request) from None
