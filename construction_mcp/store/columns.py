"""How values become columns and come back."""

import json
from datetime import UTC, datetime
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def time_text(moment: datetime) -> str:
    """UTC in one fixed width, so that text order is time order."""
    assert moment.tzinfo is not None, "a moment without a zone"
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


def optional_time_text(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def time_from(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_time_from(text: str | None) -> datetime | None:
    return None if text is None else time_from(text)


def json_text(value: Any) -> str:
    """JSON as written: unlike `core.json.write_json` it keeps the order of keys, which people chose."""
    return _ENCODER.encode(value)
