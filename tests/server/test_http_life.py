"""The life of a `serve` process: it owns its directory, drains on a signal, and leaves nothing behind."""

import asyncio
import json
import signal
import socket
import time
from pathlib import Path

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.server.addresses import bind
from construction_mcp.server.web import WebServer
from tests.server.serving import DEADLINE_S, WIRES, Door, Wire, modern_call, modern_headers, serving, start
from tests.server.test_http import initialize
from tests.stdio_process import StdioProcess

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("wire", WIRES)
async def test_a_signal_lets_the_call_under_way_finish(tmp_path: Path, wire: Wire) -> None:
    """R11: the accepted call is answered, new work is refused, the exit code is 0 within the drain time."""
    async with serving(tmp_path / "data") as served, Door(tmp_path / "door") as door, served.client(wire) as client:
        async with asyncio.timeout(DEADLINE_S):
            await client.list_tools()  # the SDK's client wants the schemas before it gives an answer out
            call = asyncio.ensure_future(client.call_tool("wait_at", {"door": str(door.path)}))
            await door.knocked.wait()
            async with served.http() as http:
                served.process.send_signal(signal.SIGTERM)
                while (ready := await http.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.01)
                refused = await http.post("/mcp", json=initialize())
            door.open("done")
            result = await call
        began = time.monotonic()
        code = await served.stop()

    assert ready.json() == {"status": "not_ready", "reasons": ["draining"]}
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "SYSTEM_SHUTTING_DOWN"
    assert result.structured_content is not None
    assert result.structured_content["text"] == "done"
    assert code == 0
    assert time.monotonic() - began < Limits().drain_s


async def test_a_question_under_way_can_still_be_answered_while_draining(tmp_path: Path) -> None:
    """The answer to an elicitation is a new request; a drain that refused it would lose the call."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_context: object, _params: object) -> object:
        from mcp_types import ElicitResult

        asked.set()
        await go_on.wait()
        return ElicitResult(action="accept", content={"name": "Ada"})

    async with serving(tmp_path / "data") as served:
        async with served.client("legacy", elicitation_callback=answer) as client, asyncio.timeout(DEADLINE_S):
            await client.list_tools()
            call = asyncio.ensure_future(client.call_tool("ask_name", {}))
            await asked.wait()
            served.process.send_signal(signal.SIGTERM)
            async with served.http() as http:
                while (await http.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.01)
            go_on.set()
            result = await call
        code = await served.stop()

    assert result.structured_content is not None
    assert result.structured_content["text"] == "Ada"
    assert code == 0


async def test_open_streams_end_properly_and_do_not_delay_the_end(tmp_path: Path) -> None:
    """A listening client sees the end of its stream, not a broken connection; the process does not wait for it."""
    async with serving(tmp_path / "data") as served, served.http() as http:
        session = (await http.post("/mcp", json=initialize())).headers["mcp-session-id"]
        headers = {"mcp-session-id": session, "mcp-protocol-version": "2025-11-25"}
        async with (
            asyncio.timeout(DEADLINE_S),
            http.stream("GET", "/mcp", headers=headers) as standing,
            http.stream("GET", "/sse") as legacy,
        ):
            events = legacy.aiter_text()
            await anext(events)
            began = time.monotonic()
            stopping = asyncio.ensure_future(served.stop())
            rest = [text async for text in standing.aiter_text()] + [text async for text in events]
            code = await stopping

    assert (rest, code) == ([], 0)
    assert time.monotonic() - began < 3


async def test_serve_takes_the_directory_over_from_a_stdio_process(tmp_path: Path) -> None:
    """The stdio process hands over, bridges to the server, and its client notices nothing."""

    with StdioProcess(tmp_path / "data") as stdio:
        await asyncio.to_thread(stdio.open)
        before = await asyncio.to_thread(lambda: stdio.answer(stdio.call("find_tools", query="rfi")))
        async with serving(tmp_path / "data") as served:
            after = await asyncio.to_thread(lambda: stdio.answer(stdio.call("find_tools", query="rfi")))
            assert await served.stop() == 0

    assert "isError" in json.dumps(before)
    assert "isError" in json.dumps(after)


async def test_a_second_serve_is_refused_and_told_who_owns_the_directory(tmp_path: Path) -> None:
    """One owner: the second says which process it is."""
    async with serving(tmp_path / "data") as served:
        second = await start(tmp_path / "data", "--port", "0")
        async with asyncio.timeout(DEADLINE_S):
            _, told = await second.communicate()

    assert second.returncode == 1
    assert "SYSTEM_DIRECTORY_OWNED" in told.decode()
    assert str(served.process.pid) in told.decode()


async def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    """No traceback, the address, and what to do."""
    with bind("127.0.0.1", 0) as taken:
        process = await start(tmp_path / "data", "--port", str(taken.getsockname()[1]))
        async with asyncio.timeout(DEADLINE_S):
            _, told = await process.communicate()

    assert process.returncode == 1
    assert "cannot be listened on" in told.decode()
    assert "Traceback" not in told.decode()


async def test_a_reader_that_takes_nothing_is_dropped() -> None:
    """Its buffers are given back after `stale_stream_s`; one that reads slowly is kept."""
    sent = asyncio.Event()

    async def flood(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["type"] != "http":
            await lifespan(receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]  # ASGI
        while (await receive_now(receive)).get("type") != "http.disconnect":
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})  # type: ignore[operator]  # ASGI
        sent.set()

    with bind("127.0.0.1", 0) as listener:
        web = WebServer(flood, Limits(stale_stream_s=0.2))  # type: ignore[arg-type]  # an ASGI application
        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(web.serve([listener]))
            await web.accepting.wait()
            with socket.create_connection(listener.getsockname()) as reader:
                reader.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                await sent.wait()
            web.should_exit = True

    assert sent.is_set()


async def test_the_sdk_sends_the_heartbeat_we_promise() -> None:
    """Every 15 s, a contract with its private defaults: proxies close streams that are idle for 30 to 60 s."""
    from mcp.server import _streamable_http_modern
    from sse_starlette import EventSourceResponse

    assert EventSourceResponse.DEFAULT_PING_INTERVAL == 15
    assert _streamable_http_modern._SSE_PING_INTERVAL == 15


async def test_the_last_call_before_the_signal_is_not_lost(tmp_path: Path) -> None:
    """A modern call sent at the same moment as the signal is answered or refused, never dropped."""
    async with serving(tmp_path / "data") as served, served.http() as http:
        await http.get("/readyz")
        call = asyncio.ensure_future(
            http.post("/mcp", json=modern_call("say", {"text": "x"}), headers=modern_headers("tools/call", "say"))
        )
        served.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            answer = await call
        assert await served.stop() == 0

    assert answer.status_code in {200, 503}


async def lifespan(receive: object, send: object) -> None:
    for stage in ("startup", "shutdown"):
        await receive()  # type: ignore[operator]  # ASGI
        await send({"type": f"lifespan.{stage}.complete"})  # type: ignore[operator]  # ASGI


async def receive_now(receive: object) -> dict[str, object]:
    """What has arrived already; nothing, if nothing has."""
    try:
        async with asyncio.timeout(0.001):
            return await receive()  # type: ignore[operator,no-any-return]  # ASGI
    except TimeoutError:
        return {}
