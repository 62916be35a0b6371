"""Schedules fire when they are due: once, never early, and what was missed by its policy."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.schedule import runs
from tests.engine.yard import Yard, yard_at

pytestmark = pytest.mark.anyio

CHICAGO = "America/Chicago"
HOURLY = {"type": "schedule", "cron": "0 * * * *", "timezone": "UTC", "jitter_s": 0}
NIGHT_OF_SPRING = datetime(2026, 3, 8, 6, 0, tzinfo=UTC)  # midnight in Chicago; 2:00 becomes 3:00
NIGHT_OF_AUTUMN = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)  # 2:00 becomes 1:00
EARLY_S = 1.0


async def live(yard: Yard, seconds: float, *, finish: bool = True) -> None:
    """Let that much time pass with a scheduler that looks whenever it asked to."""
    scheduler = await yard.house._scheduler(yard.engine)
    until = yard.clock.now() + timedelta(seconds=seconds)
    while True:
        pause_s = await scheduler.look()
        if finish and yard.engine.wakes:
            yard.finish_all()
            yard.engine.wakes = 0
        left_s = (until - yard.clock.now()).total_seconds()
        if left_s <= 0:
            return
        yard.clock.advance(min(max(pause_s, 0.001), left_s))


def due(trigger: dict, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda moment: moment <= until, runs(Trigger.model_validate(trigger), after)))


@pytest.mark.parametrize("midnight", [NIGHT_OF_SPRING, NIGHT_OF_AUTUMN])
async def test_a_day_of_two_hundred_workflows_across_a_clock_change_fires_each_as_written(tmp_path, midnight):
    """What is due is `runs`, whose own rules for clock changes tests/workflow/test_schedule.py holds."""
    crons = [
        "30 1 * * *",
        "30 2 * * *",
        "0 9 * * 1-5",
        "15 * * * *",
        "0 */2 * * *",
        "0 3,15 * * *",
        "0 8 * * 0",
        "5 2 * * *",
    ]
    zones = [CHICAGO, "America/New_York", "UTC", "Europe/Berlin", "America/Phoenix"]
    clock = ManualClock(midnight)
    async with yard_at(tmp_path, clock) as yard:
        triggers = [
            {"type": "schedule", "cron": crons[n % len(crons)], "timezone": zones[n % len(zones)]} for n in range(200)
        ]
        ids = [await yard.active(trigger, name=f"W{n}") for n, trigger in enumerate(triggers)]

        await live(yard, 86_400 + 60)

        wanted = [due(one, midnight, midnight + timedelta(days=1)) for one in triggers]
        assert [yard.fired(one) for one in ids] == wanted
        assert sum(map(len, wanted)) > 900
        early = yard.rows(
            "SELECT count(*) FROM executions WHERE julianday(started_at) < julianday(substr(key, 5)) - ?",
            EARLY_S / 86_400,
        )
        assert early == [(0,)]


async def test_workflows_that_are_due_together_start_spread_over_the_jitter(yard, clock):
    trigger = {**HOURLY, "jitter_s": 20}
    for number in range(50):
        await yard.active(trigger, name=f"W{number}")

    await live(yard, 3700)

    starts = {row[0] for row in yard.rows("SELECT started_at FROM executions")}
    moments = sorted(datetime.fromisoformat(one) for one in starts)
    assert len(moments) > 20
    assert (moments[-1] - moments[0]).total_seconds() <= 20


@pytest.mark.parametrize(
    ("catch_up", "wanted"), [("skip", []), ("once", [20]), ("all", [16, 17, 18, 19, 20]), (None, [20])]
)
async def test_what_fell_due_while_the_process_was_off_follows_its_policy_and_its_owner_is_told(
    tmp_path, clock, catch_up, wanted
):
    async with yard_at(tmp_path, clock) as yard:
        trigger = {**HOURLY, **({"catch_up": catch_up} if catch_up else {}), "overlap": "queue"}
        made = await yard.active(trigger)
    clock.advance(5 * 3600 + 600)

    async with yard_at(tmp_path, clock) as yard:
        await live(yard, 0)

        assert [one.hour for one in yard.fired(made)] == wanted
        told = yard.rows("SELECT kind FROM alerts WHERE workflow_id = ?", made)
        assert told == ([] if catch_up == "all" else [("missed",)])


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(days=1), timedelta(days=365)])
@pytest.mark.parametrize("sign", [1, -1])
async def test_a_clock_that_is_set_starts_nothing_twice_and_goes_on_by_the_new_time(yard, clock, step, sign):
    """security.md R4, engine.md failure test 3."""
    made = await yard.active({**HOURLY, "catch_up": "skip"})
    scheduler = await yard.house._scheduler(yard.engine)

    async def pass_time(seconds: float) -> None:
        passed = 0.0
        while passed <= seconds:
            pause_s = max(await scheduler.look(), 0.001)
            yard.finish_all()
            clock.advance(pause_s)
            passed += pause_s

    await pass_time(2 * 3600)
    clock.set_now(clock.now() + sign * step)
    began = clock.now()
    await pass_time(3 * 3600)

    fired = yard.fired(made)
    later = [one for one in fired if began < one <= began + timedelta(hours=3)]
    assert len(fired) == len(set(fired))
    assert later == due(HOURLY, began, began + timedelta(hours=3))


async def test_a_clock_that_was_ahead_and_was_put_right_does_not_silence_a_schedule(yard, clock):
    made = await yard.active({**HOURLY, "catch_up": "skip"})
    right = clock.now()
    clock.set_now(right + timedelta(days=365, minutes=30))
    await live(yard, 0)

    clock.set_now(right)
    await live(yard, 3700)

    assert yard.fired(made) == [right + timedelta(hours=1)]


async def test_a_due_time_is_claimed_once_by_two_schedulers(yard, clock):
    made = await yard.active(HOURLY)
    clock.advance(3600)
    one, other = await yard.house._scheduler(yard.engine), await yard.house._scheduler(yard.engine)
    await one.look()
    await other.look()

    assert len(yard.fired(made)) == 1


@pytest.mark.parametrize(
    ("overlap", "count", "ending"),
    [("skip", 1, None), (None, 1, None), ("queue", 2, None), ("cancel_previous", 2, "cancel")],
)
async def test_a_run_that_falls_due_while_one_is_unfinished_follows_overlap(yard, overlap, count, ending):
    made = await yard.active({**HOURLY, **({"overlap": overlap} if overlap else {})})
    await live(yard, 2 * 3600, finish=False)

    assert len(yard.fired(made)) == count
    assert yard.rows("SELECT ending FROM executions ORDER BY started_at LIMIT 1") == [(ending,)]
    assert len(yard.engine.nudged) == (1 if ending else 0)


async def test_a_restored_copy_in_standby_fires_nothing(yard, clock):
    made = await yard.active(HOURLY)
    yard.rows("INSERT INTO meta (key, value) VALUES ('standby', '2026-03-02T15:00:00Z')")

    await live(yard, 4000)

    assert yard.fired(made) == []


async def test_a_paused_workflow_fires_nothing_and_a_resumed_one_only_what_comes(yard, clock):
    made = await yard.active(HOURLY)
    await yard.versions.pause(made, principal="local:0")

    await live(yard, 4000)

    assert yard.fired(made) == []


async def test_deploying_wakes_the_scheduler_that_waits(yard):
    scheduler = await yard.house._scheduler(yard.engine)
    pause_s = await scheduler.look()
    await yard.active(HOURLY)

    await yard.house.due_changed.wait(pause_s)  # returns though the clock stands still
