"""Event: forgotten an hour after it was last told."""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import nobody
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import seconds

LIFETIME = 3600.0
"""Seconds (the API server's ``--event-ttl``)."""
SWEEP = 60.0
"""Seconds between two looks at all Events."""


def plan(view: View, key: Key, now: float) -> Plan:
    """Delete all Events that are too old; the key does not matter, for this looks at them together."""
    result = Plan(again=SWEEP)
    for event in view["events"]:
        if _last_told(event) + LIFETIME <= now:
            result.delete("events", event)
    return result


def _last_told(event: Object) -> float:
    series = event.get("series") or {}
    stamps = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return seconds(next((stamp for stamp in stamps if stamp), event["metadata"]["creationTimestamp"]))


CONTROLLER = Controller("event-expiry", plan, {"namespaces": lambda *_: [("", "")], "events": nobody})
