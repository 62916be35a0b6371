"""Reading single properties of Procore records, whatever shape they come in."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any


def text(value: Any) -> str | None:
    """A non-empty string, or None."""
    return value if isinstance(value, str) and value else None


def person(value: Any) -> str | None:
    """The name of a user, vendor or company: a name, else a login."""
    if isinstance(value, Mapping):
        return text(value.get("name")) or text(value.get("login"))
    return text(value)


def people(value: Any) -> list[str]:
    """The names in a list of users."""
    return [name for one in value if (name := person(one))] if isinstance(value, list) else []


def day(value: Any) -> date | None:
    """A date from `2026-03-01` or from the start of a timestamp; None when it is neither."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """A timestamp with its zone; None when it is not one."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def days_overdue(due_on: date | None, today: date, *, is_open: bool) -> int | None:
    """Days past the due date of an open record; 0 when it is not late, None without a due date."""
    if due_on is None:
        return None
    return max(0, (today - due_on).days) if is_open else 0
