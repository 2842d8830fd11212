"""Waiting for pods that a start of the cluster brings back."""

from __future__ import annotations

import time

from raglab.lesson import cluster
from raglab.lesson.live import LiveLine
from raglab.lesson.waiting import GaveUp
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import container_ids, is_ready
from raglab.pocket.restoring import Lives

LIMIT = 60.0  # seconds
INTERVAL = 0.25  # seconds


def wait(pods: Lives) -> None:
    """Wait until all `pods` that still exist are ready again, with other containers than those of their earlier life.

    Containers tell lives apart: what a pod's status says may be left of the earlier one, and its times are whole
    seconds, in which a cluster ends and starts. Raises `GaveUp`.
    """
    deadline = time.monotonic() + LIMIT
    with LiveLine() as line:
        while waiting := _unready(pods):
            if time.monotonic() > deadline:
                namespace, pod = waiting[0]
                event = cluster.last_event(pod, namespace) or "none"
                raise GaveUp(
                    f"pod/{pod} is not ready again. Last event: {event}. "
                    f"Look: kubectl describe pod {pod} -n {namespace}"
                )
            line.show(f"waiting for {len(waiting)} of {len(pods)} pods to be ready again")
            time.sleep(INTERVAL)


def _unready(pods: Lives) -> list[Key]:
    found = {key_of(pod): pod for pod in cluster.items("pods", "-A")}
    return [
        name
        for name, earlier in pods.items()
        if name in found and not (is_ready(found[name]) and earlier.isdisjoint(container_ids(found[name])))
    ]
