"""Hooks that really post: order, retry, time-outs, duplicates, discards and payloads (FACTS 8)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.switches import Switches
from construction_mcp.simulator.world import World
from tests.simulator.conftest import client_credentials, first_company, first_project, plain_client
from tests.simulator.test_faults_and_ledger import new_rfi, rfi_path

pytestmark = pytest.mark.anyio


class Sink(httpx.AsyncBaseTransport):
    """The receiving end: keeps what arrives, answers as told."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.headers: list[httpx.Headers] = []
        self.answer: Callable[[int], int | Exception] = lambda _number: 200
        self._changed = asyncio.Condition()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._changed:
            self.received.append(json.loads(request.content))
            self.headers.append(request.headers)
            self._changed.notify_all()
        answer = self.answer(len(self.received))
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, request=request)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count)


class Hooked:
    """A running simulator with one project hook on RFIs."""

    def __init__(self, sim: Simulator, http: httpx.AsyncClient, sink: Sink, clock: ManualClock) -> None:
        self.sim, self.http, self.sink, self.clock = sim, http, sink, clock
        project = first_project(sim.world)
        self.base = f"/rest/v2.0/companies/{first_company(sim.world)}/projects/{project}/webhooks/hooks"
        self.id = ""

    async def create(self, version: str = "v2.0", namespace: str = "house") -> str:
        body = {
            "payload_version": version,
            "namespace": namespace,
            "destination_url": "https://sink.example/webhooks/1",
            "destination_headers": {"Authorization": "Bearer secret-12345"},
        }
        self.id = (await self.http.post(self.base, json=body)).json()["data"]["id"]
        for event_type in ("create", "update"):
            trigger = {"resource_name": "RFIs", "event_type": event_type}
            await self.http.post(f"{self.base}/{self.id}/triggers", json=trigger)
        return self.id

    async def emit(self, **more: Any) -> httpx.Response:
        body = {"resource_name": "RFIs", "event_type": "create", "resource_id": 5}
        return await self.http.post("/_sim/emit", json={**body, "project_id": first_project(self.sim.world), **more})

    async def deliveries(self, status: str | None = None) -> list[dict[str, Any]]:
        query = {"filter[status]": status} if status else {}
        # twelve hours later the token is long expired
        self.http.headers["Authorization"] = f"Bearer {await client_credentials(self.http, self.sim.world)}"
        answer = await self.http.get(f"{self.base}/{self.id}/deliveries", params=query)
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def settled(self, check: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The delivery log once it looks as it must; retries are brought on by moving the clock."""
        async with asyncio.timeout(5):
            while not check(rows := await self.deliveries()):
                self.clock.advance(self.clock.next_wake_s or 0)
                await asyncio.sleep(0)
        return rows


@pytest.fixture
async def hooked(world: World, clock: ManualClock) -> AsyncIterator[Hooked]:
    sink = Sink()
    world.switches = Switches(duplicate_every=0)
    sim = Simulator(world, windows=(), delivery_transport=sink)
    async with sim.running(), plain_client(sim) as http:
        http.headers["Authorization"] = f"Bearer {await client_credentials(http, world)}"
        http.headers["Procore-Company-Id"] = str(first_company(world))
        house = Hooked(sim, http, sink, clock)
        await house.create()
        yield house


async def test_a_write_is_told_to_the_hook_with_its_header(hooked: Hooked) -> None:
    made = (await hooked.http.post(rfi_path(hooked.sim), json=new_rfi(hooked.sim))).json()
    await hooked.sink.wait_for(1)
    event = hooked.sink.received[0]

    assert (event["resource_name"], event["event_type"], event["resource_id"]) == ("RFIs", "create", made["id"])
    assert event["metadata"]["source_application_id"] == hooked.sim.world.app.client_id
    assert event["api_version"] == "v2.0"
    assert len(event["ulid"]) == 26
    assert hooked.sink.headers[0]["authorization"] == "Bearer secret-12345"


async def test_payload_v4_has_strings_for_ids_and_no_metadata(hooked: Hooked) -> None:
    await hooked.emit(payload_version="v4.0")
    await hooked.sink.wait_for(1)
    event = hooked.sink.received[0]

    assert event["resource_id"] == "5"
    assert event["project_id"] == str(first_project(hooked.sim.world))
    assert event["reason"] == "create"
    assert "metadata" not in event


async def test_a_failure_is_retried_with_growing_waits_and_keeps_the_order(hooked: Hooked) -> None:
    hooked.sink.answer = lambda number: 500 if number <= 3 else 200
    begun = hooked.clock.now()
    await hooked.emit(resource_id=1)
    await hooked.emit(resource_id=2)
    rows = await hooked.settled(lambda rows: all(row["status"] == "delivered" for row in rows))

    assert [event["resource_id"] for event in hooked.sink.received] == [1, 1, 1, 1, 2]
    assert [attempt["outcome"] for attempt in rows[0]["delivery_attempts"]] == ["retried", "retried", "retried", "ok"]
    assert (hooked.clock.now() - begun).total_seconds() == 1 + 2 + 4


async def test_a_connection_that_fails_is_a_failure_too(hooked: Hooked) -> None:
    hooked.sink.answer = lambda number: httpx.ConnectError("refused") if number == 1 else 204
    await hooked.emit()
    rows = await hooked.settled(lambda rows: rows[0]["status"] == "delivered")

    assert [attempt["response_error"] for attempt in rows[0]["delivery_attempts"]] == ["ConnectError", None]


async def test_after_twelve_hours_the_queue_is_discarded(hooked: Hooked) -> None:
    hooked.sink.answer = lambda _number: 503
    await hooked.emit(resource_id=1)
    await hooked.emit(resource_id=2)
    rows = await hooked.settled(lambda rows: all(row["status"] == "discarded" for row in rows))
    asked = await hooked.deliveries("discarded")

    # 1 s doubling to 1 h fills twelve hours with 23 attempts.
    assert len(rows[0]["delivery_attempts"]) == 23
    assert rows[1]["delivery_attempts"] == []
    assert len(asked) == 2


async def test_copies_and_every_nth_delivery_are_duplicates(hooked: Hooked) -> None:
    """At least once (FACTS 8.5): the same ulid again."""
    await hooked.emit(copies=3)
    await hooked.sink.wait_for(3)
    hooked.sim.world.switches = Switches(duplicate_every=2)
    await hooked.emit()
    await hooked.sink.wait_for(5)

    assert len({event["ulid"] for event in hooked.sink.received[:3]}) == 1
    assert len({event["ulid"] for event in hooked.sink.received[3:]}) == 1


async def test_a_dead_hook_does_not_delay_another(hooked: Hooked) -> None:
    dead, alive = hooked.id, await hooked.create()
    hooked.sink.answer = lambda number: 500 if number % 2 else 200
    await hooked.emit()
    await hooked.sink.wait_for(2)

    assert dead != alive


async def test_events_nobody_listens_to_are_not_queued(hooked: Hooked) -> None:
    answer = await hooked.emit(resource_name="Submittals")

    assert answer.json() == {"deliveries": 0}


async def test_a_company_hook_hears_company_resources_only(hooked: Hooked) -> None:
    base = f"/rest/v2.0/companies/{first_company(hooked.sim.world)}/webhooks/hooks"
    body = {"payload_version": "v2.0", "namespace": "house", "destination_url": "https://sink.example/2"}
    hook = (await hooked.http.post(base, json=body)).json()["data"]["id"]
    projects = {"resource_name": "Projects", "event_type": "update"}
    rfis = {"resource_name": "RFIs", "event_type": "update"}
    accepted = await hooked.http.post(f"{base}/{hook}/triggers", json=projects)
    refused = await hooked.http.post(f"{base}/{hook}/triggers", json=rfis)

    assert (accepted.status_code, refused.status_code) == (201, 422)


async def test_the_secret_is_shown_down_to_its_last_five_characters(hooked: Hooked) -> None:
    shown = (await hooked.http.get(f"{hooked.base}/{hooked.id}")).json()["data"]

    assert shown["destination_headers"]["Authorization"] == "*" * 14 + "12345"
    assert shown["trigger_count"] == 2


@pytest.mark.parametrize("url", ["http://sink.example/x", "ftp://127.0.0.1/x", "http://10.0.0.1/", "nonsense"])
async def test_a_destination_is_https_or_this_machine(hooked: Hooked, url: str) -> None:
    body = {"payload_version": "v2.0", "namespace": "house", "destination_url": url}
    answer = await hooked.http.post(hooked.base, json=body)

    assert answer.status_code == 422


async def test_v1_answers_event_types_in_capitals_and_takes_bulks_of_500(hooked: Hooked) -> None:
    project = first_project(hooked.sim.world)
    base = "/rest/v1.0/webhooks/hooks"
    hook = {"api_version": "v2", "namespace": "house", "destination_url": "https://sink.example/3"}
    hook_id = (await hooked.http.post(base, json={"project_id": project, "hook": hook})).json()["id"]
    trigger = {"resource_name": "Submittals", "event_type": "update"}
    made = await hooked.http.post(
        f"{base}/{hook_id}/triggers", json={"project_id": project, "api_version": "v2", "trigger": trigger}
    )
    bulk = f"{base}/{hook_id}/triggers/bulk"
    mixed = await hooked.http.post(
        bulk, json={"project_id": project, "triggers": [trigger, {**trigger, "event_type": "delete"}]}
    )
    too_many = await hooked.http.post(bulk, json={"project_id": project, "triggers": [trigger] * 501})

    assert made.json()["event_type"] == "UPDATE"
    assert (mixed.status_code, too_many.status_code) == (207, 413)
    assert len(mixed.json()["success"]) == 1


async def test_project_users_update_is_not_offered_any_more(hooked: Hooked) -> None:
    """FACTS 8.6."""
    trigger = {"resource_name": "Project Users", "event_type": "update"}
    answer = await hooked.http.post(f"{hooked.base}/{hooked.id}/triggers", json=trigger)

    assert answer.status_code == 422
