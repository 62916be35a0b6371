"""How fast deliveries are accepted, over real HTTP on loopback: `python -m tests.perf.bench_accept [deliveries]`.

Budgets (PRODUCT.md section 9): at least 1,000/s on 2 cores; p99 at most 250 ms at 100/s.
"""

import asyncio
import json
import socket
import sys
import tempfile
import time
from pathlib import Path

from starlette.applications import Starlette

from construction_mcp.core.clock import ManualClock
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.server.web import WebServer
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.versions import ByHook
from tests.engine.yard import COMPANY, OWNER, PROJECT, yard_at

CONNECTIONS, RATE, PACED = 32, 100, 1000
RFIS = {"type": "webhook", "source": "procore", "resources": ["RFIs"]}


def request(hook_id: str, secret: str, number: int) -> bytes:
    told = {"id": number, "ulid": f"01J{number:023}", "event_type": "update", "resource_name": "RFIs"}
    body = json.dumps({**told, "resource_id": 42, "project_id": PROJECT, "company_id": COMPANY}).encode()
    head = f"POST /webhooks/{hook_id} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {secret}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> None:
    writer.write(raw)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 202 " in head.split(b"\r\n")[0], head
    await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))


async def flood(port: int, hook_id: str, secret: str, count: int) -> float:
    numbers = iter(range(count))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            await exchange(reader, writer, request(hook_id, secret, number))
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(one())
    return count / (time.perf_counter() - began)


async def paced(port: int, hook_id: str, secret: str, start: int) -> list[float]:
    """Milliseconds from when each was due, so that a stall counts for all that wait behind it."""
    took: list[float] = []
    began = time.perf_counter()

    async def one(number: int) -> None:
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await exchange(reader, writer, request(hook_id, secret, start + number))
        took.append((time.perf_counter() - due) * 1000)
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        for number in range(PACED):
            tasks.create_task(one(number))
    return sorted(took)


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with yard_at(Path(folder), ManualClock()) as yard:
            hooks = await yard.house.services.get(Hooks)
            workflow_id = await yard.active(RFIS)
            place = {"company_id": COMPANY, "project_id": PROJECT, "principal": OWNER, "workflow_id": workflow_id}
            hook, secret = await hooks.add(environment="simulator", resource_names=["RFIs"], **place)
            await yard.versions.switch(workflow_id, 1, ByHook(hook.id), principal=OWNER, action="resume")
            app = Starlette(routes=delivery_routes(yard.house.services, yard.house.settings.limits))
            web = WebServer(app, yard.house.settings.limits)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(web.serve([listener]))
                    await web.accepting.wait()
                    port = listener.getsockname()[1]
                    rate = await flood(port, hook.id, secret, count)
                    took = await paced(port, hook.id, secret, count)
                    web.should_exit = True
            stored = yard.rows("SELECT count(*) FROM deliveries")[0][0]
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"{rate:.0f}/s flooded; at {RATE}/s p50 {p50:.1f} ms, p99 {p99:.1f} ms; {stored} of {count + PACED} stored")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
