"""A real `construction-mcp serve` process, and clients of it. Every wait ends on an event and has a deadline."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from construction_mcp.core.ownership import ask_owner

ROOT = Path(__file__).parent.parent.parent
PLUGINS = Path(__file__).parent / "plugins"
DEADLINE_S = 30.0  # for anything: only a hang takes this long

Wire = Literal["modern", "legacy", "sse"]
WIRES: tuple[Wire, ...] = ("modern", "legacy", "sse")
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@dataclass
class Served:
    """What `serve --json` said, and the process that said it."""

    process: asyncio.subprocess.Process
    data_dir: Path
    mcp: str
    sse: str
    token: str | None
    webhooks: str

    @property
    def origin(self) -> str:
        return self.mcp.removesuffix("/mcp")

    def headers(self, token: str | None = None) -> dict[str, str]:
        bearer = token or self.token
        return {"authorization": f"Bearer {bearer}"} if bearer else {}

    @asynccontextmanager
    async def client(self, wire: Wire = "modern", token: str | None = None, **options: Any) -> AsyncIterator[Client]:
        """A client of the SDK over one of the three ways in."""
        if wire == "sse":
            async with Client(sse_client(self.sse, headers=self.headers(token)), mode="legacy", **options) as client:
                yield client
            return
        mode: Any = MODERN if wire == "modern" else "legacy"
        async with (
            create_mcp_http_client(headers=self.headers(token)) as http,
            Client(streamable_http_client(self.mcp, http_client=http), mode=mode, **options) as client,
        ):
            yield client

    def http(self, token: str | None = None) -> httpx.AsyncClient:
        """Plain HTTP, for what a well-behaved client would not send."""
        return httpx.AsyncClient(
            base_url=self.origin, headers={**ACCEPT, **self.headers(token)}, timeout=DEADLINE_S, trust_env=False
        )

    async def command(self, command: str, **arguments: Any) -> dict[str, Any]:
        """What the command line asks of the process that owns the directory."""
        return await asyncio.to_thread(ask_owner, self.data_dir, command, arguments)

    async def user(self, role: str, **more: Any) -> tuple[str, str]:
        """A new person's id and bearer."""
        answer = await self.command("users.add", name=f"a {role}", role=role, **more)
        return answer["user"]["id"], answer["bearer"]

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


async def start(data_dir: Path, *flags: str, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """The process, whatever becomes of it."""
    paths = os.pathsep.join([str(ROOT), str(PLUGINS)])
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "construction_mcp", "serve", "--json", "--data-dir", str(data_dir), *flags),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, **(environ or {})},
    )


@asynccontextmanager
async def serving(data_dir: Path, *flags: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Served]:
    """A process that accepts connections on a port of its own."""
    process = await start(data_dir, "--port", "0", *flags, environ=environ)
    assert process.stdout is not None
    assert process.stderr is not None
    drained = asyncio.ensure_future(process.stderr.read())
    try:
        async with asyncio.timeout(DEADLINE_S):
            line = await process.stdout.readline()
        assert line, (await drained).decode()
        said = json.loads(line)
        yield Served(process, data_dir, said["mcp"], said["sse"], said["token"], said["webhooks"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await drained


class Door:
    """A unix socket at which a tool of the `spoken` toolset waits, so that a test holds a call open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.knocked = asyncio.Event()
        self.left = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Door":
        self._server = await asyncio.start_unix_server(self._visit, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    def open(self, word: str) -> None:
        """Let the call go on."""
        assert self._writer is not None
        self._writer.write(word.encode() + b"\n")

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.knocked.set()
        await reader.read()
        self.left.set()
        writer.close()


def envelope(**capabilities: Any) -> dict[str, Any]:
    """The `_meta` of a 2026-07-28 request."""
    return {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    }


def modern_headers(method: str, name: str | None = None) -> dict[str, str]:
    """The routing headers of a 2026-07-28 request."""
    return {"mcp-protocol-version": MODERN, "mcp-method": method, **({"mcp-name": name} if name else {})}


def modern_call(tool: str, arguments: Mapping[str, Any], request_id: int = 1) -> dict[str, Any]:
    """A 2026-07-28 tools/call body."""
    params = {"name": tool, "arguments": dict(arguments), "_meta": envelope()}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
