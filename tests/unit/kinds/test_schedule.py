"""Cron schedules: what they say of time, daylight saving included, and why some are refused."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from raglab.pocket.kinds.schedule import parse


def times(schedule, start, count=3, zone="UTC"):
    zone, found = ZoneInfo(zone), []
    moment = datetime.fromisoformat(start).replace(tzinfo=zone).timestamp()
    for _ in range(count):
        moment = parse(schedule).after(moment, zone)
        found.append(datetime.fromtimestamp(moment, zone).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        ("*/20 * * * *", ["2026-11-24T10:20", "2026-11-24T10:40", "2026-11-24T11:00"]),
        ("30 8 * * *", ["2026-11-25T08:30", "2026-11-26T08:30", "2026-11-27T08:30"]),
        ("0 0 1 * *", ["2026-12-01T00:00", "2027-01-01T00:00", "2027-02-01T00:00"]),
        ("0 12 * * MON-FRI", ["2026-11-24T12:00", "2026-11-25T12:00", "2026-11-26T12:00"]),
        ("0 9 13 * FRI", ["2026-11-27T09:00", "2026-12-04T09:00", "2026-12-11T09:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00"]),
        ("15,45 10-11 ? * *", ["2026-11-24T10:15", "2026-11-24T10:45", "2026-11-24T11:15"]),
        ("5/25 10 * * *", ["2026-11-24T10:05", "2026-11-24T10:30", "2026-11-24T10:55"]),
        ("@weekly", ["2026-11-29T00:00", "2026-12-06T00:00", "2026-12-13T00:00"]),
        ("@every 1h30m", ["2026-11-24T11:30", "2026-11-24T13:00", "2026-11-24T14:30"]),
    ],
)
def test_times(schedule, found):
    assert times(schedule, "2026-11-24T10:00", len(found)) == [f"{item}+00:00" for item in found]


def test_clocks_that_change():
    berlin = {"zone": "Europe/Berlin"}
    assert times("30 2 * * *", "2026-03-28T12:00", 2, **berlin) == [
        "2026-03-30T02:30+02:00",
        "2026-03-31T02:30+02:00",
    ]
    assert times("30 2 * * *", "2026-10-24T12:00", **berlin) == [
        "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00",
    ]  # fmt: skip


def test_a_day_that_never_comes():
    assert parse("0 0 31 2 *").after(1_800_000_000.0, ZoneInfo("UTC")) is None


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("@sometimes", "unrecognized descriptor: @sometimes"),
        ("@every day", 'failed to parse duration @every day: time: invalid duration "day"'),
    ],
)
def test_refusals(schedule, why):
    with pytest.raises(ValueError) as error:
        parse(schedule)
    assert str(error.value) == why
