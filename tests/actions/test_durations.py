"""A length of time is read as people write it, and nothing else is taken for one."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from construction_mcp.actions.durations import DURATION_S_MAX, Duration, duration_in_words, seconds_of

DURATION = TypeAdapter(Duration)
TEXT_PATTERN = DURATION.json_schema()["anyOf"][1]["pattern"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        ("45 seconds", 45),
        ("1 minute", 60),
        ("90 minutes", 5400),
        ("4hours", 14_400),
        ("2 days", 172_800),
        (" 2 days ", 172_800),
        ("1 week", 604_800),
        ("1 day 4 hours", 100_800),
        ("1 day, 4 hours and 5 minutes", 101_100),
        ("P2D", 172_800),
        ("P1W", 604_800),
        ("PT36H", 129_600),
        ("P1DT2H3M4S", 93_784),
    ],
)
def test_a_duration_is_so_many_seconds(written: Any, seconds: int) -> None:
    assert DURATION.validate_python(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        *("", "2", "soon", "2 fortnights", "1 month", "P1M", "P1Y", "P", "PT", "P1DT", "P1W2D", "-2 days", "2 days!"),
        *("1.5 hours", "days 2", "٣ days", "367 days", "0 days", 0, -1, DURATION_S_MAX + 1, 1.5, True, [], None),
    ],
)
def test_anything_else_is_refused(written: Any) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(written)


@given(st.integers(1, DURATION_S_MAX))
def test_what_is_said_is_read_back(seconds: int) -> None:
    assert seconds_of(duration_in_words(seconds)) == seconds


@given(st.integers(1, DURATION_S_MAX))
def test_the_json_schema_knows_the_texts_that_are_read(seconds: int) -> None:
    assert re.search(TEXT_PATTERN, duration_in_words(seconds))
