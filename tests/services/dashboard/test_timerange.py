"""Times in URLs, and how many points fit between them."""

from __future__ import annotations

import pytest

from raglab.services.addons.dashboard.timerange import RangeError, TimeRange, duration, seconds

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("now-15m", "now", (NOW - 900, NOW)),
        ("now-2d", "now-1h", (NOW - 172800, NOW - 3600)),
        ("1699999000000", "1700000000000", (1_699_999_000.0, NOW)),
    ],
)
def test_reads_relative_and_absolute_times(start, end, found):
    over = TimeRange.parse(start, end, NOW)
    assert (over.start, over.end) == found


@pytest.mark.parametrize(
    ("start", "end"), [("yesterday", "now"), ("now", "now-5m"), ("", "now"), ("now-5x", "now")]
)
def test_refuses_what_is_no_range(start, end):
    with pytest.raises(RangeError):
        TimeRange.parse(start, end, NOW)


@pytest.mark.parametrize(
    ("length", "points", "shortest", "step"),
    [(900, 240, 1, 5), (900, 240, 15, 15), (3600, 100, 1, 60), (86400 * 400, 100, 15, 86400 * 4)],
)
def test_the_step_is_round_and_not_under_the_scrape_interval(length, points, shortest, step):
    assert TimeRange(NOW - length, NOW).step(points, shortest) == step


def test_points_stay_where_they_are_while_time_goes_on():
    first, later = (TimeRange(NOW - 900 + shift, NOW + shift).aligned(15) for shift in (0, 7))
    assert (later.start - first.start) % 15 == 0


@pytest.mark.parametrize("text", ["15s", "5m", "90s", "2h", "1d"])
def test_durations_are_written_as_they_are_read(text):
    assert duration(seconds(text)) == text


def test_a_duration_needs_a_unit():
    with pytest.raises(RangeError, match="15"):
        seconds("15")
