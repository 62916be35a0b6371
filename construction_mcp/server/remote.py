"""`--server URL`: this process's stdio, served by a server elsewhere over Streamable HTTP, in either protocol era.

The bearer is read from a file, never from the command line or the environment, and goes to that one origin.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2  # the SDK's HTTP client library: the type its transport takes
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp.shared.message import ClientMessageMetadata, SessionMessage
from mcp_types import INTERNAL_ERROR, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, NeedsLogin, Unavailable
from construction_mcp.core.launch import Launch
from construction_mcp.front.conversation import VERSION_KEY
from construction_mcp.front.session import Session
from construction_mcp.server.channel import Channel

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 900.0  # a tool may take ten minutes; a dead peer is noticed by TCP long before
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


async def serve_remote(session: Session, launch: Launch) -> None:
    """Pass `session` to the server at `launch.server_url` until the client leaves.

    Raises:
        Invalid: the URL or the token file cannot be used.
    """
    url = _checked(launch.server_url or "")
    headers = _authorization(launch.token_file)
    transport = _Explaining(httpx2.AsyncHTTPTransport(), url)
    timeout = httpx2.Timeout(CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
    client = httpx2.AsyncClient(headers=headers, transport=transport, timeout=timeout, trust_env=False)
    channel = Channel(session, session.conversation, Limits())
    try:
        async with client, streamable_http_client(url, http_client=client) as (from_server, to_server):
            session.attach(channel, asyncio.get_running_loop())
            headers_of = _Headers()
            answering = asyncio.create_task(_answer(channel, from_server, headers_of))
            while (item := await channel.receive()) is not None:
                metadata = ClientMessageMetadata(headers=headers_of(item.message))
                await to_server.send(SessionMessage(item.message, metadata))
            answering.cancel()
    finally:
        channel.flush()
        session.detach()


async def _answer(channel: Channel, from_server: Any, headers: "_Headers") -> None:
    async for item in from_server:
        if isinstance(item, SessionMessage):
            headers.hear(item.message)
            await channel.send(item)
        else:
            logging.getLogger(__name__).warning("the server sent something that is no message: %s", type(item).__name__)


class _Headers:
    """The headers that Streamable HTTP wants beside each message.

    2026-07-28: version, method and name mirror the body. Earlier: the version agreed in `initialize`, which the SDK's
    transport leaves to its caller. Source: MCP 2026-07-28, transports, "Standard request headers".
    """

    def __init__(self) -> None:
        self._opening: object = None  # the id of `initialize`
        self._agreed: str | None = None

    def hear(self, message: object) -> None:
        """Learn the version from the server's answer."""
        if isinstance(message, JSONRPCResponse) and message.id == self._opening:
            self._agreed = message.result.get("protocolVersion")

    def __call__(self, message: object) -> dict[str, str]:
        if not isinstance(message, JSONRPCRequest | JSONRPCNotification):
            return self._legacy()
        params = message.params or {}
        meta = params.get("_meta")
        version = meta.get(VERSION_KEY) if isinstance(meta, Mapping) else None
        if isinstance(version, str):
            headers = {MCP_PROTOCOL_VERSION_HEADER: version, MCP_METHOD_HEADER: message.method}
            name = params.get(NAME_BEARING_METHODS.get(message.method, ""))
            return {**headers, MCP_NAME_HEADER: encode_header_value(name)} if isinstance(name, str) else headers
        if message.method == "initialize":
            self._opening, self._agreed = getattr(message, "id", None), None
            return {}
        return self._legacy()

    def _legacy(self) -> dict[str, str]:
        return {MCP_PROTOCOL_VERSION_HEADER: self._agreed} if isinstance(self._agreed, str) else {}


class _Explaining(httpx2.AsyncBaseTransport):
    """Turns what goes wrong below MCP into JSON-RPC errors that say what to do; the SDK gives them the request's id."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, url: str) -> None:
        self._inner = inner
        self._host = urlsplit(url).netloc

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError as problem:
            return _error(502, self._unreachable(type(problem).__name__))
        if response.status_code in (401, 403):
            await response.aclose()
            return _error(response.status_code, self._refused(response.status_code))
        if response.status_code >= 500 and "json" not in response.headers.get("content-type", ""):
            await response.aclose()
            return _error(response.status_code, self._unreachable(f"HTTP {response.status_code}"))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _unreachable(self, why: str) -> ConstructionError:
        return Unavailable(
            f"The server at {self._host} cannot be reached ({why}).", hint="Check that it runs and --server is right."
        )

    def _refused(self, status: int) -> ConstructionError:
        return NeedsLogin(
            f"The server at {self._host} refuses the token (HTTP {status}).",
            hint="Check --token-file; `construction-mcp users add` on the server makes a new token.",
        )


def _error(status: int, error: ConstructionError) -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": INTERNAL_ERROR, "message": error.message}}
    body["error"]["data"] = error.public()  # type: ignore[index]  # a dict two lines up
    return httpx2.Response(status, headers={"content-type": "application/json"}, content=json.dumps(body).encode())


def _checked(url: str) -> str:
    """The URL, if a token may travel to it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(f"--server is {url!r}; it must be an http or https URL, such as https://host/mcp.")
    if parts.username or parts.password:
        raise Invalid("--server holds a password; put the token into a file and name it with --token-file.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Invalid("--server is plain http to another machine, which would show the token to everybody between.")
    return url


def _authorization(token_file: str | None) -> dict[str, str]:
    if token_file is None:
        return {}
    try:
        with open(token_file, encoding="ascii") as file:  # noqa: PTH123 - read once, before the loop is busy
            token = file.read().strip()
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"The token file {token_file} cannot be read.", hint="Name it with --token-file.") from None
    if not token or any(character.isspace() for character in token):
        raise Invalid(f"The token file {token_file} holds no token.", hint="It is one word on one line.")
    return {"Authorization": f"Bearer {token}"}
