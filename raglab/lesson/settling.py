"""Waiting for pods that a start of the cluster brings back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from raglab.lesson import cluster
from raglab.lesson.live import LiveLine
from raglab.lesson.waiting import GaveUp
from raglab.pocket.clock import timestamp
from raglab.pocket.objects import condition

LIMIT = 60.0  # seconds
INTERVAL = 0.25  # seconds


def now() -> str:
    """The time as Kubernetes writes it, to the second."""
    return timestamp(time.time())


def wait(pods: Iterable[tuple[str, str]], since: str) -> None:
    """Wait until all `pods` (namespace and name) that still exist have become ready `since` then.

    What their status said earlier is of another life of the cluster. Raises `GaveUp`.
    """
    wanted, deadline = set(pods), time.monotonic() + LIMIT
    with LiveLine() as line:
        while waiting := [name for name in _unready(since) if name in wanted]:
            if time.monotonic() > deadline:
                namespace, pod = waiting[0]
                event = cluster.last_event(pod, namespace) or "none"
                raise GaveUp(
                    f"pod/{pod} is not ready again. Last event: {event}. "
                    f"Look: kubectl describe pod {pod} -n {namespace}"
                )
            line.show(f"waiting for {len(waiting)} of {len(wanted)} pods to be ready again")
            time.sleep(INTERVAL)


def _unready(since: str) -> list[tuple[str, str]]:
    pods = cluster.items("pods", "-A")
    return [(p["metadata"]["namespace"], p["metadata"]["name"]) for p in pods if not _ready(p, since)]


def _ready(pod: dict[str, Any], since: str) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True" and found["lastTransitionTime"] >= since
