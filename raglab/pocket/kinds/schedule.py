"""Cron schedules: what is one, why something is none, and when it is due next.

Grammar and error texts are those of ``github.com/robfig/cron`` (ParseStandard), which a real control plane uses. That
is why no library stands here: those for Python accept other things (``7``, ``L``) and not these (``?``, ``@every``).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""Minute, hour, day of the month, month, day of the week: smallest, largest, and names."""
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?)(h|ms|m|s)")
_LONGEST = 5 * 366
"""Days that are looked ahead: a schedule that is not due in five years is never due."""


class Schedule(NamedTuple):
    """When something is due: at minutes that match every field, or every so many seconds."""

    fields: tuple[frozenset[int], ...] = ()
    stars: tuple[bool, ...] = ()
    every: int = 0

    def after(self, moment: float, zone: tzinfo) -> float | None:
        """The first time after `moment` by the clocks of `zone`, None if there is none; seconds since the epoch."""
        if self.every:
            return float(int(moment) + self.every)
        now = datetime.fromtimestamp(moment, zone)
        days = (now.date() + timedelta(days=ahead) for ahead in range(_LONGEST))
        hours = ((day, hour) for day in days if self._is_day(day) for hour in sorted(self.fields[1]))
        rest = (item for item in hours if item >= (now.date(), now.hour))
        times = (time for day, hour in rest for time in self._times(day, hour, zone) if time > moment)
        return next(times, None)

    def _is_day(self, day: date) -> bool:
        """The two kinds of days: both must match, but if both are given, one is enough."""
        _, _, month_days, months, week_days = self.fields
        matches = (day.day in month_days, (day.weekday() + 1) % 7 in week_days)
        enough = all(matches) if self.stars[2] or self.stars[4] else any(matches)
        return day.month in months and enough

    def _times(self, day: date, hour: int, zone: tzinfo) -> list[float]:
        """The due times of an hour, in order: none if clocks skip it, all of them twice if clocks repeat it."""
        walls = (
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
            for minute in self.fields[0]
            for fold in (0, 1)
        )
        return sorted({wall.timestamp() for wall in walls if _exists(wall)})


def _exists(wall: datetime) -> bool:
    again = wall.astimezone(UTC).astimezone(wall.tzinfo)
    return again.replace(tzinfo=None, fold=0) == wall.replace(tzinfo=None, fold=0)


@lru_cache(maxsize=256)
def parse(text: str) -> Schedule:
    """Read a schedule. `ValueError` says what is wrong, in the words of a real control plane."""
    if not text:
        raise ValueError("empty spec string")
    if text.startswith("@every "):
        return Schedule(every=_seconds(text.removeprefix("@every "), text))
    if text.startswith("@"):
        if text not in _SHORT:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _SHORT[text]
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    fields = [_field(part, *bounds) for part, bounds in zip(parts, _FIELDS, strict=True)]
    stars = (any(item in ("*", "?", "*/1", "?/1") for item in part.split(",")) for part in parts)
    return Schedule(tuple(fields), tuple(stars))


def _seconds(duration: str, text: str) -> int:
    parts = _DURATION.findall(duration)
    if not parts or "".join(map("".join, parts)) != duration:
        raise ValueError(f'failed to parse duration {text}: time: invalid duration "{duration}"')
    return max(1, int(sum(float(number) * _UNITS[unit] for number, unit in parts)))


def _field(text: str, least: int, most: int, names: dict[str, int]) -> frozenset[int]:
    return frozenset().union(*(_range(item, least, most, names) for item in text.split(",") if item))


def _range(text: str, least: int, most: int, names: dict[str, int]) -> range:
    span, *steps = text.split("/")
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    ends = span.split("-")
    if len(ends) > 2:
        raise ValueError(f"too many hyphens: {text}")
    if ends[0] in ("*", "?"):
        first, last = least, most
    else:
        first = _number(ends[0], names)
        last = _number(ends[1], names) if len(ends) == 2 else most if steps else first
    step = _number(steps[0], {}) if steps else 1
    if first < least:
        raise ValueError(f"beginning of range ({first}) below minimum ({least}): {text}")
    if last > most:
        raise ValueError(f"end of range ({last}) above maximum ({most}): {text}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step)


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if int(text) < 0:
        raise ValueError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)
