"""MCP over HTTP, through real sockets and a real process."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from construction_mcp.core.config import Limits
from tests.server.serving import DEADLINE_S, LEGACY, WIRES, Door, Served, Wire, modern_call, modern_headers, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but for the module: its tests share one process."""
    return "asyncio"


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


async def answer_ada(_: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Ada"})


@pytest.mark.parametrize("wire", WIRES)
async def test_a_client_lists_calls_and_reads(served: Served, wire: Wire) -> None:
    """Every way in leads to the same tools."""
    async with served.client(wire) as client:
        tools = await client.list_tools()
        result = await client.call_tool("say", {"text": "hello"})
        read = await client.read_resource("spoken://open/a")

    assert {"say", "find_tools"} <= {tool.name for tool in tools.tools}
    assert result.structured_content is not None
    assert result.structured_content["text"] == "hello"
    assert read.contents[0].text == "a"  # type: ignore[union-attr]  # text, by its mime type


@pytest.mark.parametrize("wire", WIRES)
async def test_a_tool_asks_the_person_in_the_middle_of_a_call(served: Served, wire: Wire) -> None:
    """Older clients are asked while the call waits, 2026-07-28 clients between two rounds of it."""
    async with served.client(wire, elicitation_callback=answer_ada) as client:
        result = await client.call_tool("ask_name", {})

    assert result.structured_content is not None, result
    assert result.structured_content["text"] == "Ada"


@pytest.mark.parametrize("wire", WIRES)
async def test_progress_arrives_before_the_answer(served: Served, wire: Wire) -> None:
    """Whoever sends a progress token hears each report."""
    heard: list[float] = []

    async def hear(done: float, _total: float | None, _message: str | None) -> None:
        heard.append(done)

    async with served.client(wire) as client:
        await client.call_tool("count", {"to": 3}, progress_callback=hear)

    assert heard == [1, 2, 3]


async def test_a_modern_call_that_asks_for_nothing_more_is_answered_as_json(served: Served) -> None:
    """PRODUCT.md section 4: modern HTTP answers JSON, legacy HTTP stays SSE-framed."""
    async with served.http() as http:
        modern = await http.post(
            "/mcp", json=modern_call("say", {"text": "x"}), headers=modern_headers("tools/call", "say")
        )
        legacy = await http.post("/mcp", json=initialize())

    assert modern.headers["content-type"] == "application/json"
    assert legacy.headers["content-type"].startswith("text/event-stream")


async def test_a_client_that_hangs_up_cancels_its_call(served: Served, tmp_path: Path) -> None:
    """On 2026-07-28 closing the response is cancellation, also when the answer would have been JSON."""
    async with Door(tmp_path / "door") as door, served.http() as http:
        call = asyncio.ensure_future(
            http.post(
                "/mcp",
                json=modern_call("wait_at", {"door": str(door.path)}),
                headers=modern_headers("tools/call", "wait_at"),
            )
        )
        async with asyncio.timeout(DEADLINE_S):
            await door.knocked.wait()
            call.cancel()
            await door.left.wait()

        assert door.left.is_set()


async def test_a_lost_session_is_answered_404_and_a_new_one_works(tmp_path: Path) -> None:
    """After a restart the old session is unknown, and initialize makes another (2025-11-25, session management)."""
    async with serving(tmp_path / "data") as served, served.http() as http:
        session = (await http.post("/mcp", json=initialize())).headers["mcp-session-id"]
        assert await served.stop() == 0

    async with serving(tmp_path / "data") as again, again.http(served.token) as http:
        lost = await http.post(
            "/mcp",
            json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
            headers={"mcp-session-id": session, "mcp-protocol-version": LEGACY},
        )
        fresh = await http.post("/mcp", json=initialize())

    assert lost.status_code == 404
    assert fresh.status_code == 200
    assert fresh.headers["mcp-session-id"] != session


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/"])
@pytest.mark.parametrize(
    ("header", "value", "status"), [("host", "evil.example", 421), ("origin", "http://evil.example", 403)]
)
async def test_a_rebound_page_is_refused(served: Served, path: str, header: str, value: str, status: int) -> None:
    """DNS rebinding: a request for another name, or from another origin, is refused on every route."""
    async with served.http() as http:
        answer = await http.post(path, json=initialize(), headers={header: value})

    assert answer.status_code == status


async def test_health_needs_no_bearer_and_says_ready(served: Served) -> None:
    """A load balancer knows no token and calls by address."""
    async with httpx.AsyncClient(base_url=served.origin, trust_env=False) as http:
        alive = await http.get("/healthz", headers={"host": "10.0.0.7"})
        ready = await http.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})


async def test_large_json_is_compressed_for_those_who_accept_it(served: Served) -> None:
    """gzip where it pays, only for JSON, and only when asked for."""
    body = modern_call("shout", {"bytes_count": 20_000})
    headers = modern_headers("tools/call", "shout")
    async with served.http() as http:
        short = modern_call("say", {"text": "x"})
        small = await http.post("/mcp", json=short, headers=modern_headers("tools/call", "say"))
        async with http.stream("POST", "/mcp", json=body, headers={**headers, "accept-encoding": "gzip"}) as packed:
            raw = b"".join([chunk async for chunk in packed.aiter_raw()])
        plain = await http.post("/mcp", json=body, headers={**headers, "accept-encoding": "gzip;q=0, identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert len(raw) < 2_000
    assert said(json.loads(gzip.decompress(raw))) == said(plain.json())
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in small.headers


async def test_the_head_of_an_event_stream_is_not_held_back(served: Served) -> None:
    """A client that accepts gzip waits for the head of its stream, long before the first event."""
    async with served.http() as http:
        session = (await http.post("/mcp", json=initialize())).headers["mcp-session-id"]
        headers = {"mcp-session-id": session, "mcp-protocol-version": LEGACY, "accept-encoding": "gzip"}
        async with asyncio.timeout(DEADLINE_S), http.stream("GET", "/mcp", headers=headers) as stream:
            assert stream.status_code == 200
            assert "content-encoding" not in stream.headers


async def test_a_body_larger_than_the_limit_is_refused(served: Served) -> None:
    """413 in both eras and on the legacy transport, before anything is parsed."""
    body = b" " * (Limits().frame_bytes_max + 1)
    async with served.http() as http:
        answers = [
            await http.post("/mcp", content=body),
            await http.post("/mcp", content=body, headers=modern_headers("tools/call", "say")),
            await http.post("/messages/?session_id=0", content=body),
        ]

    assert [answer.status_code for answer in answers] == [413, 413, 413]


async def test_subscribers_hear_only_of_what_they_may_read(served: Served) -> None:
    """`subscriptions/listen` drops the URIs above the caller's role; the rest is told."""
    _, viewer = await served.user("viewer")
    async with (
        served.client("modern", viewer) as client,
        served.client("modern") as admin,
        asyncio.timeout(DEADLINE_S),
        client.listen(resource_subscriptions=["spoken://closed/a", "spoken://open/a"]) as changes,
    ):
        await admin.call_tool("use_tool", {"name": "touch", "arguments": {"thing": "a"}})
        first = await anext(aiter(changes))

    assert first.uri == "spoken://open/a"  # type: ignore[union-attr]  # only resources were asked for


@pytest.mark.parametrize(("clients", "turns"), [(20, 20), pytest.param(50, 200, marks=pytest.mark.slow)])
async def test_answers_never_cross_between_callers(served: Served, clients: int, turns: int) -> None:
    """S10: many clients at once over all three wires, each hears its own text under its own name."""
    callers = [await served.user("viewer") for _ in range(10)]
    opening = asyncio.Semaphore(5)  # the SDK's client gives up a connection after 5 s, and they all share this process
    crossed = 0

    async def talk(number: int, client: Client, user_id: str) -> None:
        nonlocal crossed
        for turn in range(turns):
            result = await client.call_tool("say", {"text": f"{number}-{turn}"})
            crossed += result.structured_content != {"text": f"{number}-{turn}", "by": f"user:{user_id}"}

    async def visit(number: int) -> None:
        user_id, bearer = callers[number % len(callers)]
        async with AsyncExitStack() as stack:
            async with opening:
                client = await stack.enter_async_context(served.client(WIRES[number % 3], bearer))
            await talk(number, client, user_id)

    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(visit(number))

    assert crossed == 0


def said(answer: dict[str, Any]) -> Any:
    return answer["result"]["structuredContent"]


def initialize() -> dict[str, object]:
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
