"""Holds, owner alerts and retention."""

from datetime import timedelta

import pytest

from construction_mcp.engine.holds import Holds
from construction_mcp.engine.starter import new_execution, trigger_value
from construction_mcp.store.alerts import raise_alert
from construction_mcp.store.executions import enqueue
from construction_mcp.store.starts import startable
from tests.engine.yard import OWNER, PROJECT

pytestmark = pytest.mark.anyio

HOURLY = {"type": "schedule", "cron": "0 * * * *", "timezone": "UTC", "jitter_s": 0}
MANUAL = {"type": "manual"}


@pytest.mark.parametrize("what", [("all", ""), ("project", str(PROJECT)), ("connection", OWNER)])
async def test_what_is_held_starts_nothing_and_is_missed_by_its_policy_when_it_goes_on(yard, clock, what):
    made = await yard.active({**HOURLY, "catch_up": "once"})
    other = await yard.active(HOURLY, project_id=PROJECT + 1, run_as="user:other")
    holds = await yard.house.services.get(Holds)
    scheduler = await yard.house._scheduler(yard.engine)
    await holds.hold(*what, OWNER)
    clock.advance(3 * 3600 + 600)
    await scheduler.look()
    while_held = yard.fired(made), yard.fired(other)
    left = await holds.release(*what, OWNER)
    await scheduler.look()

    assert while_held[0] == []
    assert (while_held[1] == []) == (what[0] == "all")
    assert left == []
    assert [one.hour for one in yard.fired(made)] == [18]


async def test_releasing_everything_leaves_a_project_held_that_was_held_by_itself(yard):
    holds = await yard.house.services.get(Holds)
    await holds.hold("project", "7", OWNER)
    await holds.hold("all", "", OWNER)

    assert [one.subject for one in await holds.release("all", "", OWNER)] == ["7"]
    assert yard.rows("SELECT action FROM audit ORDER BY sequence DESC LIMIT 3") == [
        ("resume_all",), ("pause_all",), ("pause_all",)
    ]  # fmt: skip


async def told(yard) -> list[str]:
    return [row[0] for row in yard.rows("SELECT text FROM alerts WHERE told_at IS NOT NULL ORDER BY created_at")]


async def test_a_workflow_is_told_of_at_most_once_an_hour_and_nothing_is_dropped(yard, clock):
    made, other = await yard.active(MANUAL), await yard.active(MANUAL, name="Other")
    alerts = await yard.house._alerts()

    async def trouble(workflow: str, text: str) -> None:
        await yard.database.write(lambda tx: raise_alert(tx, workflow, "failed", text, clock.now()))
        clock.advance(60)
        await alerts.look()

    await trouble(made, "one")
    await trouble(made, "two")
    await trouble(other, "of another")
    within_the_hour = await told(yard)
    clock.advance(3600)
    await alerts.look()

    assert within_the_hour == ["one", "of another"]
    assert await told(yard) == ["one", "two", "of another"]


async def test_what_ended_long_ago_is_dropped_failures_later_and_what_needs_review_never(yard, clock):
    made = await yard.active(MANUAL)
    active = await yard.database.read(lambda tx: startable(tx, made))
    for status in ("completed", "failed", "needs_review", "queued", "waiting"):
        new = new_execution(active, trigger_value(MANUAL, "manual", clock.now()), requested_by=OWNER, key=status)
        done = await yard.database.write(lambda tx, new=new: enqueue(tx, new, clock.now()))
        ended = clock.now().isoformat(timespec="microseconds") if status not in ("queued", "waiting") else None
        yard.rows("UPDATE executions SET status = ?, completed_at = ? WHERE id = ?", status, ended, done.id)
    janitor = await yard.house._janitor()

    kept = []
    for days in (89, 2, 275):
        clock.advance(timedelta(days=days).total_seconds())
        await janitor.tidy()
        kept.append({row[0] for row in yard.rows("SELECT status FROM executions")})

    open_ones = {"needs_review", "queued", "waiting"}
    assert kept == [open_ones | {"completed", "failed"}, open_ones | {"failed"}, open_ones]
