"""When a CronJob is due: which start it has missed, and when the next one is.

Rules: Kubernetes documentation, "CronJob", and the CronJob controller.
"""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from raglab.pocket.client import Object
from raglab.pocket.kinds.schedule import Schedule, parse
from raglab.pocket.objects import seconds

MANY = 100
"""More missed starts than this are remarkable."""


class Due(NamedTuple):
    """The latest start up to now (None if there is none), how many there were, and when the next is; seconds since the
    epoch."""

    latest: float | None
    missed: int
    following: float | None


def zone_of(cron_job: Object) -> ZoneInfo:
    """Whose clocks count. `KeyError` if nobody knows the zone."""
    return ZoneInfo(cron_job["spec"].get("timeZone") or "UTC")


def due(cron_job: Object, now: float) -> Due:
    """What its schedule says at `now`, in its time zone. `ValueError` if it cannot be read.

    Starts count from the last one, or from the creation, and not from before the deadline for starting.
    """
    spec, status = cron_job["spec"], cron_job.get("status", {})
    schedule, zone = parse(spec["schedule"]), zone_of(cron_job)
    earliest = seconds(status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
    if spec.get("startingDeadlineSeconds") is not None:
        earliest = max(earliest, now - spec["startingDeadlineSeconds"])
    latest, missed = _latest(schedule, zone, earliest, now)
    # An interval counts from the last start, not from whenever somebody asks.
    return Due(latest, missed, schedule.after((latest or earliest) if schedule.every else now, zone))


def _latest(schedule: Schedule, zone: ZoneInfo, earliest: float, now: float) -> tuple[float | None, int]:
    """The last start after `earliest` and up to `now`, and about how many there were."""
    latest = schedule.after(earliest, zone)
    if latest is None or latest > now:
        return None, 0
    second = schedule.after(latest, zone)
    if second is None or second > now:
        return latest, 1
    period = second - latest
    count = int((now - latest) // period) + 1
    if count > 2:  # skip what nobody asks for: a cluster may have been away for months
        latest += (count - 2) * period
    while (following := schedule.after(latest, zone)) and following <= now:
        latest = following
    return latest, count
