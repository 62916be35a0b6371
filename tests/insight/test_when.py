"""Times and zones as people on a site say them."""

import pytest

from construction_mcp.insight.when import read_when, read_zone
from construction_mcp.workflow.cron import Cron, read_cron

SAID = [
    ("every weekday at 9", "0 9 * * 1-5"),
    ("Every morning at 6:30", "30 6 * * *"),
    ("Mondays at 7am", "0 7 * * 1"),
    ("each Friday at 4pm", "0 16 * * 5"),
    ("each Friday at 4", "0 16 * * 5"),
    ("Fridays at 4 in the morning", "0 4 * * 5"),
    ("at 9 in the evening every day", "0 21 * * *"),
    ("on Tuesday and Thursday at 9 a.m.", "0 9 * * 2,4"),
    ("Monday through Thursday at 7", "0 7 * * 1-4"),
    ("Mon-Fri at 1530 hours", "30 15 * * 1-5"),
    ("Friday to Monday at noon", "0 12 * * 0,1,5,6"),
    ("weekends at 10:15", "15 10 * * 0,6"),
    ("daily at half past 7", "30 7 * * *"),
    ("nightly at 11pm", "0 23 * * *"),
    ("at midnight every day", "0 0 * * *"),
    ("at the end of each day", "0 17 * * *"),
    ("first thing every workday", "0 7 * * 1-5"),
    ("every day at 7am and 3pm", "0 7,15 * * *"),
    ("every two hours", "0 */2 * * *"),
    ("every 15 minutes", "*/15 * * * *"),
    ("hourly", "0 * * * *"),
    ("on the 1st of every month at 8", "0 8 1 * *"),
    ("the 15th of each month at 2 pm", "0 14 15 * *"),
    ("last Friday of the month at noon", "0 12 * * 5L"),
    ("first Monday of each month, 7am", "0 7 * * 1#1"),
    ("last day of the month at 5pm", "0 17 L * *"),
    ("quarterly at 9am", "0 9 1 1,4,7,10 *"),
    ("every three days at 8am", "0 8 */3 * *"),
    ("end of the week at 3pm", "0 15 * * 5"),
]


@pytest.mark.parametrize(("said", "cron"), SAID)
def test_a_schedule_in_words_becomes_cron(said: str, cron: str) -> None:
    when = read_when(said)

    assert when is not None
    assert when.like(None)[0] == cron
    assert isinstance(read_cron(cron), Cron)


@pytest.mark.parametrize(
    "said",
    [
        "the daily log of the site",
        "submittals due within 5 days",
        "due by Friday",
        "RFIs since last Monday",
        "older than 10 working days",
        "the 5th floor slab",
        "",
        "every new RFI",
    ],
)
def test_what_only_sounds_like_a_schedule_is_none(said: str) -> None:
    assert read_when(said) is None


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("each Friday at 4", "16:00, in the afternoon"),
        ("every other Monday at 10", "every week: a schedule cannot say every second one"),
        ("monthly at 9am", "the first day of the month"),
        ("every weekday at 7:00 and 15:30", "only the times at 00 past the hour: one schedule has one minute"),
        ("weekly at 9am", "Monday as the day of the week"),
        ("at 9am", "every day, weekends included"),
        ("every weekday", "07:00 as the time"),
    ],
)
def test_what_is_read_into_the_words_is_told(said: str, read: str) -> None:
    when = read_when(said)

    assert when is not None
    assert read in when.like(None)[1]


def test_what_is_left_open_is_taken_from_the_schedule_it_is_like() -> None:
    weekly, early = read_when("a weekly list"), read_when("at 6:15am")

    assert weekly is not None
    assert early is not None
    assert weekly.like("0 15 * * 5") == ("0 15 * * 5", [])
    assert early.like("0 15 * * 1-5") == ("15 6 * * 1-5", [])


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("at 9 Central", "America/Chicago"),
        ("9am CT every day", "America/Chicago"),
        ("every day at 9 Eastern time", "America/New_York"),
        ("at 7 PST", "America/Los_Angeles"),
        ("7:00 Denver time", "America/Denver"),
        ("at noon New York time", "America/New_York"),
        ("at 8 in Europe/London", "Europe/London"),
        ("at 8 UTC", "UTC"),
        ("response time of the RFIs", None),
        ("every time an RFI comes in", None),
        ("the central stair", None),
        ("est. cost", None),
    ],
)
def test_a_zone_is_taken_from_the_words_only_where_they_name_one(said: str, zone: str | None) -> None:
    assert read_zone(said) == zone
