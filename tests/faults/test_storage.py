"""A store that refuses for a while: deliveries are turned away, never half accepted, and the engine goes on by itself.

Source: engine.md, failure test 2; security.md R3. What the store itself says is in tests/store/test_faults.py; here is
what a sender and the executions see of it. The reasons are SQLite's own, not injected errors.
"""

import asyncio
import base64
import json
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import Conflict
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.deploy import Deployments
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.engine.work import Work
from construction_mcp.notify.signing import sign
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.store.database import Database
from construction_mcp.store.queries import Query
from construction_mcp.store.workflows import Draft, Workflows
from tests.engine.plant import node, opened, plan
from tests.faults.killed_serve import SERVED_AT, now
from tests.faults.standing import broken, stuck
from tests.store.test_faults import fill

pytestmark = pytest.mark.anyio

LIMITS = replace(Limits(), busy_timeout_s=0.05, busy_backoff_s=0.02, inbox_retry_s=0.2)
ADMIN = Principal("local:0", Role.ADMIN, "Operator")
LOG = [
    {"key": "note", "type": "notify.log", "config": {"text": "{{ trigger.body.text }}"}},
    {"key": "again", "type": "notify.log", "config": {"text": "{{ trigger.body.text }}"}, "depends_on": ["note"]},
]
AT_THE_DOOR = {"type": "webhook", "source": "custom"}
BY_THE_INBOX = {**AT_THE_DOOR, "filter": "event.number >= 0"}
BIG = "v" * 8_000  # more than any slack inside allocated pages
TURNED_AWAY = 6
WITHIN_S = 60.0


@dataclass
class Shop:
    """A house whose services work in real time, and a sender that signs."""

    house: House
    http: httpx.AsyncClient
    database: Database
    engine: EmbeddedEngine
    hook: tuple[str, bytes] = ("", b"")
    answers: dict[int, int] = field(default_factory=dict)
    text: str = BIG

    async def deploy(self, trigger: Any) -> None:
        workflows = await self.house.services.get(Workflows)
        deployments = await self.house.services.get(Deployments)
        draft = Draft("Log", "simulator", ADMIN.id, run_as=ADMIN.id, trigger=trigger)
        done = await deployments.deploy((await workflows.create(draft, LOG)).id, ADMIN)
        assert done.status == "deployed", done.problems
        assert done.webhook_url is not None
        assert done.webhook_secret is not None
        key = base64.b64decode(done.webhook_secret.removeprefix("whsec_"))
        self.hook = (done.webhook_url.rpartition("/")[2], key)

    async def post(self, number: int) -> int:
        """The status of the answer."""
        hook_id, key = self.hook
        body, at, name = (
            json.dumps({"number": number, "text": self.text}).encode(),
            str(int(time.time())),
            f"msg_{number}",
        )
        stamp = {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": sign(key, name, at, body)}
        status = (await self.http.post(f"/webhooks/{hook_id}", content=body, headers=stamp)).status_code
        self.answers[number] = status
        return status

    def rows(self, text: str) -> list[Any]:
        with closing(sqlite3.connect(self.house.settings.database_file, timeout=10)) as connection:
            return connection.execute(text).fetchall()

    def accepted(self) -> set[str]:
        return {f"msg_{number}" for number, status in self.answers.items() if status == 202}

    def is_done(self) -> bool:
        ended = self.rows("SELECT key FROM executions WHERE status = 'completed'")
        return {f"event:{one}" for one in self.accepted()} <= {one for (one,) in ended}


@asynccontextmanager
async def shop_at(folder: Path) -> AsyncIterator[Shop]:
    settings = Settings(folder / "data", procore_grant="client_credentials", serve_url=SERVED_AT, limits=LIMITS)
    async with House(settings) as house:
        house.reach.listen_at(SERVED_AT)
        app = Starlette(routes=delivery_routes(house.services, LIMITS))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as http:
            yield Shop(house, http, await house.services.get(Database), await house.services.get(EmbeddedEngine))


@asynccontextmanager
async def full(shop: Shop) -> AsyncIterator[None]:
    """No page more than there are."""
    async with _pragma(shop.database, "max_page_count", "1", "1073741823"):
        yield


@asynccontextmanager
async def read_only(shop: Shop) -> AsyncIterator[None]:
    """SQLite refuses to write, as for a file that turned read-only."""
    async with _pragma(shop.database, "query_only", "1", "0"):
        yield


@asynccontextmanager
async def locked(shop: Shop) -> AsyncIterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(shop.house.settings.database_file, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@asynccontextmanager
async def _pragma(database: Database, name: str, on: str, off: str) -> AsyncIterator[None]:
    """Set on the store's own connection."""
    for value in (on, off):
        query = Query(f"test.{name}_{value}", "value", "What the connection may do.", f"PRAGMA {name} = {value}")
        await database.read(lambda tx, one=query: tx.value(one))  # type: ignore[misc]  # a default binds the loop's
        if value == on:
            yield


TROUBLES: Mapping[str, Callable[[Shop], AbstractAsyncContextManager[None]]] = {
    "full": full,
    "read-only": read_only,
    "locked": locked,
}


@pytest.mark.parametrize("door", [AT_THE_DOOR, BY_THE_INBOX], ids=["started at the door", "decided by the inbox"])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_store_that_refuses_turns_senders_away_and_the_engine_goes_on_by_itself(
    tmp_path: Path, trouble: str, door: Mapping[str, Any]
):
    async with shop_at(tmp_path) as shop:
        await shop.deploy(door)
        await _through(shop, TROUBLES[trouble])


async def test_a_disk_that_is_full_turns_senders_away_and_the_engine_goes_on_by_itself(tmp_path: Path):
    with own_disk(tmp_path, megabytes=6) as disk:
        async with shop_at(disk) as shop:
            await shop.deploy(BY_THE_INBOX)

            @asynccontextmanager
            async def filled(_shop: Shop) -> AsyncIterator[None]:
                filler = fill(disk)
                yield
                filler.unlink()

            await _through(shop, filled)


@contextmanager
def own_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of its own, where this user may mount one."""
    place = folder / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tmpfs; the page limit shows the same")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


async def test_what_cannot_go_on_while_the_store_refuses_ends_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """Its end cannot be stored now: the engine goes on, and ends it once it can."""
    async with opened(tmp_path, SystemClock()) as plant:
        met, tell = asyncio.Event(), asyncio.Event()

        async def place(_work: Work) -> None:
            met.set()
            await tell.wait()
            raise Conflict("It was deployed for another company.", code="WORKFLOW_ENVIRONMENT_MISMATCH")

        async def is_refused() -> bool:
            return "cannot be ended yet" in caplog.text

        right, plant.engine._loader.place = plant.engine._loader.place, place  # type: ignore[method-assign]  # a seam
        ends = await plant.start(plan(node("a")))
        await met.wait()
        async with _pragma(plant.database, "query_only", "1", "0"):
            tell.set()
            await plant.until(is_refused)
        during = await plant.status(ends)
        how = await plant.ends(ends)
        plant.engine._loader.place = right  # type: ignore[method-assign]  # as above
        other = await plant.run(plan(node("a")))

    assert (during, how, other) == ("queued", "failed", "completed")


async def _through(shop: Shop, trouble: Callable[[Shop], AbstractAsyncContextManager[None]]) -> None:
    """Work, then trouble with executions under way, then work again; nothing is started anew by a person."""
    working = asyncio.create_task(shop.house.run_services())
    try:
        before = [await shop.post(number) for number in range(5)]
        async with trouble(shop):
            during = await _until_turned_away(shop)
        lease = shop.engine.lease
        after = [await shop.post(number) for number in range(1000, 1005)]
        again = [await shop.post(number) for number in [one for one, told in shop.answers.items() if told != 202]]
        async with asyncio.timeout(WITHIN_S):
            while not shop.is_done():
                assert not working.done(), working
                await asyncio.sleep(0.02)
    finally:
        working.cancel()
        await asyncio.wait([working])
    rows = Counter(event for (event,) in shop.rows("SELECT event_id FROM deliveries"))
    runs = Counter(key for (key,) in shop.rows("SELECT key FROM executions"))

    assert set(before + after + again) == {202}
    assert set(during) <= {202, 503}
    assert shop.engine.lease == lease
    assert set(rows) == shop.accepted()
    assert set(rows.values()) == set(runs.values()) == {1}
    assert stuck(shop.house.settings.database_file, None, now()) == []
    assert broken(shop.house.settings.database_file) == []


async def _until_turned_away(shop: Shop) -> list[int]:
    """Answers until several in a row were refusals; what was accepted meanwhile is stored."""
    told: list[int] = []
    while told[-TURNED_AWAY:] != [503] * TURNED_AWAY:
        number = 5 + len(told)
        assert number < 900, f"it never refuses: {Counter(told)}"
        told.append(await shop.post(number))
        stored = {event for (event,) in shop.rows("SELECT event_id FROM deliveries")}
        assert (f"msg_{number}" in stored) == (told[-1] == 202)
    return told
