"""What the demo puts up: a Procore of its own process, a mail server, our server, and clients that talk to it."""

import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2  # the SDK's HTTP client library
from anyio.abc import Process
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from construction_mcp.cli.demo.mailbox import Mailbox

ANSWER_TIMEOUT_S = 60.0  # a first start on a slow disk compiles and imports everything
_PASSED_ON = ("PATH", "PYTHONPATH", "SYSTEMROOT", "HOME", "TMPDIR", "TEMP")  # what a process needs to run at all


@dataclass
class Procore:
    """The simulator's process, seen as Procore's own people see it: its records, and its ledger of every request."""

    said: Mapping[str, Any]
    http: httpx2.AsyncClient
    _token: str = ""

    @property
    def project(self) -> int:
        """The project in which everything happens."""
        return int(self.said["project_id"])

    async def ledger(self, since: int = 0) -> list[dict[str, Any]]:
        """Every request to it after the one numbered `since`."""
        answer = await self.http.get("/_sim/ledger", params={"since": since})
        entries: list[dict[str, Any]] = answer.raise_for_status().json()["entries"]
        return entries

    async def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """Those that changed a record or a hook; signing in is none."""
        return [one for one in await self.ledger(since) if one["write"] and "/oauth/" not in one["path"]]

    async def fault(self, method: str, path: str, do: str) -> None:
        """The next request of that kind is treated so."""
        fault = [{"match": {"method": method, "path": path}, "do": do}]
        (await self.http.post("/_sim/faults", json=fault)).raise_for_status()

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Its API, asked by another program than ours under test, with the credentials of the app itself."""
        if not self._token:
            form = {name: self.said[name] for name in ("client_id", "client_secret")}
            answer = await self.http.post("/oauth/token", data={"grant_type": "client_credentials", **form})
            self._token = answer.raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {self._token}", "Procore-Company-Id": str(self.said["company_id"])}
        answer = await self.http.request(method, path, json=body, params=query, headers=headers)
        return answer.raise_for_status().json()


@asynccontextmanager
async def procore(workspace: Path, back_to: str) -> AsyncIterator[Procore]:
    """The simulator, with Procore's documented rate limits; its app may send browsers back to `back_to`."""
    words = ["simulate", "--port", "0", "--json", "--redirect-uri", back_to]
    async with (
        _started(words, {}, workspace / "procore.log") as (_, said),
        httpx2.AsyncClient(base_url=said["api"], trust_env=False) as http,
    ):
        yield Procore(said, http)


@dataclass
class Server:
    """Our server's process: can be killed without warning and started again where it was."""

    workspace: Path
    port: int
    settings: dict[str, str]
    token: str = ""
    process: Process | None = None
    _started: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns once it accepts connections.

        Raises:
            OSError: it ended first; the message is its last words.
        """
        words = ["serve", "--port", str(self.port), "--json", "--data-dir", str(self.workspace), "--toolsets", "all"]
        starting = _started(words, self.settings, self.workspace / "server.log")
        self.process, said = await self._started.enter_async_context(starting)
        self.token = said["token"]

    async def kill(self) -> int:
        """End it without warning; its process number."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        return self.process.pid

    async def stop(self) -> None:
        """End every process that was started."""
        await self._started.aclose()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A client over HTTP."""
        headers = {"Authorization": f"Bearer {self.token}"}
        http = httpx2.AsyncClient(headers=headers, timeout=ANSWER_TIMEOUT_S, trust_env=False)
        async with http, Client(streamable_http_client(f"{self.url}/mcp", http_client=http)) as client:
            yield client

    @asynccontextmanager
    async def client_over_stdio(self) -> AsyncIterator[Client]:
        """A client that starts a process of its own on the same workspace, as Claude Desktop does."""
        words = ["-m", "construction_mcp", "--data-dir", str(self.workspace), "--toolsets", "all"]
        environ = {name: value for name, value in _environ(self.settings).items() if name != "HOME"}
        server = StdioServerParameters(command=sys.executable, args=words, env=environ)
        with (self.workspace / "bridge.log").open("a", encoding="utf-8") as log:
            async with Client(stdio_client(server, log), read_timeout_seconds=ANSWER_TIMEOUT_S) as client:
                yield client


def server_on(workspace: Path, port: int, world: Procore, mail: Mailbox) -> Server:
    """Set up as an operator would: that Procore, that mail server, nobody connected yet."""
    said = world.said
    return Server(
        workspace,
        port,
        {
            "PROCORE_ENVIRONMENT": "simulator",
            "PROCORE_API_URL": said["api"],
            "PROCORE_LOGIN_URL": said["login"],
            "PROCORE_CLIENT_ID": said["client_id"],
            "PROCORE_CLIENT_SECRET": said["client_secret"],
            "PROCORE_COMPANY_ID": str(said["company_id"]),
            "PROCORE_GRANT": "authorization_code",
            "CONSTRUCTION_MCP_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "CONSTRUCTION_MCP_MAIL_FROM": "Site automation <automation@builder.example>",
        },
    )


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def call(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool that must succeed.

    Raises:
        MCPError: it answered with an error, or not as its schema promises.
    """
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise MCPError(0, f"{tool} answered with an error: {result.structured_content}")
    answer: dict[str, Any] = result.structured_content
    return answer


async def deploy(client: Client, workflow_id: str) -> dict[str, Any]:
    """Let it run from now on.

    Raises:
        MCPError: it was refused; the message holds its problems.
    """
    answer = await call(client, "deploy_workflow", workflow_id=workflow_id)
    if answer["status"] != "deployed":
        raise MCPError(0, f"deploy_workflow refused it: {answer['problems']}")
    return answer


@asynccontextmanager
async def _started(
    words: list[str], settings: Mapping[str, str], log: Path
) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """A command of ours and the line of JSON it says once it accepts connections."""
    with log.open("a", encoding="utf-8") as stderr:
        process = await anyio.open_process(
            [sys.executable, "-m", "construction_mcp", *words], stdin=None, stderr=stderr, env=_environ(settings)
        )
    try:
        assert process.stdout is not None
        line = b""
        with anyio.fail_after(ANSWER_TIMEOUT_S):
            while not line.endswith(b"\n"):
                line += await process.stdout.receive()
        yield process, json.loads(line)
    except anyio.EndOfStream:
        raise OSError(f"{words[0]} ended before it accepted connections") from None
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()


def _environ(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of this shell's settings, so that the demo is the same for everybody."""
    return {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **settings}
