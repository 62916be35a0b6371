"""How fast deliveries are accepted, over real HTTP on loopback: `python -m tests.perf.bench_accept [deliveries]`.

Budgets (PRODUCT.md section 9): at least 1,000/s on 2 cores; p99 at most 250 ms at 100/s, also while statistics run.
Beside it in the same run: rows committed one by one to raw SQLite with synchronous=FULL, without any HTTP.
"""

import argparse
import asyncio
import json
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.server.web import WebServer
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.versions import ByHook
from tests.engine.yard import COMPANY, OWNER, PROJECT, Yard, yard_at
from tests.perf.filling import filled

CONNECTIONS, RATE = 32, 100
EXECUTIONS = 20_000  # that statistics look at
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


@dataclass(frozen=True)
class Door:
    """Where deliveries go."""

    port: int
    hook_id: str
    secret: str


async def flood(door: Door, count: int) -> float:
    numbers = iter(range(count))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        for number in numbers:
            await exchange(reader, writer, request(door.hook_id, door.secret, number))
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(one())
    return count / (time.perf_counter() - began)


async def paced(door: Door, start: int, count: int) -> dict[str, float]:
    """Milliseconds from when each was due, so that a stall counts for all that wait behind it."""
    took: list[float] = []
    began = time.perf_counter()

    async def one(number: int) -> None:
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        await exchange(reader, writer, request(door.hook_id, door.secret, start + number))
        took.append((time.perf_counter() - due) * 1000)
        writer.close()

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(one(number))
    took.sort()
    return {"p50_ms": round(took[len(took) // 2], 2), "p99_ms": round(took[int(len(took) * 0.99)], 2)}


async def statistics(yard: Yard, until: asyncio.Event) -> int:
    """Look at everything that ran, again and again; how often."""
    call = Call(Principal(OWNER, Role.ADMIN), View())
    looked = 0
    while not until.is_set():
        await yard.house.dispatcher.call_tool("get_workflow_stats", {"window": "7d"}, call)
        looked += 1
    return looked


def raw_sqlite(folder: Path, count: int) -> float:
    """Rows per second, each committed before the next."""
    body = json.dumps({"resource_name": "RFIs", "resource_id": 42, "project_id": PROJECT})
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE deliveries (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT")
        began = time.perf_counter()
        for number in range(count):
            connection.execute("INSERT INTO deliveries VALUES (?, ?)", (f"dlv_{number}", body))
        return count / (time.perf_counter() - began)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Yard, Door]]:
    """A workflow behind a hook of Procore's, and the address to post to."""
    async with yard_at(folder, ManualClock()) as yard:
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
                yield yard, Door(listener.getsockname()[1], hook.id, secret)
                web.should_exit = True


async def measure(folder: Path, flooded: int, at_pace: int) -> dict[str, Any]:
    async with opened(folder) as (yard, door):
        raw = raw_sqlite(folder, flooded)
        rate = await flood(door, flooded)
        alone = await paced(door, flooded, at_pace)
        await filled(yard.house, EXECUTIONS)
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(statistics(yard, enough))
            beside = await paced(door, flooded + at_pace, at_pace)
            enough.set()
        stored = yard.rows("SELECT count(*) FROM deliveries")[0][0]
    return {
        "per_s": round(rate),
        "raw_sqlite_per_s": round(raw),
        "paced": alone,
        "beside_statistics": beside,
        "statistics": looking.result(),
        "accepted": flooded + 2 * at_pace,
        "stored": stored,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deliveries", nargs="?", type=int, default=5000, help="sent as fast as they are taken")
    parser.add_argument("--paced", type=int, default=1000, help=f"sent at {RATE}/s, once alone and once more")
    parser.add_argument("--json", action="store_true", help="one line")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), args.deliveries, args.paced))
    print(json.dumps(found, indent=None if args.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
