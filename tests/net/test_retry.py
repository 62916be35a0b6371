"""When to try again."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.net.retry import Backoff, retry_after_s

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@given(seed=st.integers(), failures=st.integers(1, 10_000))
def test_a_delay_lies_between_nothing_and_its_ceiling(seed, failures):
    backoff = Backoff(0.5, 8.0, random.Random(seed))

    assert 0.0 <= backoff.delay_s(failures) <= min(8.0, 0.5 * 2 ** min(failures - 1, 10))


def test_the_jitter_is_full_and_the_ceiling_doubles():
    """A crowd that failed together comes back spread over the whole time, not in step."""
    backoff = Backoff(1.0, 60.0, random.Random(7))

    for failures, ceiling in ((1, 1), (2, 2), (3, 4), (4, 8)):
        delays = [backoff.delay_s(failures) for _ in range(2000)]
        assert min(delays) < 0.02 * ceiling
        assert 0.98 * ceiling < max(delays) <= ceiling
        assert 0.47 * ceiling < sum(delays) / len(delays) < 0.53 * ceiling


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0665", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1000000000", 3600.0),
        ("9" * 400, 3600.0),
        ("Mon, 02 Mar 2026 15:00:30 GMT", 30.0),
        ("Monday, 02-Mar-26 15:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 14:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Mon, 99 Mar 2026 15:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(value, seconds):
    """RFC 9110 section 10.2.3."""
    assert retry_after_s(value, NOW, max_s=3600) == seconds


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_retry_after(text):
    seconds = retry_after_s(text, NOW, max_s=3600)

    assert seconds is None or 0 <= seconds <= 3600


@given(st.integers(0, 3599))
def test_a_date_says_the_same_as_its_seconds(seconds):
    assert retry_after_s(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW, max_s=3600) == seconds
