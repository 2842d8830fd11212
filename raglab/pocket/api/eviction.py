"""Eviction: deleting a pod politely, if its disruption budget allows it. What ``kubectl drain`` asks for.

Rules and texts: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/.
"""

from __future__ import annotations

from raglab.pocket.api.registry import DeleteOptions, Options, Registry
from raglab.pocket.client import Object
from raglab.pocket.control import budgets
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.objects import is_deleting, is_ready, phase, with_condition

RETRY_SECONDS = 10
TOLD = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}


def evict(registry: Registry, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> None:
    """Delete a pod; 429 if its budget has no room for that now, 500 if it has several budgets."""
    pod = registry.get(kind, namespace, name)
    now = registry.clock.time()
    if not _is_over(pod):
        _ask_budget(registry, pod, now, options)
    if not options.dry_run:
        conditions = with_condition(pod.get("status", {}).get("conditions", ()), TOLD, now)
        _write_status(registry, kind, pod, {"conditions": conditions})
    registry.delete(kind, namespace, name, options)


def _is_over(pod: Object) -> bool:
    """Nobody misses a pod that does not run."""
    return phase(pod) in ("Succeeded", "Failed", "Pending") or is_deleting(pod)


def _ask_budget(registry: Registry, pod: Object, now: float, options: DeleteOptions) -> None:
    shelf = registry.kinds.plural("poddisruptionbudgets")
    listed = registry.list(shelf, pod["metadata"]["namespace"]).items
    found = [item for item in listed if budgets.covers(item, pod)]
    if len(found) > 1:
        text = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise StatusError(500, "", text)
    for budget in found:
        status = budget.get("status", {})
        if not is_ready(pod) and _spares_unready(budget, status):
            return
        _check(budget, status)
        if not options.dry_run:
            _write_status(registry, shelf, budget, budgets.evicted(status, pod, now))


def _spares_unready(budget: Object, status: Object) -> bool:
    """Whether a pod that is not ready may go, as it counts for nothing."""
    enough = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
    return enough or budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"


def _check(budget: Object, status: Object) -> None:
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(why, {"retryAfterSeconds": RETRY_SECONDS})
    if not status.get("disruptionsAllowed"):
        wanted, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        why = f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
        raise _too_many(why, {})


def _too_many(why: str, details: Object) -> StatusError:
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    causes = [{"reason": "DisruptionBudget", "message": why}]
    return StatusError(429, "TooManyRequests", text, details | {"causes": causes})


def _write_status(registry: Registry, kind: Kind, obj: Object, status: Object) -> None:
    meta = obj["metadata"]
    new = obj | {"status": obj.get("status", {}) | status}
    registry.update(kind, meta.get("namespace", ""), meta["name"], new, Options(subresource="status"))
