"""What an autoscaler has decided last, and from which value: read from its status."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from raglab.lesson import cluster

MILLI = 1000


@dataclass(frozen=True, slots=True)
class Decision:
    """One look of the autoscaler: `current` replicas, the metric's `value`, the replicas it then `wanted`, and the
    reasons of its conditions. `seconds` counts from the beginning of a recording."""

    current: int
    value: float
    target: float
    wanted: int
    able: str
    limited: str
    why: str
    seconds: float = 0.0

    def at(self, seconds: float) -> Decision:
        """The same, seen at that moment."""
        return replace(self, seconds=seconds)

    def repeats(self, other: Decision) -> bool:
        """Whether nothing but the moment differs."""
        return self.at(0) == other.at(0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A workload's replicas, and its autoscaler's last decision, None while that has no metric."""

    ready: int
    asked: int
    decision: Decision | None


def look(autoscaler: str, workload: str) -> Seen:
    """An autoscaler and its StatefulSet at this moment, in one request."""
    names = (f"hpa/{autoscaler}", f"statefulset/{workload}")
    text = cluster.kubectl("get", *names, "-n", cluster.NAMESPACE, "-o", "json", "--ignore-not-found")
    found = {item["kind"]: item for item in json.loads(text)["items"]}
    replicas = found["StatefulSet"]
    return Seen(
        ready=replicas["status"].get("readyReplicas", 0),
        asked=replicas["spec"]["replicas"],
        decision=decision(found.get("HorizontalPodAutoscaler", {})),
    )


def decision(hpa: dict[str, Any]) -> Decision | None:
    """The decision in the status of an autoscaler with one `Pods` metric; None while it has none.

    After a change of the metric, the status speaks of the one before until the controller comes by.
    """
    status = hpa.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    metrics = [m for m in status.get("currentMetrics") or [] if m.get("type") == "Pods"]
    asked = hpa.get("spec", {}).get("metrics", [{}])[0].get("pods", {})
    if not metrics or metrics[0]["pods"]["metric"] != asked["metric"]:
        return None
    if conditions.get("ScalingActive", {}).get("status") != "True":
        return None
    able, limited = conditions["AbleToScale"], conditions.get("ScalingLimited", {})
    return Decision(
        current=status["currentReplicas"],
        value=quantity(metrics[0]["pods"]["current"]["averageValue"]),
        target=quantity(asked["target"]["averageValue"]),
        wanted=status["desiredReplicas"],
        able=able["reason"],
        limited=limited.get("reason", ""),
        why=f"{able['message']}; {limited.get('message', '')}".strip("; "),
    )


def quantity(text: str) -> float:
    """``"97500m"`` is 97.5: how Kubernetes writes numbers that are no whole ones."""
    return float(text[:-1]) / MILLI if text.endswith("m") else float(text)
