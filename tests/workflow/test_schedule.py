"""When schedules run, judged by a slow oracle that walks minute by minute and reads cron fields by itself."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.schedule import describe, fires_per_hour, missed, next_run_at, runs, spread_s

CHICAGO, BERLIN, LORD_HOWE = "America/Chicago", "Europe/Berlin", "Australia/Lord_Howe"
# Santiago and Beirut change at midnight, so that a whole day begins twice or late.
ZONES = [CHICAGO, BERLIN, LORD_HOWE, "America/Santiago", "Asia/Beirut", "America/Phoenix", "Asia/Kolkata", "UTC"]
MINUTE = timedelta(minutes=1)


def schedule(cron: str, zone: str = CHICAGO, **more: object) -> Trigger:
    return Trigger.model_validate({"type": "schedule", "cron": cron, "timezone": zone, **more})


def moments(first: str, last: str) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last), timezones=st.just(UTC))


def local_runs(trigger: Trigger, day: date) -> list[str]:
    """Local times of the runs of one local day, with their offset."""
    zone = ZoneInfo(trigger.timezone or "")
    opens = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) - timedelta(seconds=1)
    closes = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)
    times = takewhile(lambda moment: moment < closes.astimezone(UTC), runs(trigger, opens))
    return [moment.astimezone(zone).strftime("%H:%M%z") for moment in times]


# The oracle


def _field(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if body == "*" else body).partition("-")
        end = int(last) if last else (high if step else int(first))
        found.update(range(int(first), end + 1, int(step or 1)))
    return found


def matcher(cron: str) -> Callable[[datetime], bool]:
    minute, hour, day, month, weekday = cron.split()
    minutes, hours, months = _field(minute, 0, 59), _field(hour, 0, 23), _field(month, 1, 12)
    days, weekdays = _field(day, 1, 31), {number % 7 for number in _field(weekday, 0, 7)}
    both = day.startswith("*") or weekday.startswith("*")

    def matches(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
            return False
        in_month, in_week = wall.day in days, wall.isoweekday() % 7 in weekdays
        return (in_month and in_week) if both else (in_month or in_week)

    return matches


def oracle(cron: str, zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    """Walk the UTC minutes after `first` up to `last` and see what the clock on the wall shows, and what it leaps."""
    matches, every_hour = matcher(cron), _field(cron.split()[1], 0, 23) == set(range(24))
    found, now = [], first.replace(second=0, microsecond=0)
    while now < last:
        before, now = now.astimezone(zone).replace(tzinfo=None), now + MINUTE
        local = now.astimezone(zone)
        wall = local.replace(tzinfo=None)
        leapt = [before + MINUTE * n for n in range(1, max(1, int((wall - before) / MINUTE)))]
        if every_hour:
            due = matches(wall)
        else:
            due = (matches(wall) and not local.fold) or any(matches(each) for each in leapt)
        if due and now > first:
            found.append(now)
    return found


@cache
def changes(zone: str, around: datetime, days: int = 400) -> list[datetime]:
    """The days within `days` of a moment on which the offset of the zone changes."""
    place, starts = ZoneInfo(zone), [around + timedelta(days=day) for day in range(-days, days + 1)]
    offsets = [start.astimezone(place).utcoffset() for start in starts]
    return [start for start, (before, after) in zip(starts, pairwise(offsets), strict=False) if before != after]


_MINUTES = st.sampled_from(["0", "30", "15", "59", "*", "*/15", "*/30", "5,35", "0-10", "7-59/20"])
_HOURS = st.sampled_from(["*", "0", "1", "2", "3", "23", "*/2", "1-2", "0,2,3", "*/24", "0-23", "22-23"])
_DAYS = st.sampled_from(["*", "*", "1", "1-15", "*/2", "25-31"])
_MONTHS = st.sampled_from(["*", "*", "3-11", "4,10"])
_WEEKDAYS = st.sampled_from(["*", "*", "1-5", "0", "6,7"])
CRONS = st.tuples(_MINUTES, _HOURS, _DAYS, _MONTHS, _WEEKDAYS).map(" ".join)


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=3, deadline=None)
@given(cron=CRONS)
def test_every_run_is_one_that_a_walk_through_the_minutes_finds(zone, cron):
    """Two days around every change of the clocks within 400 days of a moment, and around the moment itself."""
    walk_through_changes(zone, cron)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=40, deadline=None)
@given(cron=CRONS)
def test_many_crons_of_each_zone_run_as_a_walk_through_the_minutes_finds(zone, cron):
    walk_through_changes(zone, cron)


def walk_through_changes(zone: str, cron: str) -> None:
    place, middle = ZoneInfo(zone), datetime(2026, 3, 2, 15, 7, tzinfo=UTC)
    for start in [middle, *changes(zone, middle)]:
        first, last = start - timedelta(days=1), start + timedelta(days=2)

        found = list(takewhile(lambda moment: moment <= last, runs(schedule(cron, zone), first)))  # noqa: B023 - used at once

        assert found == oracle(cron, place, first, last)


@pytest.mark.slow
def test_a_year_of_runs_is_what_the_walk_finds():
    cron, zone = "*/20 1-2 * * 0,1", CHICAGO
    first = datetime(2025, 9, 1, 4, 30, tzinfo=UTC)
    last = first + timedelta(days=400)

    found = list(takewhile(lambda moment: moment <= last, runs(schedule(cron, zone), first)))

    assert found == oracle(cron, ZoneInfo(zone), first, last)


@settings(max_examples=150, deadline=None)
@given(
    cron=CRONS,
    zone=st.sampled_from(ZONES),
    after=moments("2000-01-01", "2037-01-01"),
)
def test_runs_only_go_forward_and_asking_from_any_moment_gives_the_same(cron, zone, after):
    trigger = schedule(cron, zone)
    found = list(islice(runs(trigger, after), 8))

    assert all(earlier < later for earlier, later in pairwise([after, *found]))
    for earlier, later in pairwise(found):
        assert next_run_at(trigger, earlier) == later
        assert next_run_at(trigger, earlier + (later - earlier) / 2) == later


# What the rules mean


@pytest.mark.parametrize(
    ("zone", "day", "cron", "expected"),
    [
        (CHICAGO, date(2026, 3, 8), "30 2 * * *", ["03:00-0500"]),
        (CHICAGO, date(2026, 3, 8), "0,15,30 2 * * *", ["03:00-0500"]),
        (CHICAGO, date(2026, 3, 8), "*/30 2 * * *", ["03:00-0500"]),
        (CHICAGO, date(2026, 3, 8), "0 2,3 * * *", ["03:00-0500"]),
        (CHICAGO, date(2026, 11, 1), "30 1 * * *", ["01:30-0500"]),
        (CHICAGO, date(2026, 11, 1), "*/30 1 * * *", ["01:00-0500", "01:30-0500"]),
        (BERLIN, date(2026, 3, 29), "15 2 * * *", ["03:00+0200"]),
        (BERLIN, date(2026, 10, 25), "15 2 * * *", ["02:15+0200"]),
        (LORD_HOWE, date(2026, 10, 4), "15 2 * * *", ["02:30+1100"]),
        (LORD_HOWE, date(2026, 10, 4), "0 2 * * *", ["02:30+1100"]),
        (LORD_HOWE, date(2026, 4, 5), "45 1 * * *", ["01:45+1100"]),
        ("America/Phoenix", date(2026, 3, 8), "30 2 * * *", ["02:30-0700"]),
        ("Asia/Kolkata", date(2026, 3, 8), "30 2 * * *", ["02:30+0530"]),
    ],
)
def test_a_time_that_is_left_out_runs_after_the_gap_and_a_repeated_one_once(zone, day, cron, expected):
    assert local_runs(schedule(cron, zone), day) == expected


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 5, 5), 24)])
def test_a_cron_of_every_hour_runs_once_in_each_hour_that_passes(day, hours):
    assert len(local_runs(schedule("30 * * * *"), day)) == hours


def test_within_a_repeated_hour_the_next_run_is_not_one_that_is_over():
    """cronsim by itself answers 01:30-05:00 here, 40 minutes ago."""
    second_ten_past_one = datetime(2026, 11, 1, 7, 10, tzinfo=UTC)

    assert next_run_at(schedule("30 1 * * *"), second_ten_past_one) == datetime(2026, 11, 2, 7, 30, tzinfo=UTC)


def test_only_schedules_have_a_next_run():
    assert next_run_at(Trigger(type="manual"), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_schedule_that_is_none_is_refused():
    with pytest.raises(Invalid, match="hour"):
        next_run_at(schedule("0 25 * * *"), datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(Invalid, match="Mars"):
        next_run_at(schedule("0 2 * * *", "Mars/Phobos"), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("cron", ["0 0 */30 2 1#5", "0 0 30 2 *", "0 9 * * 6"])
def test_a_cron_that_never_comes_is_seen_within_bounds(cron):
    """Days that no month has, weekdays that no leap year brings, and Saturdays of a calendar of working days."""
    trigger = schedule(cron, calendar="working_days")

    try:
        found = next_run_at(trigger, datetime(2026, 1, 1, tzinfo=UTC))
    except Invalid:
        found = None
    assert found is None


def test_a_calendar_may_rule_out_no_more_days_in_a_row_than_the_limit():
    trigger = schedule("0 9 * * *", calendar="working_days", holidays=["2026-07-01", "2026-07-02", "2026-07-03"])
    after = datetime(2026, 6, 30, 23, tzinfo=UTC)

    assert next_run_at(trigger, after, Limits(schedule_skipped_days_max=6)) == datetime(2026, 7, 6, 14, tzinfo=UTC)
    assert next_run_at(trigger, after, Limits(schedule_skipped_days_max=5)) is None


def test_the_end_of_the_calendar_ends_the_runs():
    assert list(runs(schedule("0 12 31 12 *", "UTC"), datetime(9999, 12, 31, 13, tzinfo=UTC))) == []


def test_working_days_leave_out_weekends_and_the_projects_holidays():
    trigger = schedule("0 9 * * *", calendar="working_days", holidays=["2026-07-03", "2026-07-07"])

    found = islice(runs(trigger, datetime(2026, 7, 1, tzinfo=UTC)), 5)

    days = [moment.astimezone(ZoneInfo(CHICAGO)).date().isoformat() for moment in found]
    assert days == ["2026-07-01", "2026-07-02", "2026-07-06", "2026-07-08", "2026-07-09"]


def test_holidays_are_days_of_the_zone():
    """At 23:00 in Chicago it is the next day in UTC already."""
    trigger = schedule("0 23 * * *", calendar="working_days", holidays=["2026-07-06"])

    found = next_run_at(trigger, datetime(2026, 7, 6, 12, tzinfo=UTC))

    assert found == datetime(2026, 7, 8, 4, tzinfo=UTC)


# Catching up

OFF_AT = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("catch_up", "hours", "run", "left_out", "earlier"),
    [
        ("skip", 5, [], 5, False),
        ("once", 5, ["17:00"], 4, False),
        (None, 5, ["17:00"], 4, False),
        ("all", 5, ["13:00", "14:00", "15:00", "16:00", "17:00"], 0, False),
        (None, 20, ["08:00"], 11, True),
        ("once", 0.2, [], 0, False),
    ],
)
def test_what_was_missed_is_caught_up_as_the_trigger_says(catch_up, hours, run, left_out, earlier):
    trigger = schedule("0 * * * *", "UTC", **({"catch_up": catch_up} if catch_up else {}))

    found = missed(trigger, OFF_AT, OFF_AT + timedelta(hours=hours))

    assert ([moment.strftime("%H:%M") for moment in found.run], found.left_out) == (run, left_out)
    assert found.earlier is earlier


def test_what_was_due_too_long_ago_is_told_and_not_run():
    found = missed(schedule("0 9 * * *", "UTC", catch_up="all"), OFF_AT, OFF_AT + timedelta(days=4, hours=10))

    assert (found.run, found.left_out, found.earlier) == ((), 0, True)


def test_the_window_of_a_catch_up_is_the_triggers_to_widen():
    trigger = schedule("0 9 * * *", "UTC", catch_up="all", catch_up_within_h=72)

    found = missed(trigger, OFF_AT, OFF_AT + timedelta(days=10))

    assert [moment.day for moment in found.run] == [10, 11, 12]


def test_catching_up_with_all_is_bounded_to_the_latest():
    limits = Limits(schedule_catch_up_max=3)

    found = missed(schedule("* * * * *", "UTC", catch_up="all"), OFF_AT, OFF_AT + timedelta(hours=1), limits)

    assert [moment.minute for moment in found.run] == [28, 29, 30]
    assert found.left_out == 57


# Words and numbers


def test_two_hundred_workflows_of_nine_oclock_start_spread_over_their_jitter():
    trigger = schedule("0 9 * * *", jitter_s=60)
    starts = [spread_s(trigger, f"wf_{number}") for number in range(200)]

    assert spread_s(trigger, "wf_7") == starts[7]
    assert 0 <= min(starts) < max(starts) < 60
    assert max(sum(second <= start < second + 1 for start in starts) for second in range(60)) <= 12


def test_without_jitter_of_its_own_a_workflow_starts_within_the_houses_and_zero_means_at_once():
    assert 0 < spread_s(schedule("0 9 * * *"), "wf_1") < Limits().schedule_spread_s
    assert spread_s(schedule("0 9 * * *", jitter_s=0), "wf_1") == 0


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (schedule("0 9 * * 1-5"), 1),
        (schedule("*/15 * * * *"), 4),
        (schedule("* * * * *"), 60),
        (Trigger(type="poll", resources=["RFIs"], every_s=420), 9),
        (Trigger(type="poll", resources=["RFIs"]), None),
        (Trigger(type="webhook", source="procore", resources=["RFIs"]), None),
        (Trigger(type="manual"), None),
    ],
)
def test_the_most_runs_of_an_hour(trigger, expected):
    assert fires_per_hour(trigger) == expected


@settings(max_examples=40, deadline=None)
@given(cron=CRONS, after=moments("2026-04-01", "2026-09-01"))
def test_no_hour_sees_more_runs_than_promised(cron, after):
    """Within a summer and autumn: the hour after a gap, in spring, may see one more."""
    trigger, spring = schedule(cron), datetime(2027, 1, 1, tzinfo=UTC)
    found = list(takewhile(lambda moment: moment < spring, islice(runs(trigger, after), 150)))

    assert all(
        sum(start <= moment < start + timedelta(hours=1) for moment in found) <= fires_per_hour(trigger)
        for start in found
    )


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (schedule("0 9 * * 1-5"), "every weekday at 09:00 in America/Chicago"),
        (schedule("30 6,18 * * *"), "every day at 06:30 and 18:30 in America/Chicago"),
        (schedule("0 8 * * 1#1"), "at 08:00 on the first Monday of the month in America/Chicago"),
        (schedule("0 16 * * FRI"), "at 16:00 on Friday in America/Chicago"),
        (
            schedule("0 9 1-7 * 1"),
            "at 09:00 on every day of month from 1 through 7 and on Monday in America/Chicago",
        ),
        (
            schedule("0 9 * * *", calendar="working_days", holidays=["2026-12-25", "2026-01-01"]),
            "every day at 09:00 in America/Chicago, on working days only (not on 2 holidays)",
        ),
        (Trigger(type="manual"), "when somebody runs it"),
        (
            Trigger(type="webhook", source="procore", resources=["RFIs", "Submittals"], events=["create", "update"]),
            "when RFIs or Submittals are created or updated in Procore",
        ),
        (Trigger(type="webhook", source="custom"), "when another system calls its address"),
        (
            Trigger(type="poll", resources=["RFIs"], every_s=300),
            "when RFIs are created, updated or deleted in Procore, looked at every 300 s",
        ),
    ],
)
def test_a_trigger_is_told_in_words(trigger, words):
    assert describe(trigger) == words
