from datetime import UTC, datetime, timedelta

import pytest

from construction_mcp.server.dashboard.charts import gauge, span_bar, sparkline
from construction_mcp.server.dashboard.words import duration, when
from construction_mcp.store.overview import BEATS, Beat

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (None, "\u2013"),
        (0.0, "< 0.1 ms"),
        (1.25, "1.2 ms"),
        (999.4, "999 ms"),
        (1500, "1.5 s"),
        (59_400, "59 s"),
        (72_000, "1 min 12 s"),
        (3_600_000, "1 h"),
        (5_460_000, "1 h 31 min"),
        (3 * 86_400_000, "3 days"),
    ],
)
def test_durations_are_told_in_the_units_that_matter(ms, said):
    assert duration(ms) == said


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=-12), "12 s ago"),
        (timedelta(hours=2), "in 2 h"),
        (timedelta(days=-9), "9 days ago"),
    ],
)
def test_a_moment_is_told_as_how_long_ago_or_ahead_with_the_moment_behind_it(apart, said):
    shown = when(NOW + apart, NOW)

    assert f">{said}</time>" in shown
    assert f'datetime="{(NOW + apart).isoformat().replace("+00:00", "Z")}"' in shown


def test_a_sparkline_says_in_words_what_it_shows_and_marks_failures_besides_the_colour():
    beats = [Beat("completed", NOW, 10.0), Beat("failed", NOW, 1e9), Beat("running", NOW, None)]
    drawn = sparkline(beats, "Runs")

    assert 'aria-label="Runs: 3 latest runs, 1 completed, 1 failed, 1 running"' in drawn
    assert drawn.count("<circle") == 1
    assert drawn.count("<rect") == len(beats) + 1


def test_a_sparkline_never_leaves_its_frame():
    beats = [Beat("failed", NOW, 10.0**power) for power in range(BEATS)]

    assert 'y="-' not in sparkline(beats, "Runs")


@pytest.mark.parametrize(("left", "tone"), [(600, "good"), (100, "wait"), (20, "bad"), (0, None)])
def test_a_gauge_changes_its_tone_as_it_empties(left, tone):
    drawn = gauge(left, 600, "This hour")

    assert f"{left} of 600 requests left" in drawn
    assert (f'class="{tone}"' in drawn) == (tone is not None)


@pytest.mark.parametrize("end", [NOW, NOW + timedelta(hours=1)])
def test_a_bar_of_a_step_stays_within_its_run(end):
    drawn = span_bar(NOW, end + timedelta(seconds=5), NOW, end, "completed")

    assert 'x="0" y="0" width="1000"' in drawn or 'width="8"' in drawn
