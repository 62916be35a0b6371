"""Lengths of time as people write them: `2 days`, `90 minutes`, ISO 8601 `P2D`, or a number of seconds."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from construction_mcp.core.config import Limits

DURATION_S_MAX = Limits().wait_s_max
_WORDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_IN_WORDS = re.compile(r"([0-9]{1,9}) ?(second|minute|hour|day|week)s?")
# Months and years have no fixed length, so they are not taken (ISO 8601-1:2019, 5.5.2).
_ISO = re.compile(
    r"P(?:([0-9]{1,9})W|(?=[0-9]|T[0-9])(?:([0-9]{1,9})D)?(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?)"
)
_ISO_UNITS = (604_800, 86_400, 3600, 60, 1)
_PART = r"[0-9]{1,9} ?(second|minute|hour|day|week)s?"
_PATTERN = rf"^({_PART}(,? (and )?{_PART})*|P([0-9]+W|([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?))$"


def seconds_of(value: Any) -> Any:
    """Seconds of a written duration; what is not text is left to the number's own check.

    Raises:
        ValueError: the text is no duration.
    """
    if not isinstance(value, str):
        return value
    iso = _ISO.fullmatch(value.strip())
    if iso is not None:
        return sum(int(count or 0) * unit for count, unit in zip(iso.groups(), _ISO_UNITS, strict=True))
    if re.fullmatch(_PATTERN, value.strip()) is None:
        raise ValueError(f"{value[:40]!r} is no duration; write it as 2 days, 90 minutes or P2D")
    return sum(int(count) * _WORDS[unit] for count, unit in _IN_WORDS.findall(value))


def duration_in_words(seconds: int) -> str:
    """`1 day 4 hours`, as `seconds_of` reads it back."""
    parts = []
    for name, size in reversed(_WORDS.items()):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}" if count == 1 else f"{count} {name}s")
    return " ".join(parts) or "0 seconds"


Duration = Annotated[
    int,
    BeforeValidator(seconds_of),
    Field(ge=1, le=DURATION_S_MAX, strict=True),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": DURATION_S_MAX},
                {"type": "string", "pattern": _PATTERN, "examples": ["2 days", "90 minutes", "P2D"]},
            ]
        }
    ),
]
"""A duration in seconds, once it is read."""
