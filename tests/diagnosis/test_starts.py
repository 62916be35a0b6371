"""Provoked and mended: nothing starts, or not when it should, though what it does is fine."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from construction_mcp.core.config import Limits
from construction_mcp.notify.signing import sign
from construction_mcp.server.deliveries import delivery_routes
from tests.diagnosis.clinic import EVERY_MORNING, NOTE, RFI_WEBHOOK, Clinic, clinic_at, errors
from tests.diagnosis.silent_host import silent_host

pytestmark = pytest.mark.anyio

CUSTOM = {"type": "webhook", "source": "custom"}
DAY_S = 86_400


async def told(clinic: Clinic, workflow_id: str, event: str = "update") -> None:
    """Procore tells of an RFI, and whatever comes of it has come."""
    await clinic.emit(event, clinic.rfi().id)

    async def is_settled() -> bool:
        events = list(clinic.world.table("hook_event", 0))
        waiting = [one for one in events if one["status"] == "enqueued"]
        open_ones = clinic.rows("SELECT count(*) FROM deliveries WHERE outcome = 'accepted'")
        return not waiting and open_ones == [(0,)]

    await clinic.until(is_settled)


async def executions(clinic: Clinic, workflow_id: str) -> int:
    return len((await clinic.good("list_executions", workflow_id=workflow_id, limit=100))["items"])


async def ran(clinic: Clinic, workflow_id: str) -> bool:
    """Whether something that Procore tells starts a run now."""
    before = await executions(clinic, workflow_id)
    await told(clinic, workflow_id)
    return await executions(clinic, workflow_id) > before


async def listening(clinic: Clinic, **trigger: Any) -> str:
    return await clinic.deployed(NOTE, trigger={**RFI_WEBHOOK, **trigger}, project_id=clinic.project)


def hook(clinic: Clinic) -> Any:
    """The one at Procore."""
    (found,) = clinic.world.table("hook", 0)
    return found


async def test_its_webhook_was_deleted_at_procore(clinic):
    workflow_id = await listening(clinic)
    clinic.world.drop(hook(clinic))
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert first["code"] == "HOOK_MISSING"
    assert await ran(clinic, workflow_id)
    assert await clinic.found(workflow_id) == []


async def test_its_webhook_posts_to_an_address_of_before(tmp_path, clock):
    """The server moved, and Procore still posts to where it was."""
    async with clinic_at(tmp_path, clock, serve_url="http://127.0.0.1:8") as before:
        workflow_id = await listening(before)
    async with clinic_at(tmp_path, clock) as clinic:
        first = await clinic.first(workflow_id)

        await clinic.follow(first)

        assert first["code"] == "HOOK_POSTS_ELSEWHERE"
        assert await ran(clinic, workflow_id)
        assert await clinic.found(workflow_id) == []


async def test_procore_switched_its_webhook_off(clinic):
    workflow_id = await listening(clinic)
    clinic.world.change(hook(clinic), {"status": "disabled"})
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert first["code"] == "HOOK_SWITCHED_OFF"
    assert await ran(clinic, workflow_id)
    assert await clinic.found(workflow_id) == []


async def test_what_procore_posts_carries_another_secret(clinic):
    """Somebody edited the webhook at Procore: each delivery is answered 401 and tried again."""
    workflow_id = await listening(clinic)
    clinic.world.change(hook(clinic), {"destination_headers": {"Authorization": "Bearer of somebody else"}})
    await clinic.emit("update", clinic.rfi().id)

    async def is_refused() -> bool:
        return clinic.rows("SELECT count(*) FROM refusals") == [(1,)]

    await clinic.until(is_refused)
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert first["code"] == "DELIVERIES_TURNED_AWAY"
    assert first["next"]["tool"] == "rotate_webhook_secret"
    assert await ran(clinic, workflow_id)
    assert errors(await clinic.found(workflow_id)) == []


async def post(clinic: Clinic, url: str, secret: str, body: Any, at: datetime | None = None) -> int:
    """What another system does: sign and post."""
    raw = json.dumps(body).encode()
    sent_at = str(int((at or clinic.clock.now()).timestamp()))
    signature = sign(base64.b64decode(secret.removeprefix("whsec_")), "msg_1", sent_at, raw)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": sent_at, "webhook-signature": signature}
    routes = Starlette(routes=delivery_routes(clinic.house.services, clinic.house.settings.limits))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=routes)) as sender:
        return (await sender.post(url, content=raw, headers=headers)).status_code


async def test_nobody_has_ever_posted_to_it(clinic, clock):
    """What to post is shown; the other system's people post it."""
    workflow_id = await clinic.draft(NOTE, trigger=CUSTOM)
    deployed = await clinic.deploy(workflow_id)
    clock.advance(9 * DAY_S)
    first = await clinic.first(workflow_id)

    sample = await clinic.follow(first)
    status = await post(clinic, deployed["webhook_url"], deployed["webhook_secret"], sample["trigger"]["body"])

    assert (first["code"], first["confidence"], status) == ("NOTHING_ARRIVED", 0.9, 202)
    assert await clinic.found(workflow_id) == []


async def test_the_other_system_signs_by_a_clock_that_is_wrong(clinic, clock):
    workflow_id = await clinic.draft(NOTE, trigger=CUSTOM)
    deployed = await clinic.deploy(workflow_id)
    where = deployed["webhook_url"], deployed["webhook_secret"]
    refused = await post(clinic, *where, {"order": 7}, clock.now() - timedelta(hours=1))
    first = await clinic.first(workflow_id)

    sample = await clinic.follow(first)
    clock.advance(1)
    taken = await post(clinic, *where, sample["trigger"]["body"])

    assert (refused, first["code"], taken) == (401, "DELIVERIES_TURNED_AWAY", 202)
    assert "too far from now" in first["evidence"][0]
    assert errors(await clinic.found(workflow_id)) == []


async def test_a_filter_that_lets_nothing_pass(clinic):
    workflow_id = await listening(clinic, filter="event.event_type == 'updated'")
    await told(clinic, workflow_id)
    await told(clinic, workflow_id)
    first = await clinic.first(workflow_id)

    await clinic.follow(first)
    await clinic.follow(await clinic.first(workflow_id))

    assert (first["code"], first["confidence"]) == ("DELIVERIES_FILTERED", 0.67)
    assert first["next"]["arguments"]["trigger"]["filter"] == "event.event_type == 'update'"
    assert await ran(clinic, workflow_id)
    assert errors(await clinic.found(workflow_id)) == []


async def test_a_filter_that_fails_on_what_comes(clinic, clock):
    """The sender's events have another shape: it reads what is not there."""
    workflow_id = await clinic.draft(NOTE, trigger={**CUSTOM, "filter": "event.order.total > 5"})
    deployed = await clinic.deploy(workflow_id)
    await post(clinic, deployed["webhook_url"], deployed["webhook_secret"], {"order": {"sum": 9}})

    async def is_settled() -> bool:
        return clinic.rows("SELECT outcome FROM deliveries") == [("failed",)]

    await clinic.until(is_settled)
    first = await clinic.first(workflow_id)
    clock.advance(1)

    await clinic.follow(first)
    await clinic.follow(await clinic.first(workflow_id))

    assert first["code"] == "DELIVERIES_FAILED"
    assert first["next"]["arguments"]["trigger"]["filter"].startswith("has(event.order) && has(event.order.total) &&")
    assert errors(await clinic.found(workflow_id)) == []


async def test_its_own_changes_start_it_again_and_again(tmp_path, clock):
    """A loop through Procore: what it writes tells of it, until the sixth is kept aside."""
    limits = Limits(chain_window_s=1e9)  # time flies here
    async with clinic_at(tmp_path, clock, limits=limits) as clinic:
        trigger = {**RFI_WEBHOOK, "events": ["update"]}
        workflow_id = await clinic.deployed(clinic.advance_rfi("open"), trigger=trigger, project_id=clinic.project)
        await clinic.emit("update", clinic.rfi().id)

        async def is_aside() -> bool:
            return clinic.rows("SELECT count(*) FROM deliveries WHERE outcome = 'quarantined'") != [(0,)]

        await clinic.until(is_aside)
        first = await clinic.first(workflow_id)

        await clinic.follow(first)
        await clinic.follow(await clinic.first(workflow_id))
        before = await executions(clinic, workflow_id)
        await told(clinic, workflow_id)  # by somebody else: one run, whose own change starts none
        await clinic.settled((await clinic.latest(workflow_id))["id"], "completed")
        await told(clinic, workflow_id, "create")

        assert first["code"] == "DELIVERIES_QUARANTINED"
        assert "event.user_id !=" in first["next"]["arguments"]["trigger"]["filter"]
        assert await executions(clinic, workflow_id) == before + 1
        assert errors(await clinic.found(workflow_id)) == []


async def test_runs_were_missed_while_nothing_was_on(tmp_path, clock):
    async with clinic_at(tmp_path, clock) as before:
        workflow_id = await before.deployed(NOTE, trigger={**EVERY_MORNING, "catch_up": "skip"})
    clock.advance(4 * DAY_S)
    async with clinic_at(tmp_path, clock) as clinic:

        async def is_told() -> bool:
            return clinic.rows("SELECT count(*) FROM alerts WHERE kind = 'missed'") == [(1,)]

        await clinic.until(is_told)
        first = await clinic.first(workflow_id)

        made_up = await clinic.follow(first, wait_s=20)

        assert first["code"] == "RUNS_MISSED"
        assert "did not take place" in first["evidence"][0]
        assert made_up["execution"]["status"] == "completed"
        assert await clinic.found(workflow_id) == []


async def test_a_run_that_does_not_end_keeps_the_next_from_starting(clinic, clock):
    wait = {"key": "wait", "type": "wait.for", "config": {"duration": "5 days"}}
    trigger = {"type": "schedule", "cron": "*/10 * * * *", "timezone": "America/Chicago"}
    workflow_id = await clinic.deployed(wait, trigger=trigger)

    async def is_left_out() -> bool:
        return clinic.rows("SELECT skipped > 0 FROM schedules") == [(1,)]

    await clinic.until(is_left_out)
    first = await clinic.first(workflow_id)

    await clinic.follow(first)
    await clinic.follow(await clinic.first(workflow_id))

    async def is_beside() -> bool:
        return clinic.rows("SELECT count(*) FROM executions WHERE status = 'waiting'") >= [(2,)]

    await clinic.until(is_beside)

    assert first["code"] == "OVERLAP_SKIPPED"
    assert errors(await clinic.found(workflow_id)) == []


async def test_its_time_does_not_exist_when_the_clocks_change(tmp_path, clock):
    """2026-03-08 in Chicago: from 2:00 straight to 3:00. Told before it happens."""
    async with clinic_at(tmp_path, clock) as clinic:
        trigger = {"type": "schedule", "cron": "30 2 * * *", "timezone": "America/Chicago"}
        workflow_id = await clinic.deployed(NOTE, trigger=trigger)
        first = await clinic.first(workflow_id)

        await clinic.follow(first)
        await clinic.deploy(workflow_id)

        assert first["code"] == "TIME_DOES_NOT_EXIST"
        assert first["evidence"][0].startswith("02:30 does not exist on 2026-03-08 in America/Chicago")
        assert first["next"]["arguments"]["trigger"]["cron"] == "30 4 * * *"
        assert await clinic.found(workflow_id) == []


async def test_the_clock_of_this_machine_is_wrong(clinic):
    """Nothing but a person, or a time service, sets it: two hours behind what Procore says."""
    workflow_id = await clinic.deployed(clinic.read_rfi())
    clinic.world.advance(7200)
    first = await clinic.first(workflow_id)
    clinic.world.clock.restart()  # both agree again

    assert (first["code"], first.get("next")) == ("CLOCK_WRONG", None)
    assert first["evidence"] == ["This machine's clock is 7200 s behind Procore's."]
    assert "NTP" in first["fix"]
    assert await clinic.found(workflow_id) == []


async def test_its_runs_wait_for_a_place_that_another_takes(tmp_path, clock):
    async with silent_host() as host:
        config = {"method": "GET", "url": f"http://{host.name}/jobs"}
        ask = {"key": "ask", "type": "http.request", "config": config, "timeout_s": 86_400}
        chosen = {"egress_allow": (host.name,), "executions_per_workflow_max": 1}
        async with clinic_at(tmp_path, clock, **chosen) as clinic:
            workflow_id = await clinic.deployed(ask)
            held_up = await clinic.run(workflow_id, wait_s=0)
            await clinic.until(host.was_asked(1))
            queued = await clinic.run(workflow_id, wait_s=0)
            clock.advance(600)
            first = await clinic.first(workflow_id)
            host.answer()

            await clinic.follow(first)

            assert (first["code"], first["next"]["tool"]) == ("QUEUE_HELD_UP", "cancel_execution")
            assert first["next"]["arguments"]["execution_id"] == held_up["id"]
            assert (await clinic.settled(queued["id"], "completed"))["id"]
            assert errors(await clinic.found(workflow_id)) == []
