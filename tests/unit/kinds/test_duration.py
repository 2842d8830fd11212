import pytest

from raglab.pocket.kinds import duration

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119.9, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 3, "2m3s"),
        (10 * MINUTE + 30, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (9 * HOUR + 59 * MINUTE, "9h"),
        (47 * HOUR, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (300 * DAY, "300d"),
        (2 * 365 * DAY + DAY, "2y1d"),
        (9 * 365 * DAY + 7 * DAY, "9y"),
    ],
)
def test_two_units_at_most(seconds, shown):
    assert duration.human(seconds) == shown


def test_ages_of_timestamps():
    now = duration.seconds("2026-11-21T12:00:30Z")
    assert duration.since("2026-11-21T12:00:00Z", now) == "30s"
    assert duration.since("2026-11-21T11:00:00.250000Z", now) == "60m"
    assert duration.since(None, now) == "<unknown>"
