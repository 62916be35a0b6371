"""What no client should send: always an answer, never a traceback, a path or a hang (security.md R6, S9)."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.server.serving import DEADLINE_S, ROOT, Served, envelope, modern_call, modern_headers, serving

pytestmark = pytest.mark.anyio

SEED = 20260728
_LEAKS = re.compile(
    rf'Traceback|File "|\.py\b|site-packages|{re.escape(str(ROOT))}|/tmp/|sqlite|Error\(', re.IGNORECASE
)
_HANG_S = 5.0  # the promise is 1 s on a machine of its own


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but for the module: its tests share one process."""
    return "asyncio"


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


def bodies(count: int) -> list[bytes]:
    """Malformed bodies: a good one cut, changed or wrapped, and shapes that break parsers."""
    chance = random.Random(SEED)
    good = json.dumps(modern_call("say", {"text": "x"})).encode()
    fixed = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
        b'{"jsonrpc":"2.0","id":1e999,"method":"x"}',
        b'{"jsonrpc":"2.0","id":NaN,"method":"x"}',
        b'{"jsonrpc":"2.0","id":{},"method":1}',
        b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{"text":"\\ud800"}}}',
        b'{"jsonrpc":"2.0","id":"\\ud800","method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":' + b"9" * 5_000 + b',"method":"tools/list"}',
        json.dumps(modern_call("\ud800", {"text": "\x00"})).encode(),
        json.dumps(modern_call("say", {"text": "\ud800"})).encode(),
        json.dumps([modern_call("say", {})] * 3).encode(),
    ]

    def changed() -> bytes:
        body = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        return bytes(body[: chance.randrange(len(body))] if chance.random() < 0.3 else body)

    return [*fixed, *(changed() for _ in range(count - len(fixed)))]


async def judge(send: Callable[[bytes], "asyncio.Future[httpx.Response]"], body: bytes) -> str | None:
    """What is wrong with the answer to one body; None when nothing is."""
    try:
        async with asyncio.timeout(_HANG_S):
            answer = await send(body)
    except (TimeoutError, httpx.HTTPError) as problem:
        return f"{type(problem).__name__} for {body[:60]!r}"
    if answer.status_code >= 500:
        return f"{answer.status_code} for {body[:60]!r}: {answer.text[:100]}"
    if _LEAKS.search(answer.text):
        return f"leak for {body[:60]!r}: {answer.text[:200]}"
    return None


async def complaints(served: Served, headers: dict[str, str], path: str, count: int) -> list[str]:
    async with served.http() as http:

        def send(body: bytes) -> "asyncio.Future[httpx.Response]":
            return asyncio.ensure_future(http.post(path, content=body, headers=headers))

        return [problem for body in bodies(count) if (problem := await judge(send, body))]


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_a_malformed_body_is_answered(served: Served, era: str, count: int) -> None:
    """R6 on Streamable HTTP, both eras."""
    headers = modern_headers("tools/call", "say") if era == "modern" else {}

    assert await complaints(served, headers, "/mcp", count) == []


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_a_malformed_message_does_not_end_a_legacy_session(served: Served, count: int) -> None:
    """R6 on the legacy transport: each post is answered, and the session goes on."""
    async with served.http() as http, http.stream("GET", "/sse") as stream:
        lines = stream.aiter_lines()
        endpoint = next_data(await anext(lines), await anext(lines))
        await anext(lines)
        initialize = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        await http.post(endpoint, json={"jsonrpc": "2.0", "id": 776, "method": "initialize", "params": initialize})
        problems = await complaints(served, {}, endpoint, count)
        await http.post(endpoint, json={"jsonrpc": "2.0", "id": 777, "method": "tools/list"})
        async with asyncio.timeout(DEADLINE_S):
            async for line in lines:
                if '"id":777' in line:
                    break

    assert problems == []
    assert '"result"' in line


async def test_odd_requests_are_answered_by_their_status(served: Served) -> None:
    """Methods, paths and headers that are not ours: 4xx, nothing internal."""
    async with served.http() as http:
        answers = [
            await http.request("BREW", "/mcp"),
            await http.put("/sse"),
            await http.get("/messages/?session_id=0"),
            await http.post("/messages/?session_id=zz", json={}),
            await http.post("/messages/", json={}),
            await http.get("/../../etc/passwd"),
            await http.get("/%2e%2e/%2e%2e/etc/passwd"),
            await http.get("/metrics/x"),
            await http.post("/mcp", content=b"{}", headers={"content-type": "text/plain"}),
            await http.post("/mcp", content=b"{}", headers={"accept": "text/html"}),
            await http.post("/mcp", content=b"{}", headers={"mcp-protocol-version": "9999-99-99"}),
            await http.post("/mcp", content=b"{}", headers={"mcp-session-id": "x" * 4_000}),
        ]

    assert [answer.status_code for answer in answers if not 400 <= answer.status_code < 500] == []
    assert [answer.text for answer in answers if _LEAKS.search(answer.text)] == []


@pytest.mark.parametrize("raw", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 5_000])
async def test_what_is_not_http_is_answered_400(served: Served, raw: bytes) -> None:
    """Other protocols on the port: an answer and the end of the connection."""
    host, port = served.origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    writer.write_eof()
    async with asyncio.timeout(DEADLINE_S):
        answer = await reader.read()
    writer.close()

    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert not _LEAKS.search(answer.decode("latin-1"))


def traversals() -> list[str]:
    """S9: at least 200 ways to write "somewhere else" in a URI."""
    dots = ["..", "%2e%2e", "%2E.", "..%00", "%252e%252e", "\uff0e\uff0e", "..;", ".%2e", "..\\", "..%5c"]
    roots = [
        "spoken://open/",
        "construction://schemas/",
        "construction://",
        "file:///",
        "workflow://",
        "",
        "/",
    ]
    targets = ["etc/passwd", "owner.lock", "http-token"]
    return [f"{root}{dot}/{dot}/{target}" for root in roots for dot in dots for target in targets]


async def test_no_resource_uri_reaches_a_file(served: Served, tmp_path: Path) -> None:
    """S9: every form is refused or is only text to the resource it names; no file's content comes back."""
    token = (served.data_dir / "http-token").read_text().strip()
    told = []
    async with served.http() as http:
        for uri in traversals():
            params = {"uri": uri, "_meta": envelope()}
            answer = await http.post(
                "/mcp",
                json={"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": params},
                headers=modern_headers("resources/read", uri.encode("ascii", "replace").decode()),
            )
            told.append((uri, answer.text))

    assert len(told) >= 200
    assert [uri for uri, text in told if "root:x" in text or token in text or '"pid"' in text] == []


def next_data(event: str, data: str) -> str:
    """The data of an SSE event given as its two lines."""
    assert event.startswith("event:"), event
    return data.removeprefix("data:").strip()
