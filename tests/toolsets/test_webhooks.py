"""Webhooks from end to end: made at the simulated Procore, which then really posts to this process over loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from construction_mcp.core.clock import ManualClock
from construction_mcp.server.addresses import bind, local_url
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.server.web import WebServer
from tests.toolsets.desk import Desk, desk_at

pytestmark = pytest.mark.anyio

DEADLINE_S = 10.0


class Watched:
    """An application that tells when it has answered how many deliveries, and with what."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answered = asyncio.Condition()
        self.statuses: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                async with self._answered:
                    self.statuses.append(message["status"])
                    self._answered.notify_all()

        await self._app(scope, receive, noted if scope["type"] == "http" else send)

    async def answered(self, count: int) -> list[int]:
        async with asyncio.timeout(DEADLINE_S), self._answered:
            await self._answered.wait_for(lambda: len(self.statuses) >= count)
        return self.statuses


@asynccontextmanager
async def listening(desk: Desk) -> AsyncIterator[Watched]:
    """The inbox of the desk's house on a real port, as `serve` has it."""
    settings = desk.house.settings
    watched = Watched(Starlette(routes=delivery_routes(desk.house.services, settings.limits)))
    with bind("127.0.0.1", 0) as listener:
        desk.house.reach.listen_at(local_url(listener))
        web = WebServer(watched, settings.limits)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(web.serve([listener]))
            await web.accepting.wait()
            yield watched
            web.should_exit = True


@pytest.fixture
async def served(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[Desk, Watched]]:
    async with desk_at(tmp_path, clock) as desk, listening(desk) as watched:
        yield desk, watched


async def emit(desk: Desk, record_id: int, *, copies: int = 1, resource_name: str = "Punch Items") -> None:
    """Somebody else changed a record."""
    told = {"resource_name": resource_name, "event_type": "update", "resource_id": record_id, "copies": copies}
    transport = httpx.ASGITransport(app=desk.simulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.post("/_sim/emit", json={**told, "project_id": desk.projects[0]})
    assert answer.status_code == 200, answer.text


async def made(desk: Desk, **more: Any) -> dict[str, Any]:
    answer = await desk.confirmed(
        "create_procore_webhook", resources=["Punch Items"], project_id=desk.projects[0], **more
    )
    item: dict[str, Any] = answer["item"]
    return item


async def test_a_webhook_is_shown_first_then_made_with_its_triggers(served):
    desk, _ = served
    shown = await desk.call("create_procore_webhook", resources=["punch items"], project_id=desk.projects[0])
    written_before_consent = desk.writes()

    hook = await made(desk)

    upstream = next(iter(desk.world.table("hook", 0)))
    triggers = desk.world.table("hook_trigger", 0).children(upstream.id)
    assert written_before_consent == []
    assert shown["preview"]["changes"]["events"] == [f"Punch Items: {one}" for one in ("create", "update", "delete")]
    assert {one["event_type"] for one in triggers} == {"create", "update", "delete"}
    assert upstream["destination_url"] == hook["url"]
    assert (hook["procore_id"], hook["status"]) == (str(upstream.id), "active")


async def test_anothers_change_makes_the_next_read_fresh(served):
    desk, inbox = served
    await made(desk)
    before = await desk.call("list_procore_punch_items", project_id=desk.projects[0])
    item = desk.world.get("punch_item", desk.projects[0], before["items"][0]["id"])
    desk.world.change(item, {"name": "Renamed on site"})
    stale = await desk.call("list_procore_punch_items", project_id=desk.projects[0])
    await emit(desk, item.id)

    statuses = await inbox.answered(1)
    fresh = await desk.call("list_procore_punch_items", project_id=desk.projects[0])

    assert statuses == [202]
    assert stale["items"][0]["name"] == before["items"][0]["name"]
    assert fresh["items"][0]["name"] == "Renamed on site"


async def test_what_the_event_is_not_about_stays_kept(served):
    desk, inbox = served
    await made(desk)
    await desk.call("list_procore_observations", project_id=desk.projects[0])
    await emit(desk, 1)
    await inbox.answered(1)

    await desk.call("list_procore_observations", project_id=desk.projects[0])

    assert desk.trace["cache"] == "hit"


async def test_copies_of_an_event_are_taken_and_counted_once(served):
    desk, inbox = served
    hook = await made(desk)
    await emit(desk, 1, copies=3)

    statuses = await inbox.answered(3)
    listed = await desk.call("list_procore_webhooks")

    assert statuses == [202, 202, 202]
    assert [(one["id"], one["deliveries"]) for one in listed["items"]] == [(hook["id"], 1)]
    assert listed["items"][0]["status"] == "active"


async def test_a_new_secret_goes_to_procore_and_deliveries_go_on(served):
    desk, inbox = served
    hook = await made(desk)
    before = next(iter(desk.world.table("hook", 0)))["destination_headers"]

    answer = await desk.confirmed("rotate_webhook_secret", webhook_id=hook["id"])
    await emit(desk, 1)

    assert next(iter(desk.world.table("hook", 0)))["destination_headers"] != before
    assert answer["item"]["previous_valid_until"]
    assert await inbox.answered(1) == [202]


async def test_a_rotation_that_procore_refuses_changes_nothing(served):
    desk, inbox = served
    hook = await made(desk)
    shown = await desk.call("rotate_webhook_secret", webhook_id=hook["id"])
    desk.fault("403", "PATCH", "*/webhooks/hooks/*")

    refused = await desk.call("rotate_webhook_secret", webhook_id=hook["id"], confirmation=shown["confirmation"])
    desk.clock.advance(7200)  # longer than an old secret lives beside a confirmed new one
    await emit(desk, 1)

    assert refused["error"]["code"] == "PROCORE_FORBIDDEN"
    assert await inbox.answered(1) == [202]


async def test_a_rotation_of_unknown_outcome_keeps_both_secrets(served):
    desk, inbox = served
    hook = await made(desk)
    shown = await desk.call("rotate_webhook_secret", webhook_id=hook["id"])
    desk.fault("lost_response", "PATCH", "*/webhooks/hooks/*")

    unknown = await desk.call("rotate_webhook_secret", webhook_id=hook["id"], confirmation=shown["confirmation"])
    desk.clock.advance(7200)  # longer than an old secret lives beside a confirmed new one
    await emit(desk, 1)

    assert unknown["error"]["code"] == "PROCORE_OUTCOME_UNKNOWN"
    assert await inbox.answered(1) == [202]


async def test_deleting_removes_both_sides(served):
    desk, _ = served
    hook = await made(desk)

    answer = await desk.confirmed("delete_procore_webhook", webhook_id=hook["id"])
    listed = await desk.call("list_procore_webhooks", project_id=desk.projects[0])

    assert answer["item"] == {"deleted": hook["id"]}
    assert list(desk.world.table("hook", 0)) == []
    assert listed["items"] == []


async def test_a_hook_whose_making_was_never_confirmed_is_known_and_can_be_deleted(served):
    desk, _ = served
    arguments = {"resources": ["Punch Items"], "project_id": desk.projects[0]}
    shown = await desk.call("create_procore_webhook", **arguments)
    desk.fault("lost_response", "POST", "*/webhooks/hooks")

    unknown = await desk.call("create_procore_webhook", **arguments, confirmation=shown["confirmation"])
    (listed,) = (await desk.call(unknown["error"]["next"]["tool"]))["items"]
    await desk.confirmed("delete_procore_webhook", webhook_id=listed["id"])

    assert unknown["error"]["code"] == "PROCORE_OUTCOME_UNKNOWN"
    assert listed["status"] == "active"
    assert list(desk.world.table("hook", 0)) == []


@pytest.mark.parametrize("path", ["*/webhooks/hooks", "*/triggers/bulk"])
async def test_a_webhook_that_procore_refuses_leaves_nothing(served, path):
    desk, _ = served
    arguments = {"resources": ["Punch Items"], "project_id": desk.projects[0]}
    shown = await desk.call("create_procore_webhook", **arguments)
    desk.fault("403", "POST", path)

    answer = await desk.call("create_procore_webhook", **arguments, confirmation=shown["confirmation"])
    listed = await desk.call("list_procore_webhooks", project_id=desk.projects[0])

    assert answer["error"]["code"] == "PROCORE_FORBIDDEN"
    assert listed["items"] == []


async def test_a_resource_that_procore_does_not_tell_of_is_refused_with_the_nearest(served):
    desk, _ = served

    answer = await desk.call("create_procore_webhook", resources=["Punch Itms"], project_id=desk.projects[0])

    assert "Punch Items" in answer["error"]["details"]["nearest"]
    assert desk.writes() == []


async def test_without_an_address_no_webhook_is_made(desk):
    answer = await desk.call("create_procore_webhook", resources=["RFIs"], project_id=desk.projects[0])

    assert answer["error"]["code"] == "WEBHOOK_NO_PUBLIC_URL"
    assert desk.writes() == []


async def test_each_webhook_tool_costs_a_pinned_number_of_requests(served: tuple[Desk, Watched]) -> None:
    desk, _ = served
    made = await desk.confirmed("create_procore_webhook", resources=["RFIs"], project_id=desk.projects[0])
    created = desk.trace["upstream_requests"]
    hook = made["item"]["id"]
    await desk.confirmed("rotate_webhook_secret", webhook_id=hook)
    rotated = desk.trace["upstream_requests"]
    await desk.confirmed("delete_procore_webhook", webhook_id=hook)

    assert (created, rotated, desk.trace["upstream_requests"]) == (2, 1, 1)
