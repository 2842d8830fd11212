"""The status of a Prometheus: its pods, and whether it is as its objects say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from raglab.services.addons.prometheus_operator import objects, pods

Object = dict[str, Any]


def of(prometheus: Object, workload: Object | None, problem: str) -> Object:
    """The new status, from the StatefulSet (None if it could not be made) and what went wrong."""
    before: Object = prometheus.get("status") or {}
    counts = _counts(workload) if workload else {key: before.get(key, 0) for key in _counts({})}
    wanted = objects.replicas(prometheus)
    available = counts["availableReplicas"]
    degraded = "Degraded" if available else "False"
    ready = "True" if available >= wanted else degraded
    reason = "" if ready == "True" else "NoPodReady" if not available else "SomePodsNotReady"
    generation = prometheus["metadata"].get("generation", 1)
    conditions = [
        _condition(before, "Available", ready, reason, "", generation),
        _condition(
            before,
            "Reconciled",
            "False" if problem else "True",
            "ReconciliationFailed" if problem else "",
            problem,
            generation,
        ),
    ]
    labels = ",".join(
        f"{key}={value}" for key, value in pods.selector(prometheus["metadata"]["name"]).items()
    )
    return {
        "paused": bool(prometheus["spec"].get("paused")),
        **counts,
        "shards": 1,
        "selector": labels,
        "shardStatuses": [{"shardID": "0", **counts}],
        "conditions": conditions,
    }


def _counts(workload: Object) -> Object:
    found = workload.get("status") or {}
    replicas, available = found.get("replicas", 0), found.get("availableReplicas", 0)
    return {
        "replicas": replicas,
        "updatedReplicas": found.get("updatedReplicas", 0),
        "availableReplicas": available,
        "unavailableReplicas": max(replicas - available, 0),
    }


def _condition(before: Object, kind: str, value: str, reason: str, message: str, generation: int) -> Object:
    """A condition that keeps the time since which it has its value."""
    old = next((item for item in before.get("conditions") or () if item["type"] == kind), None)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    since = old["lastTransitionTime"] if old and old["status"] == value else now
    return {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
