"""Cron expressions: five fields as Debian's cron reads them, and what is wrong with one that is not.

`cronsim` knows the calendar part: fields, names, `L`, `LW`, `1#2`, and that a restricted day of month *or* a restricted
weekday is enough. It is asked about naive local times only; what a change of the clocks does to them is decided in
`schedule`, since cronsim started within a repeated hour answers with a time that is over, and leaves a day out when
`*/30 2 * * *` meets a missing hour.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cronsim import CronSim, CronSimError

_HOURS = frozenset(range(24))
_ANY_TIME = datetime(2024, 1, 1)  # noqa: DTZ001 - naive on purpose: a wall clock without a zone
_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L for the last, LW for the last weekday",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (0 and 7 are Sunday), 1#2 for the second Monday, 5L for the last Friday",
}
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class CronMistake:
    """Why a text is no cron expression, and what to write instead. `never`: it is one, and no day ever matches."""

    message: str
    fix: str
    never: bool = False


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that can be read.

    minutes: those of an hour it fires at. every_hour: it fires in each hour, so it counts hours that pass rather than
    hours on the clock (`schedule` says what follows).
    """

    text: str
    minutes: int
    every_hour: bool

    def wall_times(self, after: datetime) -> Iterator[datetime]:
        """The naive local times that match, strictly after `after`, ascending; ends after 50 years without one."""
        return _until_the_end(CronSim(self.text, after))

    def explain(self) -> str:
        """In words, `At 09:00 on Monday through Friday`."""
        return str(CronSim(self.text, _ANY_TIME).explain())


@lru_cache(maxsize=1024)
def read_cron(text: str) -> Cron | CronMistake:
    """The expression, or the first field that makes no sense. Bounded: a day that no month has is found at once."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return _wrong_count(text.strip(), fields)
    try:
        cron = CronSim(text, _ANY_TIME)
    except CronSimError as problem:
        return _wrong_field(str(problem).removeprefix("Bad "), fields)
    return Cron(" ".join(fields).upper(), len(cron.minutes), cron.hours >= _HOURS)


def _until_the_end(times: CronSim) -> Iterator[datetime]:
    try:
        yield from times
    except OverflowError:  # the calendar ends with the year 9999
        return


def _wrong_count(text: str, fields: list[str]) -> CronMistake:
    if text.lower() in _NICKNAMES:
        return CronMistake(f"{text} is not understood here.", f'Write "{_NICKNAMES[text.lower()]}".')
    message = f"{text[:100]!r} has {len(fields)} fields; five are needed: minute hour day-of-month month day-of-week."
    if len(fields) == len(_FIELDS) + 1:
        rest = " ".join(fields[1:])
        return CronMistake(message, f'Seconds and years are not supported; without seconds it is "{rest}".')
    return CronMistake(message, 'Write five, as "0 9 * * 1-5" for weekdays at 9:00.')


def _wrong_field(name: str, fields: list[str]) -> CronMistake:
    found = fields[list(_FIELDS).index(name)]
    allowed = f"Allowed: {_FIELDS[name]}; also *, lists 1,3, ranges 1-5 and steps */2."
    if re.fullmatch(r"[\d,-]+(/\d+)?", found) and name == "day-of-month" and _is_readable(name, found):
        return CronMistake(f"No month that it names has a day {found}.", "Name a day that the months have.", never=True)
    if found == "?":
        return CronMistake(f"The {name} is '?'.", "Write * instead.")
    return CronMistake(f"The {name} is {found[:50]!r}.", allowed)


def _is_readable(name: str, found: str) -> bool:
    """Whether the field makes sense by itself, so that only its company is wrong."""
    fields = [found if each == name else "*" for each in _FIELDS]
    try:
        CronSim(" ".join(fields), _ANY_TIME)
    except CronSimError:
        return False
    return True
