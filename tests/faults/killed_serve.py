"""A real `serve` that is killed again and again while webhooks come in and workflows write.

Procore is the simulator in a process of its own, which outlives it all: what reached it stays there.
"""

import asyncio
import base64
import contextlib
import json
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.deploy import Deployments
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.notify.signing import sign
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.workflows import Draft, Workflows
from tests.server.serving import DEADLINE_S, ROOT, Served, serving

OPERATOR = Principal("local:0", Role.ADMIN, "Operator")
CUSTOM = {"type": "webhook", "source": "custom"}
FROM_PROCORE = {"type": "webhook", "source": "procore", "resources": ["RFIs"], "events": ["create", "update"]}
PATH = "/punch_items"
_BURST = 12  # deliveries of one life
_WIRE_S = 0.2  # on top of what the answer of a write takes
MOMENT_S = 0.3  # so that some kills come after it
LONGER_S = 3.0  # so that some of what came is carried out between kills
SERVED_AT = "http://127.0.0.1:9"  # what Procore is told; the deliveries here are posted by the test
_OPEN = "SELECT count(*) FROM executions WHERE status IN ('queued', 'running', 'waiting')"
_LEFT = "SELECT count(*) FROM executions WHERE lease = 'eng_dead'"
_UNDECIDED = "SELECT count(*) FROM deliveries WHERE outcome = 'accepted'"


@dataclass
class Outside:
    """The simulator's process."""

    api: str
    login: str
    client_id: str
    client_secret: str
    company_id: int
    project_id: int
    wire: str  # how our side reaches its api
    written: asyncio.Event  # a write is on its way there

    def environ(self) -> dict[str, str]:
        """For a `serve` that works with it."""
        return {
            "CONSTRUCTION_MCP_MAX_PER_WORKFLOW": "20",
            "PROCORE_API_URL": self.wire,
            "PROCORE_LOGIN_URL": self.login,
            "PROCORE_CLIENT_ID": self.client_id,
            "PROCORE_CLIENT_SECRET": self.client_secret,
            "PROCORE_COMPANY_ID": str(self.company_id),
            "PROCORE_GRANT": "client_credentials",
            "PROCORE_RATE_WINDOWS": "1000000/3600,10000/10",  # of the many lives of one test; its subject are the kills
        }

    async def created(self) -> Counter[str]:
        """How often each name was written there."""
        async with httpx.AsyncClient(trust_env=False) as client:
            ledger = (await client.get(f"{self.api}/_sim/ledger?since=0")).json()["entries"]
        return Counter(
            one["body"]["punch_item"]["name"] for one in ledger if one["write"] and one["path"].endswith(PATH)
        )


class Wire:
    """The way to it, which takes a moment back: so that a kill meets writes that were made and not heard of."""

    def __init__(self, url: str, written: asyncio.Event) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._written = written

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port)
        ways = [
            asyncio.ensure_future(self._carry(reader, upstream_writer, 0.0)),
            asyncio.ensure_future(self._carry(upstream_reader, writer, _WIRE_S)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for one in (writer, upstream_writer):
            one.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late_s: float) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await asyncio.sleep(late_s)
                writer.write(data)
                await writer.drain()
                if data.startswith(b"POST ") and PATH.encode() in data:
                    self._written.set()


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    """It, at work."""
    command = (sys.executable, "-m", "construction_mcp", "simulate", "--port", "0", "--json", "--scale", "small")
    process = await asyncio.create_subprocess_exec(
        *command, "--rate-limit", "off", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            said = json.loads(await process.stdout.readline())
        written = asyncio.Event()
        async with await asyncio.start_server(Wire(said["api"], written).join, "127.0.0.1", 0) as wire:
            url = f"http://127.0.0.1:{wire.sockets[0].getsockname()[1]}"
            told = {name: said[name] for name in Outside.__dataclass_fields__ if name in said}
            yield Outside(**told, wire=url, written=written)
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Sender:
    """Posts deliveries until each was answered 2xx, as Procore and other senders do; knows what was accepted.

    names: what the workflow that each accepted delivery starts is to write, once.
    """

    custom: tuple[str, bytes]
    procore: tuple[str, str]
    rfi_id: int
    project_id: int
    company_id: int
    names: list[str] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    sent: int = 0

    async def burst(self, origin: str, count: int) -> None:
        """Post as many new ones at once; what the process's death cuts off is not accepted."""
        numbers = range(self.sent, self.sent + count)
        self.sent += count
        async with httpx.AsyncClient(base_url=origin, trust_env=False, timeout=DEADLINE_S) as client:
            await asyncio.gather(*(self._post(client, number) for number in numbers))

    async def _post(self, client: httpx.AsyncClient, number: int) -> None:
        name = f"delivery {number}" if number % 2 else f"event 01J{number:023}"
        try:
            answers = [await self._signed(client, number, name) if number % 2 else await self._event(client, number)]
            if number % 3 == 0:  # told twice
                again = self._signed(client, number, name) if number % 2 else self._event(client, number)
                answers.append(await again)
        except httpx.TransportError:
            return  # nobody was there, or died before it answered: the sender would come again, and need not here
        for answer in answers:
            if answer.is_success and name not in self.names:
                self.names.append(name)
            elif not answer.is_success:
                self.refused[answer.status_code] += 1

    async def _signed(self, client: httpx.AsyncClient, number: int, name: str) -> httpx.Response:
        hook_id, key = self.custom
        body, at = json.dumps({"name": name}).encode(), str(int(time.time()))
        signature = sign(key, f"msg_{number}", at, body)
        stamp = {"webhook-id": f"msg_{number}", "webhook-timestamp": at, "webhook-signature": signature}
        return await client.post(f"/webhooks/{hook_id}", content=body, headers=stamp)

    async def _event(self, client: httpx.AsyncClient, number: int) -> httpx.Response:
        hook_id, secret = self.procore
        told = {"id": number, "ulid": f"01J{number:023}", "event_type": "update", "resource_name": "RFIs"}
        place = {"resource_id": self.rfi_id, "project_id": self.project_id, "company_id": self.company_id}
        bearer = {"authorization": f"Bearer {secret}"}
        return await client.post(f"/webhooks/{hook_id}", json={**told, **place}, headers=bearer)


def _settings(data_dir: Path, world: Outside) -> Settings:
    return Settings(
        data_dir,
        procore_api_url=world.wire,
        procore_login_url=world.login,
        procore_client_id=world.client_id,
        procore_client_secret=world.client_secret,
        company_id=world.company_id,
        procore_grant="client_credentials",
        serve_url=SERVED_AT,
    )


async def prepared(data_dir: Path, world: Outside) -> Sender:
    """Deploy two workflows that each write one punch item per delivery, and the sender of their deliveries."""
    async with House(_settings(data_dir, world)) as house:
        house.reach.listen_at(SERVED_AT)
        signed = await _deployed(house, world, CUSTOM, "{{ trigger.body.name }}")
        told = await _deployed(house, world, FROM_PROCORE, "event {{ trigger.event.id }}")
        hook_id = told.webhook_url.rpartition("/")[2]
        secret = await (await house.services.get(Hooks)).rotate(hook_id)
        rfi_id = await _first_rfi(world)
        key = base64.b64decode(signed.webhook_secret.removeprefix("whsec_"))
        return Sender(
            (signed.webhook_url.rpartition("/")[2], key), (hook_id, secret), rfi_id, world.project_id, world.company_id
        )


async def _deployed(house: House, world: Outside, trigger: Mapping[str, Any], name: str) -> Any:
    workflows, deployments = await house.services.get(Workflows), await house.services.get(Deployments)
    written = Draft(
        str(trigger["source"]),
        "simulator",
        OPERATOR.id,
        project_id=world.project_id,
        run_as=OPERATOR.id,
        trigger=trigger,
    )
    write = {"key": "item", "type": "procore.punch_item.create", "config": {"name": name}}
    done = await deployments.deploy((await workflows.create(written, [write])).id, OPERATOR)
    assert done.status == "deployed", done.problems
    return done


async def _first_rfi(world: Outside) -> int:
    async with httpx.AsyncClient(trust_env=False, base_url=world.api) as client:
        grant = {"grant_type": "client_credentials", "client_id": world.client_id}
        token = (await client.post("/oauth/token", data={**grant, "client_secret": world.client_secret})).json()
        bearer = {"authorization": f"Bearer {token['access_token']}", "procore-company-id": str(world.company_id)}
        answer = await client.get(f"/rest/v1.0/projects/{world.project_id}/rfis", headers=bearer)
        return int(answer.raise_for_status().json()[0]["id"])


@dataclass
class Life:
    """One process from its start to its end.

    ready_s: from starting it to its first 200 of /readyz; ready_cpu_s: what it worked for that, whoever else did.
    """

    ready_s: float
    ready_cpu_s: float


async def lived(data_dir: Path, world: Outside, sender: Sender, after_s: float, *, at_work: bool) -> Life:
    """A process that takes deliveries and is killed so long after they begin to come, or after a write has begun."""
    began = time.monotonic()
    async with serving(data_dir, environ=world.environ()) as served:
        ready_s, ready_cpu_s = await _ready(served, began), _worked_s(served.process.pid)
        world.written.clear()
        posting = asyncio.create_task(sender.burst(served.origin, _BURST))
        if at_work:
            async with asyncio.timeout(DEADLINE_S):
                await world.written.wait()
        await asyncio.sleep(after_s)  # the moment is what is random here
        served.process.kill()
        await served.process.wait()
        await posting
    return Life(ready_s, ready_cpu_s)


def _worked_s(pid: int) -> float:
    """Seconds of processor time of a process; 0 where the system does not tell (proc(5), utime and stime)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def begun_anew(data_dir: Path, world: Outside) -> float:
    """Seconds until a process on an empty directory is ready: what this machine can do at this moment."""
    began = time.monotonic()
    async with serving(data_dir, environ=world.environ()) as served:
        return await _ready(served, began)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 - another process's table
            await asyncio.sleep(0.002)


async def _ready(served: Served, began: float) -> float:
    async with served.http() as client:
        assert (await client.get("/readyz")).status_code == 200
    return time.monotonic() - began


async def finished(data_dir: Path, world: Outside, within_s: float) -> None:
    """One more life, which ends once nothing is left to do."""
    async with serving(data_dir, environ=world.environ()) as served:
        await settled(data_dir, within_s)
        assert await served.stop() == 0


async def settled(data_dir: Path, within_s: float) -> None:
    """Until nothing is left to do."""
    async with asyncio.timeout(within_s):
        while _count(data_dir, _OPEN) or _count(data_dir, _UNDECIDED):  # noqa: ASYNC110 - another process's table
            await asyncio.sleep(0.1)


def _count(data_dir: Path, query: str) -> int:
    return int(rows(data_dir, query)[0][0])


def rows(data_dir: Path, query: str) -> list[Any]:
    """What the database says."""
    with closing(sqlite3.connect(data_dir / "construction.db", timeout=DEADLINE_S)) as connection:
        return connection.execute(query).fetchall()


def now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def abandon(data_dir: Path, count: int, project_id: int) -> None:
    """Leave `count` executions of the signed workflow as a killed process does: claimed, their step begun."""
    with closing(sqlite3.connect(data_dir / "construction.db")) as connection, connection:
        (workflow_id, number, plan_hash, company_id) = connection.execute(
            "SELECT workflows.id, number, plan_hash, workflows.company_id FROM workflows"
            " JOIN workflow_versions ON workflow_id = workflows.id WHERE workflows.name = 'custom'"
        ).fetchone()
        for at in range(count):
            trigger = json.dumps({"type": "webhook", "at": "2026-03-02T15:00:00Z", "input": None, "body": {"name": at}})
            connection.execute(
                "INSERT INTO executions (id, workflow_id, version, mode, status, started_at, trigger, plan_hash,"
                " environment, company_id, project_id, run_as, requested_by, lease)"
                " VALUES (?, ?, ?, 'live', 'running', ?, ?, ?, 'simulator', ?, ?, 'local:0', 'webhook', 'eng_dead')",
                (f"exe_left_{at}", workflow_id, number, now().isoformat(), trigger, plan_hash, company_id, project_id),
            )
            connection.execute(
                "INSERT INTO steps (execution_id, key, item, type, status, attempts, started_at)"
                " VALUES (?, 'item', -1, 'procore.punch_item.create', 'running', 1, ?)",
                (f"exe_left_{at}", now().isoformat()),
            )


async def recovered(data_dir: Path, world: Outside) -> float:
    """Seconds from the engine's start until it has taken over everything that was left."""
    async with House(_settings(data_dir, world)) as house:
        engine = await house.services.get(EmbeddedEngine)
        began = time.monotonic()
        working = asyncio.create_task(engine.run())
        await _until(lambda: _count(data_dir, _LEFT) == 0)
        took_s = time.monotonic() - began
        working.cancel()
        await asyncio.wait([working])
    return took_s
