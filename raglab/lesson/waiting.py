"""Bounded waiting: `wait_for` says what it waits for, and when it gives up, why."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from raglab.lesson import cluster
from raglab.lesson.live import LiveLine

INTERVAL = 0.5  # seconds between looks

State = tuple[bool, str]
"""Whether the object is there yet, and its state in a few words."""


class GaveUp(Exception):
    """The wait has ended without success; the message names the object and its last event."""

    def _render_traceback_(self) -> list[str]:
        return [f"GaveUp: {self}"]


def _pod(pod: dict[str, Any]) -> State:
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True", "Ready" if conditions.get("Ready") == "True" else pod["status"][
        "phase"
    ]


def _replicas(workload: dict[str, Any]) -> State:
    wanted, status = workload["spec"].get("replicas", 1), workload["status"]
    current = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    ready = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0))
    return current and ready >= wanted, f"{ready} of {wanted} replicas ready"


def _daemons(workload: dict[str, Any]) -> State:
    """One that is wanted on no node is not ready: what puts it there is still to come."""
    status = workload["status"]
    current = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    wanted = status.get("desiredNumberScheduled", 0)
    ready = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0))
    return current and ready >= wanted > 0, f"ready on {ready} of {wanted} nodes"


def _job(job: dict[str, Any]) -> State:
    return bool(job["status"].get("succeeded")), "complete" if job["status"].get("succeeded") else "running"


def _claim(claim: dict[str, Any]) -> State:
    return claim["status"]["phase"] == "Bound", claim["status"]["phase"]


RULES: dict[str, Callable[[dict[str, Any]], State]] = {
    "pod": _pod,
    "deployment": _replicas,
    "statefulset": _replicas,
    "daemonset": _daemons,
    "job": _job,
    "pvc": _claim,
}


def wait_for(
    *objects: str,
    namespace: str = cluster.NAMESPACE,
    seconds: float = 120,
    until: Callable[[], object] | None = None,
) -> None:
    """Wait until all `objects` (such as ``statefulset/pgvector``) are ready, at most `seconds` together.

    With `until` they are words for what it tells when it returns something true. Raises `GaveUp` with the object's
    state and its last event.
    """
    if until is not None:
        _until_true(" ".join(objects), until, time.monotonic() + seconds)
        return
    states = wait_quietly(*objects, namespace=namespace, seconds=seconds)
    for name, state in zip(objects, states, strict=True):
        print(f"✓ {name}: {state}")


def wait_quietly(*objects: str, namespace: str = cluster.NAMESPACE, seconds: float = 120) -> list[str]:
    """Like `wait_for`, but returns the states instead of printing them."""
    deadline = time.monotonic() + seconds
    with LiveLine() as line:
        return [_until_ready(name, namespace, deadline, line) for name in objects]


def _until_true(words: str, seen: Callable[[], object], deadline: float) -> None:
    with LiveLine() as line:
        while not seen():
            if (left := deadline - time.monotonic()) < 0:
                raise GaveUp(f"{words}: not seen in time")
            line.show(f"waiting for {words}, {left:.0f} s left")
            time.sleep(INTERVAL)
    print(f"✓ {words}")


def _until_ready(name: str, namespace: str, deadline: float, line: LiveLine) -> str:
    kind, _, short = name.partition("/")
    while True:
        ready, state = RULES[kind](cluster.get(kind, short, namespace=namespace))
        if ready:
            return state
        left = deadline - time.monotonic()
        if left < 0:
            event = cluster.last_event(short, namespace) or "none"
            raise GaveUp(
                f"{name} is not ready: {state}. Last event: {event}. Look: kubectl describe {kind} {short}"
            )
        line.show(f"waiting for {name}: {state}, {left:.0f} s left")
        time.sleep(INTERVAL)
