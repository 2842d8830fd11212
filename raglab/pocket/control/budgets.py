"""Disruption budgets: which pods one covers, and what its status says about how many of them may be missed.

Rules: Kubernetes documentation, "Disruptions", and the disruption controller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.rollout import share
from raglab.pocket.objects import is_deleting, is_ready, labels_of, seconds, selects, with_condition

BELIEVED = 120.0
"""Seconds in which a pod whose eviction was allowed counts as gone, even if nobody has deleted it yet."""
ALLOWED = "DisruptionAllowed"


class Scale(NamedTuple):
    """How many pods the owners of the covered pods want, and the names of those that have no such owner."""

    replicas: int
    unmanaged: list[str]


def covers(budget: Object, pod: Object) -> bool:
    """Whether a budget counts a pod. One without selector counts none."""
    selector = budget["spec"].get("selector")
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and bool(selector) and selects(selector, labels_of(pod))


def disrupted(budget: Object) -> dict[str, str]:
    """Pods whose eviction was allowed and has not been seen yet, with the time of that."""
    return budget.get("status", {}).get("disruptedPods") or {}


def has_scale(budget: Object) -> bool:
    """Whether the number of pods that should be there depends on what their owners want."""
    spec = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def status_of(budget: Object, pods: list[Object], scale: Scale, now: float) -> Object:
    """The status of a budget that covers `pods`."""
    waiting = {
        name: since
        for name, since in disrupted(budget).items()
        if seconds(since) + BELIEVED > now
        and any(pod["metadata"]["name"] == name and not is_deleting(pod) for pod in pods)
    }
    healthy = sum(_is_healthy(pod, waiting) for pod in pods)
    expected = scale.replicas if has_scale(budget) else len(pods)
    status: Object = {
        "currentHealthy": healthy,
        "desiredHealthy": _desired(budget["spec"], expected),
        "expectedPods": expected,
        "observedGeneration": budget["metadata"].get("generation", 0),
    }
    spare = healthy - status["desiredHealthy"] if expected > 0 else 0
    if waiting:
        status["disruptedPods"] = waiting
    status["conditions"] = budget.get("status", {}).get("conditions", [])
    return allowing(status, max(0, spare), now)


def allowing(status: Object, disruptions: int, now: float) -> Object:
    """`status` with this many disruptions, and the condition that follows from it."""
    told = {
        "type": ALLOWED,
        "status": str(disruptions > 0),
        "reason": "SufficientPods" if disruptions else "InsufficientPods",
        "message": "",
        "observedGeneration": status["observedGeneration"],
    }
    conditions = with_condition(status.get("conditions", ()), told, now)
    return status | {"disruptionsAllowed": disruptions, "conditions": conditions}


def evicted(status: Object, pod: Object, now: float) -> Object:
    """`status` with one disruption less, as `pod` is about to go."""
    waiting = (status.get("disruptedPods") or {}) | {pod["metadata"]["name"]: timestamp(now)}
    return allowing(status | {"disruptedPods": waiting}, status["disruptionsAllowed"] - 1, now)


def until_doubted(budget: Object, now: float) -> float | None:
    """Seconds until a promised eviction is no longer believed in; None if there is none."""
    return min((seconds(since) + BELIEVED - now for since in disrupted(budget).values()), default=None)


def scale_of(owners: Iterable[tuple[Object, Object | None]]) -> Scale:
    """From every pod with the owner that says how many of its kind there should be."""
    pairs = list(owners)
    wanted = {owner["metadata"]["uid"]: owner["spec"].get("replicas", 1) for _, owner in pairs if owner}
    return Scale(sum(wanted.values()), [pod["metadata"]["name"] for pod, owner in pairs if owner is None])


def _is_healthy(pod: Object, waiting: dict[str, str]) -> bool:
    return is_ready(pod) and not is_deleting(pod) and pod["metadata"]["name"] not in waiting


def _desired(spec: Object, expected: int) -> int:
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - share(spec["maxUnavailable"], expected, round_up=True))
    return share(spec.get("minAvailable", 1), expected, round_up=True)
