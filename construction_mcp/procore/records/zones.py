"""Today where a project is: due dates and daily logs are dates of the site, not of this machine.

Projects carry Rails names of time zones.
Source: Procore "Working with Dates and Times"; the names that differ from their city are listed, others end in one.
"""

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONES = {
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Anchorage",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "US/Pacific": "America/Los_Angeles",
    "Arizona": "America/Phoenix",
    "Mountain Time (US & Canada)": "America/Denver",
    "Central Time (US & Canada)": "America/Chicago",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Atlantic Time (Canada)": "America/Halifax",
    "Newfoundland": "America/St_Johns",
    "London": "Europe/London",
    "Dublin": "Europe/Dublin",
    "Sydney": "Australia/Sydney",
    "Melbourne": "Australia/Melbourne",
    "Brisbane": "Australia/Brisbane",
    "Perth": "Australia/Perth",
    "Auckland": "Pacific/Auckland",
}


def zone_of(name: str | None) -> tzinfo:
    """The zone of a project's `time_zone`; UTC for a name that is not known or not installed here."""
    try:
        return ZoneInfo(_ZONES.get(name or "", name or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def today_in(name: str | None, now: datetime) -> date:
    """The date there at `now`."""
    return now.astimezone(zone_of(name)).date()
