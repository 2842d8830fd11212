"""Time ranges as dashboards and URLs write them, and the distance of points that fits one."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Distances of points in seconds; beyond a day, whole days are used."""
_RELATIVE = re.compile(r"now(?:-(\d+)([smhdwy]))?")
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")


class RangeError(ValueError):
    """A time that cannot be read; the message says which."""


def seconds(duration: str) -> float:
    """``15s``, ``5m``, ``500ms`` as seconds; raises `RangeError`."""
    found = _DURATION.fullmatch(duration.strip())
    if not found:
        raise RangeError(f"{duration!r} is no duration such as 30s or 5m")
    amount, name = int(found[1]), found[2]
    return amount / 1000 if name == "ms" else float(amount * UNITS[name])


def duration(length: float) -> str:
    """Seconds as Prometheus writes them, in the largest unit that divides them: ``90s``, ``15m``, ``500ms``."""
    if length != int(length):
        return f"{round(length * 1000)}ms"
    name = max((key for key in "smhd" if int(length) % UNITS[key] == 0), key=UNITS.__getitem__)
    return f"{int(length) // UNITS[name]}{name}"


@dataclass(frozen=True)
class TimeRange:
    """From `start` to `end`, in seconds since the epoch."""

    start: float
    end: float

    @classmethod
    def parse(cls, start: str, end: str, now: float) -> TimeRange:
        """Of a URL's ``from`` and ``to``: ``now-15m``, ``now``, or milliseconds since the epoch; else `RangeError`."""
        found = cls(_moment(start, now), _moment(end, now))
        if found.start >= found.end:
            raise RangeError(f"the time range ends ({end}) before it begins ({start})")
        return found

    @property
    def length(self) -> float:
        """In seconds."""
        return self.end - self.start

    def step(self, points: int, shortest: float) -> float:
        """Distance of points so that about `points` fit the range, and not under `shortest` seconds."""
        wanted = max(self.length / points, shortest)
        return float(next((step for step in STEPS if step >= wanted), -(-wanted // 86400) * 86400))

    def aligned(self, step: float) -> TimeRange:
        """The range with its ends on multiples of `step`, so that points stay where they are while time goes on."""
        return TimeRange(self.start // step * step, self.end // step * step)


def _moment(text: str, now: float) -> float:
    if text.isdigit():
        return int(text) / 1000
    found = _RELATIVE.fullmatch(text.strip())
    if not found:
        raise RangeError(f"{text!r} is no time such as now, now-15m or 1700000000000")
    return now - (int(found[1]) * UNITS[found[2]] if found[1] else 0)
