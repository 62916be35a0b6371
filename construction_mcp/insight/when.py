"""The schedule that a goal in words names: "every weekday at 9" is `0 9 * * 1-5`.

Nothing is guessed in silence: whatever was read into the words is in `assumed`.
Source of `2#1`, `L` and `5L`: the cron dialect that `workflow/cron.py` reads.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from construction_mcp.insight.vocabulary import words_of
from construction_mcp.workflow.zones import zone_named, zones_like

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_DAY = r"(?:sun|mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?)(?:day)?s?"
_FULL_DAY = r"(?:sun|mon|tues|wednes|thurs|fri|satur)days?"
_TO_FIFTEEN = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven"),
    *("eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
)
_NUMBERS = {
    **{word: str(number) for number, word in enumerate(_TO_FIFTEEN)},
    "twenty": "20",
    "thirty": "30",
    "sixty": "60",
    "ninety": "90",
    "couple of": "2",
    "half an hour": "30 minutes",
}
_NUMBER = re.compile(rf"\b({'|'.join(sorted(_NUMBERS, key=len, reverse=True))})\b")

_EVERY = r"(?:every|each)"
_RANGE = re.compile(rf"\b({_DAY})\s*(?:-|\u2013|\u2014|through|thru|to|till|until)\s*({_DAY})\b")
_WEEKDAYS = re.compile(
    r"(?<!\d )(?<!\d)\b(?:week ?days?|(?:work(?:ing)?|business) ?days?|work ?day mornings?)\b|\bm ?- ?f\b"
)
_NAMED = re.compile(
    rf"(?:\b(by|before|until|till|since|due|last|next|for)\s+)?\b({_FULL_DAY}|(?<=every ){_DAY}|(?<=each ){_DAY})\b"
)
_WEEKEND = re.compile(r"\b(?:every|each|on) (?:the )?weekends?\b|\bweekends\b")
_DAILY = re.compile(
    r"\bdaily\b(?! (?:log|report|diar|construction|field|site))|"
    rf"\b{_EVERY} (?:single )?(?:day|morning|evening|night|afternoon)\b|\bnightly\b|\bevery ?day\b|\ba day\b"
    r"|\bdays at\b"
)
_WEEKLY = re.compile(rf"\bweekly\b|\b{_EVERY} week\b|\b(?:once )?(?:a|per) week\b")
_FORTNIGHT = re.compile(rf"\b{_EVERY} (?:other|second|2) (?:weeks?|{_DAY})\b|\bbi-?weekly\b|\bfortnight(?:ly)?\b")
_MONTHLY = re.compile(
    rf"\bmonthly\b|\b{_EVERY} month\b|\b(?:a|per) month\b|\bof (?:the|each|every) month\b|\bmonth[ -]end\b"
)
_QUARTERLY = re.compile(rf"\bquarterly\b|\b{_EVERY} quarter\b")
_DAY_OF_MONTH = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
_LAST_OF_MONTH = re.compile(r"\b(?:last (?:day )?|end )of (?:the|each|every) month\b|\bmonth[ -]end\b")
_NTH = re.compile(rf"\b(first|1st|second|2nd|third|3rd|fourth|4th|last) ({_FULL_DAY})\b")
_PLACES = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_INTERVAL = re.compile(rf"\b{_EVERY} (?:(\d{{1,3}}) ?)?(minute|min|hour|hr|day)s?\b(?! (?:at|of|from|\d))")

_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d{2}))? ?(a\.?m\b\.?|p\.?m\b\.?)")
_COLON = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?! ?[ap]\.?m)")
_HOURS = re.compile(r"\b([01]\d|2[0-3])([0-5]\d) ?(?:hours|hrs)\b")
_AT = re.compile(
    r"(?:\b(?:at|around|about)|@) ?(\d{1,2})\b(?![:./%-]|\d| ?[ap]\.?m\b| ?(?:percent|days|hours|items|feet))"
)
_AND_AT = re.compile(r"\band (\d{1,2}) ?(?=$|[,.]| (?:in|on|every|each))")
_HALF = re.compile(r"\bhalf past (\d{1,2})\b")
_SPOKEN = (  # what people call a time, and the time it is taken for
    (re.compile(r"\b(?:noon|midday|lunch ?time|over lunch)\b"), (12, 0)),
    (re.compile(r"\bmidnight\b"), (0, 0)),
    (
        re.compile(
            r"\bend of (?:the |each |every )?(?:day|shift)\b|\beod\b|\bclose of business\b|\bcob\b|\bquitting time\b"
        ),
        (17, 0),
    ),
    (re.compile(r"\bfirst thing\b|\bstart of (?:the |each |every )?(?:day|shift)\b|\bmornings?\b"), (7, 0)),
    (re.compile(r"\bafternoons?\b"), (15, 0)),
    (re.compile(r"\bevenings?\b|\b(?:every|each) night\b|\bnightly\b"), (18, 0)),
)
_USUAL = ("0 7", "* * *")
_DAYTIME_FROM = 6  # a bare hour before it is meant in the afternoon: nobody on a site says 4 for 4 in the morning


@dataclass(frozen=True, slots=True)
class When:
    """What a text says of a schedule: the two halves of a cron expression, each None where it is left open.

    clock: minute and hour. days: day of month, month and weekday. is_weekly: once a week, on a day that is not named.
    assumed: how what was said was read, where it can be read otherwise.
    """

    clock: str | None
    days: str | None
    is_weekly: bool = False
    assumed: Sequence[str] = ()

    def like(self, other: str | None) -> tuple[str, Sequence[str]]:
        """The cron expression, what is left open being taken from another one or from what is usual; and what is."""
        clock, days = (" ".join(other.split()[:2]), " ".join(other.split()[2:])) if other else _USUAL
        assumed = list(self.assumed)
        if self.days is None and self.is_weekly and not _ONE_DAY.fullmatch(days):
            days = "* * 1"
            assumed.append("Monday as the day of the week")
        elif self.days is None and not other:
            assumed.append("every day, weekends included")
        if self.clock is None and not other:
            assumed.append("07:00 as the time")
        return f"{self.clock or clock} {self.days or days}", assumed


_ONE_DAY = re.compile(r"\* \* \d(?:#\d|L)?")


@dataclass(slots=True)
class _Reading:
    """A text being read, and what is read into it on the way."""

    text: str
    assumed: list[str] = field(default_factory=list)


def read_when(text: str) -> When | None:
    """What a text says of a schedule, or None where it says nothing of one."""
    reading = _Reading(plain(text))
    interval = _interval(reading.text)
    if interval is not None:
        return When(interval, "* * *")
    times, days = _times(reading), _days(reading)
    is_weekly = days is None and _WEEKLY.search(reading.text) is not None
    if days is None and not times and not is_weekly:
        return None
    return When(_clock(times, reading) if times else None, days, is_weekly, tuple(reading.assumed))


def plain(text: str) -> str:
    """Lower case, one space between words, small numbers in digits."""
    lower = " ".join(text.lower().replace("\u2019", "'").split())
    return _NUMBER.sub(lambda found: _NUMBERS[found[1]], lower)


def _interval(text: str) -> str | None:
    """Minute and hour of "every two hours"."""
    if re.search(r"\bhourly\b", text):
        return "0 *"
    found = _INTERVAL.search(text)
    if found is None or found[2] == "day":
        return None
    count = int(found[1] or 1)
    if found[2].startswith("m"):
        return f"*/{count} *" if 1 < count < 60 else "* *" if count == 1 else "0 *"
    return "0 *" if count == 1 else f"0 */{count}" if count < 24 else None


def _days(reading: _Reading) -> str | None:
    """Day of month, month and weekday of a cron expression."""
    text = reading.text
    if _QUARTERLY.search(text):
        reading.assumed.append("the first day of January, April, July and October")
        return "1 1,4,7,10 *"
    if _MONTHLY.search(text):
        return _of_month(reading)
    weekdays = _weekdays(text)
    if _FORTNIGHT.search(text):
        reading.assumed.append("every week: a schedule cannot say every second one")
        weekdays = weekdays or "1"
    if weekdays:
        return f"* * {weekdays}"
    every = re.search(rf"\b{_EVERY} (\d{{1,2}}) days\b", text)
    if every:
        return f"*/{every[1]} * *"
    edge = re.search(rf"\b(start|beginning|end) of (?:the|{_EVERY}) week\b", text)
    if edge:
        is_end = edge[1] == "end"
        reading.assumed.append(f"{'Friday' if is_end else 'Monday'} as the {edge[1]} of the week")
        return "* * 5" if is_end else "* * 1"
    return "* * *" if _DAILY.search(text) and not _WEEKLY.search(text) else None


def _of_month(reading: _Reading) -> str:
    nth, day = _NTH.search(reading.text), _DAY_OF_MONTH.search(reading.text)
    if nth:
        weekday = _number(nth[2])
        return f"* * {weekday}L" if nth[1] == "last" else f"* * {weekday}#{_PLACES[nth[1]]}"
    if _LAST_OF_MONTH.search(reading.text):
        return "L * *"
    if day and 1 <= int(day[1]) <= 31:
        return f"{int(day[1])} * *"
    if "first" not in reading.text:
        reading.assumed.append("the first day of the month")
    return "1 * *"


def _weekdays(text: str) -> str | None:
    ranged = _RANGE.search(text)
    if ranged:
        first, last = _number(ranged[1]), _number(ranged[2])
        return f"{first}-{last}" if first < last else ",".join(map(str, _around(first, last)))
    if _WEEKDAYS.search(text):
        return "1-5"
    named = {_number(day) for before, day in _NAMED.findall(text) if not before}
    if _WEEKEND.search(text):
        named |= {0, 6}
    return ",".join(map(str, sorted(named))) or None


def _around(first: int, last: int) -> list[int]:
    """Days from one to another across the end of the week."""
    return sorted({(first + more) % 7 for more in range((last - first) % 7 + 1)})


def _number(day: str) -> int:
    return next(at for at, name in enumerate(DAYS) if name.startswith(day[:3]))


def _times(reading: _Reading) -> list[tuple[int, int]]:
    """Times of the day in the order of the day, each once; what people call a time only where none is given."""
    text = reading.text
    found = [_by_clock(int(hour), int(minute or 0), half[0]) for hour, minute, half in _CLOCK.findall(text)]
    found += [(int(hour), int(minute)) for pattern in (_COLON, _HOURS) for hour, minute in pattern.findall(text)]
    found += [_bare(int(hour), 30, reading) for hour in _HALF.findall(text)]
    bare = _AT.findall(text)
    found += [_bare(int(hour), 0, reading) for hour in (*bare, *(_AND_AT.findall(text) if bare else ()))]
    if not found:
        found = [time for pattern, time in _SPOKEN if pattern.search(text)][:1]
        reading.assumed.extend(f"{hour:02}:{minute:02} as the time" for hour, minute in found if hour not in (0, 12))
    return sorted({(hour, minute) for hour, minute in found if hour < 24 and minute < 60})


def _by_clock(hour: int, minute: int, half: str) -> tuple[int, int]:
    if not 1 <= hour <= 12:
        return (hour, minute)
    return (hour % 12 + (12 if half == "p" else 0), minute)


def _bare(hour: int, minute: int, reading: _Reading) -> tuple[int, int]:
    """An hour without its half of the day."""
    if (
        re.search(r"\bin the (?:afternoon|evening)\b|\bafternoons?\b|\bevenings?\b|\bat night\b", reading.text)
        and hour < 12
    ):
        return (hour + 12, minute)
    if 1 <= hour < _DAYTIME_FROM and not re.search(r"\bmornings?\b", reading.text):
        reading.assumed.append(f"{hour + 12}:{minute:02}, in the afternoon")
        return (hour + 12, minute)
    return (hour, minute)


def _clock(times: Sequence[tuple[int, int]], reading: _Reading) -> str:
    """Minute and hours of a cron expression."""
    minute = times[0][1]
    same = [hour for hour, at in times if at == minute]
    if len(same) < len(times):
        reading.assumed.append(f"only the times at {minute:02} past the hour: one schedule has one minute")
    return f"{minute} {','.join(map(str, same))}"


_IANA = re.compile(r"\b[A-Z][A-Za-z]{2,20}/[A-Z][A-Za-z_]{2,30}(?:/[A-Z][A-Za-z_]{2,30})?\b")
_ZONE_TIME = re.compile(r"\b([A-Za-z]+(?: [A-Z][a-z]+)?) (?:standard |daylight )?time\b")
_ABBREVIATED = re.compile(
    r"\b(UTC|GMT|EST|EDT|CST|CDT|MST|MDT|PST|PDT|AKST|HST|BST|CET|CEST|AEST)\b"
    r"|(?:\d|[aApP]\.?[mM]\.?) ?(ET|CT|MT|PT|[Ee]astern|[Cc]entral|[Mm]ountain|[Pp]acific)\b"
)


def read_zone(text: str) -> str | None:
    """The IANA zone that a text names: "America/Chicago", "9am CT", "Central time", "Denver time"."""
    for found in _IANA.findall(text):
        if zone_named(found) is not None:
            return str(found)
    for groups in _ABBREVIATED.findall(text):
        return _meant(next(filter(None, groups)))
    for words in _ZONE_TIME.findall(text):
        for said in (words, words.rpartition(" ")[2]):
            zone = _meant(said)
            if zone is not None:
                return zone
    return None


_NO_ZONE = words_of("the a any each every this that same first last response due lost lead down over real")


def _meant(said: str) -> str | None:
    if said.lower() in _NO_ZONE:
        return None
    near = zones_like(said)
    city = near[0].rpartition("/")[2].replace("_", " ").lower() if near else ""
    is_exact = city == said.lower() or said.lower() in _SPOKEN_ZONES
    return near[0] if near and is_exact else None


_SPOKEN_ZONES = words_of(
    """
    eastern central mountain pacific alaska hawaii atlantic est edt cst cdt mst mdt pst pdt et ct mt pt utc gmt akst hst
    bst cet cest aest
    """
)
