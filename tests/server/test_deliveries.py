"""The delivery inbox: what is taken, what is turned away, and what it leaves behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.store.database import Database
from construction_mcp.store.hooks import Hook, Hooks
from tests.server.serving import serving

pytestmark = pytest.mark.anyio

FORGERIES = 1000


class Inbox:
    """A hook and a way to post to it."""

    def __init__(self, house: House, hooks: Hooks, hook: Hook, secret: str, http: httpx.AsyncClient) -> None:
        self.house, self.hooks, self.hook, self.secret, self.http = house, hooks, hook, secret, http

    async def post(self, body: Any, *, secret: str | None = None, hook_id: str | None = None) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = {"authorization": f"Bearer {self.secret if secret is None else secret}"}
        return await self.http.post(f"/webhooks/{hook_id or self.hook.id}", content=content, headers=bearer)

    async def rows(self) -> int:
        """Deliveries that are stored."""
        (known,) = await self.hooks.of_environment("simulator")
        return known.delivery_count


@asynccontextmanager
async def opened(folder: Path, clock: ManualClock, limits: Limits) -> AsyncIterator[Inbox]:
    settings = Settings(data_dir=folder / "data", procore_grant="client_credentials", limits=limits)
    async with House(settings, clock=clock) as house:
        hooks = await house.services.get(Hooks)
        hook, secret = await hooks.add(
            environment="simulator", company_id=1, project_id=7, principal="local:0", resource_names=["RFIs"]
        )
        app = Starlette(routes=delivery_routes(house.services, limits))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as http:
            yield Inbox(house, hooks, hook, secret, http)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def inbox(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Inbox]:
    async with opened(tmp_path, clock, Limits()) as made:
        yield made


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    """A v2.0 payload."""
    told = {"id": number, "ulid": f"01J{number:023}", "event_type": "update", "resource_name": "RFIs"}
    return {**told, "resource_id": 42, "project_id": 7, "company_id": 1, **more}


async def test_a_delivery_is_stored_before_it_is_accepted(inbox):
    answer = await inbox.post(event())

    assert answer.status_code == 202
    assert answer.json()["delivery_id"].startswith("dlv_")
    assert answer.json()["duplicate"] is False
    assert await inbox.rows() == 1


async def test_a_thousand_forged_deliveries_are_401_and_leave_no_row(inbox):
    """security.md S6."""
    secrets = [*[f"cmwh_{number}" for number in range(FORGERIES - 3)], "", inbox.secret[:-1], inbox.secret + "x"]

    answers = [await inbox.post(event(number), secret=secret) for number, secret in enumerate(secrets)]

    assert [answer.status_code for answer in answers] == [401] * FORGERIES
    assert await inbox.rows() == 0


async def test_a_thousand_replays_leave_one_row_and_name_the_first(inbox):
    """security.md S6; Procore delivers at least once (FACTS 8.5)."""
    first = (await inbox.post(event())).json()

    answers = await asyncio.gather(*(inbox.post(event()) for _ in range(FORGERIES)))

    assert {answer.status_code for answer in answers} == {202}
    assert all(answer.json() == {"delivery_id": first["delivery_id"], "duplicate": True} for answer in answers)
    assert await inbox.rows() == 1


async def test_the_same_event_of_two_hooks_is_two_deliveries(inbox):
    other, secret = await inbox.hooks.add(
        environment="sandbox", company_id=1, project_id=7, principal="local:0", resource_names=["RFIs"]
    )

    answers = [await inbox.post(event()), await inbox.post(event(), hook_id=other.id, secret=secret)]

    assert [answer.json()["duplicate"] for answer in answers] == [False, False]


async def test_one_hooks_secret_does_not_open_another(inbox):
    other, _ = await inbox.hooks.add(
        environment="sandbox", company_id=1, project_id=7, principal="local:0", resource_names=["RFIs"]
    )

    assert (await inbox.post(event(), hook_id=other.id)).status_code == 401


async def test_an_unknown_hook_is_404_whatever_it_carries(inbox):
    answers = [await inbox.post(event(), hook_id="hook_0"), await inbox.post(b"{", hook_id="hook_0", secret="x")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["error"]["code"] == "WEBHOOK_NOT_FOUND"


async def test_a_removed_hook_is_404_at_once(inbox):
    await inbox.post(event())
    await inbox.hooks.remove(inbox.hook.id)

    assert (await inbox.post(event(2))).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"id": NaN}',
        b'{"id": 1, "id": 2, "event_type": "update", "resource_name": "RFIs"}',
        b'{"event_type": "update", "resource_name": "RFIs"}',
        b'{"id": 1, "resource_name": "RFIs"}',
    ],
)
async def test_what_is_no_event_is_400_and_leaves_no_row(inbox, body):
    assert (await inbox.post(body)).status_code == 400
    assert await inbox.rows() == 0


@pytest.mark.parametrize("body", [b'{"id": "' + b"x" * 300_000 + b'"}', b"[" * 70 + b"]" * 70])
async def test_a_body_too_large_or_too_deep_is_413_and_leaves_no_row(inbox, body):
    assert (await inbox.post(body)).status_code == 413
    assert await inbox.rows() == 0


async def test_a_body_without_end_is_not_read_to_its_end(inbox):
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b"x" * 65_536

    answer = await inbox.http.post(
        f"/webhooks/{inbox.hook.id}", content=endless(), headers={"authorization": f"Bearer {inbox.secret}"}
    )

    assert answer.status_code == 413
    assert read < 10


async def test_what_cannot_be_stored_is_503_so_that_procore_sends_it_again(inbox):
    await inbox.post(event())
    await (await inbox.house.services.get(Database)).close()

    answer = await inbox.post(event(2))

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_while_a_secret_is_replaced_both_are_taken_and_then_only_the_new_one(inbox, clock):
    old, new = inbox.secret, await inbox.hooks.rotate(inbox.hook.id)
    during = [(await inbox.post(event(1), secret=one)).status_code for one in (old, new)]
    await inbox.hooks.end_rotation(inbox.hook.id, new)
    soon = (await inbox.post(event(2), secret=old)).status_code
    clock.advance(Limits().hook_rotation_s)

    later = [(await inbox.post(event(3), secret=one)).status_code for one in (old, new)]

    assert (during, soon, later) == ([202, 202], 202, [401, 202])


async def test_a_secret_that_procore_refused_is_void_and_the_old_one_stays(inbox):
    new = await inbox.hooks.rotate(inbox.hook.id)
    await inbox.hooks.undo_rotation(inbox.hook.id, new)

    answers = [(await inbox.post(event(), secret=one)).status_code for one in (inbox.secret, new)]

    assert answers == [202, 401]


async def test_no_secret_is_kept_or_told(inbox):
    """security.md S1: the database has hashes, an answer has neither."""
    answer = await inbox.post(event(), secret="wrong")
    database = (inbox.house.settings.data_dir / "construction.db").parent
    kept = b"".join(path.read_bytes() for path in database.iterdir() if path.is_file())

    assert inbox.secret.encode() not in kept
    assert inbox.secret not in repr(await inbox.hooks.get(inbox.hook.id))
    assert inbox.hook.secret_hash not in repr(inbox.hook)
    assert inbox.secret not in answer.text


async def test_serve_says_where_it_takes_deliveries_and_asks_nobodys_bearer_there(tmp_path):
    async with serving(tmp_path / "data") as served, httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{served.webhooks}/hook_0", json=event())

    assert served.webhooks == f"{served.origin}/webhooks"
    assert answer.json()["error"]["code"] == "WEBHOOK_NOT_FOUND"


async def test_behind_a_public_address_hooks_are_told_that_one(tmp_path):
    public = {"CONSTRUCTION_MCP_PUBLIC_URL": "https://mcp.example.com/"}
    async with serving(tmp_path / "data", environ=public) as served:
        assert served.webhooks == "https://mcp.example.com/webhooks"
