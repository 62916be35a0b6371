"""A day of two hundred workflows with a clock change in its night and a process that is off for hours of it.

What runs is compared with a reckoning of its own, made of the due times alone: each schedule fires exactly as its
`catch_up` and `overlap` say. Source: security.md R4, PRODUCT.md section 5. Which times are due across a clock change is
held by tests/workflow/test_schedule.py, and a day without an interruption by tests/engine/test_scheduler.py.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from tests.engine.test_scheduler import NIGHT_OF_AUTUMN, NIGHT_OF_SPRING, due
from tests.engine.yard import Yard, yard_at

pytestmark = pytest.mark.anyio

CRONS = ("30 1 * * *", "30 2 * * *", "15 * * * *", "0 */2 * * *", "0 3,15 * * *", "5 2 * * *", "*/20 * * * *")
ZONES = ("America/Chicago", "America/New_York", "UTC", "Europe/Berlin", "America/Phoenix")
CATCH_UP = (None, "skip", "once", "all")
OVERLAP = (None, "skip", "queue", "cancel_previous")
DAY = timedelta(days=1)
OFF = (timedelta(hours=1, minutes=7, seconds=30), timedelta(hours=5, minutes=47, seconds=30))
LONG = timedelta(minutes=95)  # of every third workflow's runs; the others end before anything else is due
CAUGHT_MAX = 24


def triggers(count: int) -> list[dict[str, Any]]:
    """Every mixture, in an order in which none of the choices follows another."""
    made = []
    for number in range(count):
        trigger = {"type": "schedule", "cron": CRONS[number % 7], "timezone": ZONES[number % 5], "jitter_s": 0}
        policies = {"catch_up": CATCH_UP[number // 3 % 4], "overlap": OVERLAP[number // 11 % 4]}
        made.append({**trigger, **{name: value for name, value in policies.items() if value is not None}})
    return made


def is_long(number: int) -> bool:
    return number % 3 == 0


def reckoned(trigger: Mapping[str, Any], midnight: datetime, length: timedelta) -> list[datetime]:
    """The due times that run, by the words of the contract."""
    off, on = midnight + OFF[0], midnight + OFF[1]
    times = due(dict(trigger), midnight, midnight + DAY)
    lost = [one for one in times if off < one <= on]
    caught = {"skip": [], "once": lost[-1:], "all": lost[-CAUGHT_MAX:]}[trigger.get("catch_up", "once")]
    starts = [(one, one) for one in times if one <= off] + [(on, one) for one in caught]
    starts += [(one, one) for one in times if one > on]
    ran: list[tuple[datetime, datetime]] = []
    for at, moment in starts:
        is_running = any(began + length > at or began == at for began, _ in ran)  # caught ones start together
        if not (is_running and trigger.get("overlap", "skip") == "skip"):
            ran.append((at, moment))
    return sorted(moment for _, moment in ran)


async def live(yard: Yard, ids: Sequence[str], until: datetime) -> None:
    """Let time pass for a scheduler that looks whenever it asked to; runs end when their length has passed."""
    scheduler = await yard.house._scheduler(yard.engine)
    lengths = [LONG if is_long(number) else timedelta(0) for number in range(len(ids))]
    while True:
        _end_runs(yard, ids, lengths)
        pause_s = await scheduler.look()
        left_s = (until - yard.clock.now()).total_seconds()
        if left_s <= 0:
            return
        yard.clock.advance(min(max(pause_s, 0.001), left_s))


def _end_runs(yard: Yard, ids: Sequence[str], lengths: Sequence[timedelta]) -> None:
    running = yard.rows("SELECT id, workflow_id, started_at FROM executions WHERE status = 'queued'")
    place = {one: number for number, one in enumerate(ids)}
    over = [
        execution_id
        for execution_id, workflow_id, started_at in running
        if datetime.fromisoformat(started_at) + lengths[place[workflow_id]] < yard.clock.now()
    ]
    for one in over:
        yard.rows("UPDATE executions SET status = 'completed' WHERE id = ?", one)


@pytest.mark.parametrize(
    ("midnight", "count"),
    [
        (NIGHT_OF_SPRING, 48),
        pytest.param(NIGHT_OF_SPRING, 200, marks=pytest.mark.slow),
        pytest.param(NIGHT_OF_AUTUMN, 200, marks=pytest.mark.slow),
    ],
)
async def test_every_schedule_of_a_day_fires_exactly_as_its_policies_say(
    tmp_path: Path, midnight: datetime, count: int
):
    clock, made = ManualClock(midnight), triggers(count)
    async with yard_at(tmp_path, clock) as yard:
        ids = [await yard.active(trigger, name=f"W{number}") for number, trigger in enumerate(made)]
        await live(yard, ids, midnight + OFF[0])
    clock.advance((OFF[1] - OFF[0]).total_seconds())
    async with yard_at(tmp_path, clock) as yard:
        await live(yard, ids, midnight + DAY + timedelta(minutes=1))
        fired = [yard.fired(one) for one in ids]
        told = {one for (one,) in yard.rows("SELECT workflow_id FROM alerts WHERE kind = 'missed'")}

    wanted = [
        reckoned(trigger, midnight, LONG if is_long(number) else timedelta(0)) for number, trigger in enumerate(made)
    ]
    wrong = [(made[at], wanted[at], fired[at]) for at in range(count) if fired[at] != wanted[at]]
    print(f"{sum(map(len, fired))} runs")
    assert wrong == [], f"{len(wrong)} of {count}; the first: {wrong[0]}"
    assert sum(map(len, fired)) > count * 5
    assert told == {ids[at] for at in range(count) if _leaves_out(made[at], midnight)}


def _leaves_out(trigger: Mapping[str, Any], midnight: datetime) -> bool:
    """Whether its owner has to hear that runs did not take place."""
    lost = due(dict(trigger), midnight + OFF[0], midnight + OFF[1])
    return len(lost) > {"skip": 0, "once": 1, "all": CAUGHT_MAX}[trigger.get("catch_up", "once")]
