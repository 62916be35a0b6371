"""Sending events to hooks (FACTS 8.5): in order, five seconds to answer, backoff to an hour, discarded after twelve."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import httpx

from construction_mcp.core.config import Limits
from construction_mcp.simulator.call import Event
from construction_mcp.simulator.hooks import listeners, payload_of
from construction_mcp.simulator.instants import parse_instant, stamp
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.world import World

TIMEOUT_S = 5.0
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 3600.0
DISCARD_AFTER = timedelta(hours=12)
RESPONSE_KEPT = 1000  # characters of an answer kept in the delivery log
_WAITING = ("enqueued", "retrying")


class Dispatcher:
    """Carries events to hooks while `run` runs; what is not sent yet waits in the world, across restarts too."""

    def __init__(
        self, world: World, transport: httpx.AsyncBaseTransport | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._world = world
        self._transport = transport
        self._timeout_s = timeout_s
        self._wake = asyncio.Event()
        self._busy: set[int] = set()
        self._sent_by_hook: dict[int, int] = {}

    def offer(self, events: Iterable[Event], *, copies: int = 1, payload_version: str | None = None) -> int:
        """Queue each event for every hook that listens; how many deliveries that makes.

        `copies` sends the same event that often, as at-least-once delivery may (FACTS 8.5).
        """
        queued = 0
        for event in events:
            for hook in list(listeners(self._world, event)):
                queued += self._enqueue(hook, event, copies, payload_version or hook["payload_version"])
        if queued:
            self._wake.set()
        return queued

    def _enqueue(self, hook: Record, event: Event, copies: int, version: str) -> int:
        table = self._world.table("hook_event", 0)
        payload = payload_of(self._world, event, version, table.last_id + 1)
        body = {
            "payload": payload,
            "status": "enqueued",
            "attempts": [],
            "resource_name": event.resource_name,
            "event_type": event.event_type,
        }
        self._sent_by_hook[hook.id] = self._sent_by_hook.get(hook.id, 0) + 1
        every = self._world.switches.duplicate_every
        if every and self._sent_by_hook[hook.id] % every == 0:
            copies += 1
        for _ in range(copies):
            self._world.add("hook_event", 0, body, parent=hook.id)
        return copies

    def restart(self) -> None:
        """Count from the beginning again, for a world that was reset."""
        self._sent_by_hook.clear()

    async def run(self) -> None:
        """Send until cancelled; one task per hook with something to send, so that a dead hook delays no other."""
        sender = httpx.AsyncClient(transport=self._transport, timeout=self._timeout_s, trust_env=False)
        async with sender as client, asyncio.TaskGroup() as tasks:
            while True:
                for hook in list(self._world.table("hook", 0)):
                    if hook.id not in self._busy and self._next(hook.id):
                        self._busy.add(hook.id)
                        tasks.create_task(self._empty_queue(client, hook.id))
                await self._wake.wait()
                self._wake.clear()

    def _next(self, hook_id: int) -> Record | None:
        """The oldest event of a live hook that still has to be sent."""
        if self._world.find("hook", 0, hook_id) is None:
            return None
        waiting = self._world.table("hook_event", 0).children(hook_id)
        return next((event for event in waiting if event["status"] in _WAITING), None)

    async def _empty_queue(self, client: httpx.AsyncClient, hook_id: int) -> None:
        wait_s = FIRST_WAIT_S
        try:
            while event := self._next(hook_id):
                if self._is_stale(event):
                    self._discard_all(hook_id)
                elif await self._send(client, hook_id, event):
                    wait_s = FIRST_WAIT_S
                else:
                    await self._world.clock.sleep(wait_s)
                    wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        finally:
            self._busy.discard(hook_id)

    def _is_stale(self, event: Record) -> bool:
        queued = parse_instant(event["created_at"])
        assert queued is not None
        return bool(event["attempts"]) and self._world.clock.now() - queued >= DISCARD_AFTER

    def _discard_all(self, hook_id: int) -> None:
        while event := self._next(hook_id):
            self._world.change(event, {"status": "discarded"})
        hook = self._world.get("hook", 0, hook_id)
        if self._world.switches.disable_hook_after_discard:
            self._world.change(hook, {"status": "disabled"})
        self._world.commit()

    async def _send(self, client: httpx.AsyncClient, hook_id: int, event: Record) -> bool:
        """One attempt, logged; True when the hook answered 2xx in time."""
        hook = self._world.get("hook", 0, hook_id)
        attempt: dict[str, Any] = {"started_at": stamp(self._world.clock.now()), "response_error": None}
        try:
            async with asyncio.timeout(self._timeout_s):
                url, headers = hook["destination_url"], hook["destination_headers"]
                answer = await client.post(url, json=event["payload"], headers=headers)
            attempt |= {
                "response_status": answer.status_code,
                "response_headers": dict(answer.headers),
                "response_body": answer.text[:RESPONSE_KEPT],
            }
            delivered = answer.is_success
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
            attempt |= {"response_status": None, "response_error": type(failure).__name__}
            delivered = False
        attempt["completed_at"] = stamp(self._world.clock.now())
        attempt["outcome"] = "ok" if delivered else "retried"
        self._log(event, attempt, delivered=delivered)
        return delivered

    def _log(self, event: Record, attempt: dict[str, Any], *, delivered: bool) -> None:
        if self._world.find("hook_event", 0, event.id) is None:
            return  # the hook was deleted, or the world reset, while this attempt was under way
        status = "delivered" if delivered else "retrying"
        self._world.change(event, {"status": status, "attempts": [*event["attempts"], attempt]})
        if delivered and event.parent is not None:
            self._forget_oldest(event.parent)
        self._world.commit()

    def _forget_oldest(self, hook_id: int) -> None:
        """Finished deliveries beyond the limit; what waits is kept whatever its number."""
        log = self._world.table("hook_event", 0).children(hook_id)
        for event in log[: max(0, len(log) - Limits().simulator_deliveries_max)]:
            if event["status"] not in _WAITING:
                self._world.drop(event)
