"""Sending values to Procore and seeing whether it took them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from construction_mcp.core.errors import Conflict, NextCall, Uncertain
from construction_mcp.procore.records.fields import day


def day_sent(value: date) -> str:
    """A date as Procore wants it: with a time, even where only the date is kept.

    Source: Procore "Date and Time": a date it cannot read is stored as null without an error.
    """
    return f"{value.isoformat()}T00:00:00Z"


def answered(body: Any) -> Mapping[str, Any]:
    """The record that a write was answered with; empty when a success came without one."""
    return body if isinstance(body, Mapping) else {}


def not_applied(asked: Mapping[str, Any], got: Mapping[str, Any]) -> list[str] | None:
    """The fields that Procore accepted and left as they were; None when all were taken.

    Not to be asked of a success without a record: what is not told was not refused.

    Several fields are an admin's alone: sent by somebody else, Procore ignores them and answers 201.
    Source: endpoints `POST .../rfis`, `PATCH .../submittals/{id}` ("can only be set by admins").
    """
    ignored = [name for name, value in asked.items() if _plain(value) != _plain(got.get(name))]
    return ignored or None


def require_version(expected: str | None, updated_at: datetime | None, what: str) -> None:
    """Refuse to change a record that somebody changed since the caller read it.

    Raises:
        Conflict: PROCORE_CONFLICT, with the present `updated_at`.
    """
    if expected is None or updated_at is None:
        return
    present = updated_at.isoformat()
    try:
        same = datetime.fromisoformat(expected) == updated_at
    except (ValueError, TypeError):
        same = False
    if not same:
        raise Conflict(
            f"{what} was changed since you read it.",
            code="PROCORE_CONFLICT",
            hint="Read it again, then decide.",
            details={"expected_version": expected[:100], "updated_at": present},
        )


@contextmanager
def settled_by(tool: str, arguments: Mapping[str, Any], why: str) -> Iterator[None]:
    """An uncertainty that leaves the body names the read that can settle it."""
    try:
        yield
    except Uncertain as unknown:
        look = NextCall(tool, arguments, why)
        raise Uncertain(unknown.message, hint=unknown.hint, details=unknown.details, next_call=look) from None


def _plain(value: Any) -> Any:
    """Comparable forms: a date however it is written, numbers as numbers, lists in any order."""
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        return day(value) or value.strip()
    if isinstance(value, list | tuple | set):
        return sorted(map(str, value))
    return value
