"""Dates and times as Procore writes them (FACTS 7)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

# The Rails names that projects carry, for the zones the sample uses; the real list is longer.
TIME_ZONES = {
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Mountain Time (US & Canada)": "America/Denver",
    "Central Time (US & Canada)": "America/Chicago",
    "Eastern Time (US & Canada)": "America/New_York",
    "US/Pacific": "America/Los_Angeles",
    "UTC": "UTC",
}


def stamp(moment: datetime) -> str:
    """`2026-03-02T15:00:00Z`."""
    # Ten times faster than strftime, which was a third of making the large sample.
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def parse_instant(text: str) -> datetime | None:
    """An ISO 8601 date or time as an aware moment; None when it is neither."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_day(text: str) -> date | None:
    """The date of an ISO 8601 date or timestamp; the guide asks for full timestamps even in date fields (FACTS 7)."""
    moment = parse_instant(text)
    return moment.date() if moment else None


def day_at_noon(day: date, zone: str) -> str:
    """The `datetime` that accompanies a daily log's `date`: noon of the project's zone, in UTC."""
    return stamp(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(TIME_ZONES.get(zone, "UTC"))))


def today_in(zone: str, now: datetime) -> date:
    """Today where the project is."""
    return now.astimezone(ZoneInfo(TIME_ZONES.get(zone, "UTC"))).date()
