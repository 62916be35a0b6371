"""Numbers, moments and states in words for a page."""

from datetime import datetime, timedelta

from construction_mcp.server.dashboard.markup import Html, el

ABSENT = "\u2013"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

TONES = {
    "active": "good",
    "approved": "good",
    "completed": "good",
    "healthy": "good",
    "simulated": "good",
    "running": "busy",
    "queued": "busy",
    "waiting": "wait",
    "pending": "wait",
    "paused": "wait",
    "degraded": "wait",
    "needs_review": "bad",
    "uncertain": "bad",
    "failed": "bad",
    "critical": "bad",
    "error": "bad",
    "rejected": "bad",
    "expired": "bad",
}

STARTS = {"schedule": "schedule", "webhook": "event", "poll": "looking", "manual": "hand"}
"""What starts a workflow, by the type of its trigger."""


def chip(status: str) -> Html:
    """A state as a word with a mark: a colour alone tells nothing to those who see none."""
    tone = TONES.get(status, "calm")
    return el("span", status.replace("_", " "), class_=f"chip {tone}")


def duration(ms: float | None) -> str:
    """In the two largest units that matter, as `1 min 12 s`."""
    if ms is None:
        return ABSENT
    if ms < 0.1:
        return "< 0.1 ms"
    if ms < 10:
        return f"{ms:.1f} ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    return f"{seconds:.1f} s" if seconds < 10 else _span(seconds)


def when(moment: datetime | None, now: datetime) -> Html | str:
    """How long ago or ahead, with the exact moment behind it; the page's script puts it into the reader's zone."""
    if moment is None:
        return ABSENT
    apart = (moment - now).total_seconds()
    said = "now" if abs(apart) < 1 else f"in {_span(apart)}" if apart > 0 else f"{_span(-apart)} ago"
    return el("time", said, datetime=_iso(moment), title=exact(moment))


def clock_time(moment: datetime, start: datetime) -> Html:
    """A moment within a run: the time of day, with the date where that is another one."""
    same_day = moment.date() == start.date()
    return el("time", moment.strftime("%H:%M:%S" if same_day else "%m-%d %H:%M:%S"), datetime=_iso(moment))


def exact(moment: datetime) -> str:
    """To the second, in UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def counted(many: int, one: str, more: str | None = None) -> str:
    """`1 run`, `2 runs`."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"


def _span(seconds: float) -> str:
    whole = timedelta(seconds=round(seconds))
    total = whole.days * _DAY + whole.seconds
    if total < _MINUTE:
        return f"{total} s"
    if total < _HOUR:
        return _two(total, _MINUTE, "min", 1, "s") if total < 10 * _MINUTE else f"{total // _MINUTE} min"
    if total < 2 * _DAY:
        return _two(total, _HOUR, "h", _MINUTE, "min")
    return f"{total // _DAY} days"


def _two(total: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = total % large // small
    return f"{total // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
