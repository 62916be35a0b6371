"""When a schedule runs: pure, in the zone of the trigger, right when clocks change.

A schedule names local times. When clocks change:

- A time that does not exist runs at the first moment after the gap; several in one gap run once.
- A time that exists twice runs the first time only.
- A cron that fires in every hour is about time that passes: it runs whenever the local clock shows a matching minute,
  in both of a repeated hour, and nothing is made up for an hour that was left out.

These are the rules of Debian's cron, except that what decides is whether every hour matches, not whether a field starts
with a star: `*/30 2 * * *` keeps its day when 2:00 is left out.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import takewhile
from zoneinfo import ZoneInfo

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.cron import Cron, CronMistake, read_cron
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.problems import either
from construction_mcp.workflow.zones import zone_named

_LIMITS = Limits()
_SATURDAY = 5
_REPEATED_MAX = timedelta(hours=3)  # more than any zone of this century put its clocks back at once
_EVERY = {"on weekdays": "every weekday", "every day": "every day"}


@dataclass(frozen=True, slots=True)
class Missed:
    """What fell due while nobody looked.

    run: what is to be run now, oldest first. left_out: how many more were due in the window of the catch-up. earlier:
    some were due even before that window; they are not counted.
    """

    run: Sequence[datetime] = ()
    left_out: int = 0
    earlier: bool = False


def next_run_at(trigger: Trigger, after: datetime, limits: Limits = _LIMITS) -> datetime | None:
    """The first time after `after` (aware), in UTC; None for what no clock starts, or where no day ever comes.

    Raises:
        Invalid: the cron or the zone is not one; the compiler says so earlier.
    """
    return next(runs(trigger, after, limits), None) if trigger.type == "schedule" else None


def runs(trigger: Trigger, after: datetime, limits: Limits = _LIMITS) -> Iterator[datetime]:
    """Every time after `after` (aware), ascending, in UTC, without end as a rule; each is worked out when asked for.

    Raises:
        Invalid: as `next_run_at`.
    """
    cron, zone = _read(trigger)
    days = _Days(trigger, limits)
    last = after.astimezone(UTC)
    here = last.astimezone(zone).replace(tzinfo=None, fold=0)
    if cron.every_hour:
        moments = _whenever_shown(days.counted(cron, here - _REPEATED_MAX), zone)
    else:
        moments = (moment_of(wall, zone) for wall in days.counted(cron, here))
    for moment in moments:
        if moment > last:  # not: the second of a repeated hour, or one more in a gap
            yield moment
            last = moment


def missed(trigger: Trigger, last: datetime, now: datetime, limits: Limits = _LIMITS) -> Missed:
    """What was due after `last` (the last time it was looked at) up to `now`, and which of it `catch_up` still runs.

    `once`, the default, runs the latest; `all` the latest `schedule_catch_up_max`, in their order; both look back
    `catch_up_within_h` hours. Bounded by a week of minutes.

    Raises:
        Invalid: as `next_run_at`.
    """
    within_h = trigger.catch_up_within_h or limits.schedule_catch_up_h
    opens = max(last, now - timedelta(hours=within_h))
    kept: deque[datetime] = deque(maxlen=_runs_kept(trigger, limits))
    due = 0
    for moment in takewhile(lambda moment: moment <= now, runs(trigger, opens, limits)):
        due += 1
        kept.append(moment)
    first = next_run_at(trigger, last, limits)
    return Missed(tuple(kept), due - len(kept), earlier=first is not None and first <= opens)


def spread_s(trigger: Trigger, workflow_id: str, limits: Limits = _LIMITS) -> float:
    """Seconds this workflow starts after its time, so that all that are due at 9:00 do not start together.

    Always the same for one workflow, evenly spread over `jitter_s` among many, so order and pauses stay.
    """
    width = limits.schedule_spread_s if trigger.jitter_s is None else trigger.jitter_s
    digest = hashlib.sha256(workflow_id.encode()).digest()
    return width * int.from_bytes(digest[:4]) / 2**32


def fires_per_hour(trigger: Trigger) -> int | None:
    """How often a clock starts it within 60 minutes, at most; None where events or people do.

    The hour after a gap may see one more.

    Raises:
        Invalid: as `next_run_at`.
    """
    if trigger.type == "schedule":
        return _read(trigger)[0].minutes
    if trigger.type == "poll" and trigger.every_s is not None:
        return -(-3600 // trigger.every_s)
    return None


def describe(trigger: Trigger) -> str:
    """When it runs, in words: `every weekday at 09:00 in America/Chicago`.

    Raises:
        Invalid: as `next_run_at`.
    """
    words = {"manual": _manual, "schedule": _schedule, "webhook": _webhook, "poll": _poll}
    return words[trigger.type](trigger)


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC time of a naive local one: the first of two, and the end of the gap for one that does not exist."""
    early = wall.replace(tzinfo=zone).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    return _end_of_gap(wall, zone, early)


def _whenever_shown(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """The UTC times at which the clock shows these naive local ones: twice for one that exists twice, never in a gap.

    The second showing of one can be later than the first of the next, so a showing waits until no earlier one can come.
    """
    waiting: list[datetime] = []
    for wall in walls:
        both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        shown = sorted({moment for moment in both if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall})
        while shown and waiting and waiting[0] <= shown[0]:
            yield heappop(waiting)
        for moment in shown:
            heappush(waiting, moment)
    yield from sorted(waiting)


def _end_of_gap(wall: datetime, zone: ZoneInfo, after: datetime) -> datetime:
    """Halve the time between a moment before the change and one after it until a second is left."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


class _Days:
    """Which days count."""

    def __init__(self, trigger: Trigger, limits: Limits) -> None:
        self._all = trigger.calendar != "working_days"
        self._holidays = frozenset(trigger.holidays or ())
        self._skipped_max = limits.schedule_skipped_days_max

    def count(self, day: date) -> bool:
        return self._all or (day.weekday() < _SATURDAY and day not in self._holidays)

    def counted(self, cron: Cron, after: datetime) -> Iterator[datetime]:
        """Matching local times on days that count, after a naive one; a day that does not is left in one step.

        Ends after too many of those.
        """
        times = cron.wall_times(after)
        skipped = 0
        while (found := next(times, None)) is not None and skipped < self._skipped_max:
            if self.count(found.date()):
                skipped = 0
                yield found
            else:
                skipped += 1
                times = cron.wall_times(datetime.combine(found.date(), time(23, 59, 59)))


def _read(trigger: Trigger) -> tuple[Cron, ZoneInfo]:
    cron = read_cron(trigger.cron or "")
    if isinstance(cron, CronMistake):
        raise Invalid(cron.message, hint=cron.fix)
    zone = zone_named(trigger.timezone or "")
    if zone is None:
        raise Invalid(f"There is no time zone {trigger.timezone!r}.", hint="Name one as America/Chicago.")
    return cron, zone


def _runs_kept(trigger: Trigger, limits: Limits) -> int:
    return {"skip": 0, "once": 1, "all": limits.schedule_catch_up_max}[trigger.catch_up or "once"]


def _manual(_trigger: Trigger) -> str:
    return "when somebody runs it"


def _schedule(trigger: Trigger) -> str:
    cron, _ = _read(trigger)
    words = cron.explain().replace("Monday through Friday", "weekdays")
    simple = re.fullmatch(r"At (.+?) (on weekdays|every day)", words)
    when = f"{_EVERY[simple[2]]} at {simple[1]}" if simple else words[0].lower() + words[1:]
    days = ", on working days only" if trigger.calendar == "working_days" else ""
    holidays = f" (not on {len(trigger.holidays)} holidays)" if days and trigger.holidays else ""
    return f"{when} in {trigger.timezone}{days}{holidays}"


def _webhook(trigger: Trigger) -> str:
    return "when another system calls its address" if trigger.source == "custom" else f"when {_events(trigger)}"


def _poll(trigger: Trigger) -> str:
    pause = f", looked at every {trigger.every_s} s" if trigger.every_s else ""
    return f"when {_events(trigger)}{pause}"


def _events(trigger: Trigger) -> str:
    happened = {"create": "created", "update": "updated", "delete": "deleted"}
    events = [happened[event] for event in trigger.events or happened]
    return f"{either(trigger.resources or [])} are {either(events)} in Procore"
