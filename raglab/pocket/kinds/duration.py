"""How kubectl writes ages: two units at most, the smaller one only while it still matters.

The thresholds are those of ``HumanDuration`` in k8s.io/apimachinery/pkg/util/duration.
"""

from __future__ import annotations

from datetime import datetime

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


def human(seconds: float) -> str:
    """``5s``, ``2m3s``, ``10m``, ``3h5m``, ``2d1h``, ``1y20d``. Up to two seconds of clock skew read as ``0s``."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 2 * MINUTE:
        return f"{max(total, 0)}s"
    if total < 10 * MINUTE:
        return _two(total, MINUTE, "m", 1, "s")
    if total < 3 * HOUR:
        return f"{total // MINUTE}m"
    if total < 8 * HOUR:
        return _two(total, HOUR, "h", MINUTE, "m")
    if total < 2 * DAY:
        return f"{total // HOUR}h"
    if total < 8 * DAY:
        return _two(total, DAY, "d", HOUR, "h")
    if total < 2 * YEAR:
        return f"{total // DAY}d"
    return _two(total, YEAR, "y", DAY, "d") if total < 8 * YEAR else f"{total // YEAR}y"


def _two(total: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = total % big // small
    return f"{total // big}{big_name}" + (f"{rest}{small_name}" if rest else "")


def since(timestamp: str | None, now: float) -> str:
    """The age of an API timestamp; ``<unknown>`` without one."""
    return human(now - seconds(timestamp)) if timestamp else "<unknown>"


def seconds(timestamp: str) -> float:
    """An API timestamp in seconds since the epoch."""
    return datetime.fromisoformat(timestamp).timestamp()
