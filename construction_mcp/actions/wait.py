"""Waiting without holding anything: a wait survives restarts."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from construction_mcp.actions.action import ActionType, Config, Setting, Written
from construction_mcp.actions.durations import Duration, duration_in_words, seconds_of
from construction_mcp.actions.form import Form
from construction_mcp.actions.shapes import closed


class ForConfig(Config):
    """How long."""

    duration: Annotated[Duration, Field(description="Seconds, or as 2 days, 90 minutes, P2D")]


def _moment(value: str) -> str:
    """An ISO 8601 date or time.

    Raises:
        ValueError: it is neither.
    """
    if len(value) <= len("2026-12-01"):
        date.fromisoformat(value)
    else:
        datetime.fromisoformat(value)
    return value


class UntilConfig(Config):
    """Until when: a moment, or the next day of a kind."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["at"]}, {"required": ["next"]}]})

    at: Annotated[
        str | None,
        AfterValidator(lambda value: value and _moment(value)),
        Field(
            max_length=40,
            description="Date or time as 2026-12-01 or 2026-12-01T07:30; without an offset, in the trigger's zone",
        ),
    ] = None
    next: Annotated[
        Literal["day", "working_day", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        | None,
        Field(description="The next such day after today"),
    ] = None
    time: Annotated[
        str,
        Form(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day, as 07:30"),
        Field(description="Time of that day, when at is a date or next given"),
    ] = "09:00"

    @model_validator(mode="after")
    def _names_one_moment(self) -> Self:
        if (self.at is None) == (self.next is None):
            raise ValueError("give either at or next")
        return self


def _for_words(written: Written, _setting: Setting) -> str:
    duration = written.get("duration")
    try:
        seconds = seconds_of(duration)
    except ValueError:
        seconds = None
    known = isinstance(seconds, int) and not isinstance(seconds, bool)
    return f"wait {duration_in_words(seconds)}" if known else "wait as long as a template says"


def _until_words(written: Written, _setting: Setting) -> str:
    when = written.get("at") or f"{written.get('time', '09:00')} of the next {written.get('next', 'day')}"
    return f"wait until {str(when).replace('_', ' ')}"


_ENDED = closed(ended_at={"type": "string", "format": "date-time"})

TYPES = (
    ActionType(
        name="wait.for",
        config=ForConfig,
        effect="wait",
        doc="Wait for a length of time, up to a year; nothing outside happens meanwhile.",
        output=_ENDED,
        words=_for_words,
    ),
    ActionType(
        name="wait.until",
        config=UntilConfig,
        effect="wait",
        doc="Wait until a date and time, or the next working day or weekday; a moment that has passed ends it at once.",
        output=_ENDED,
        words=_until_words,
    ),
)
