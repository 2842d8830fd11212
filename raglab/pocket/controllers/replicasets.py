"""ReplicaSet: keeps as many pods as asked for, all from one template."""

from __future__ import annotations

from functools import partial

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import claim, itself, owner_or_adopters
from raglab.pocket.control.reconcile import Action, Controller, Note, Plan, View
from raglab.pocket.errors import StatusError
from raglab.pocket.informer import Key
from raglab.pocket.objects import (
    condition,
    is_active,
    is_deleting,
    is_finished,
    is_ready,
    labels_of,
    owner_reference,
    phase,
    seconds,
    seconds_until_available,
    with_condition,
)

FAILURE = "ReplicaFailure"
"""Type of the condition that tells why pods are missing."""


def plan(view: View, key: Key, now: float) -> Plan:
    """Create or delete pods until their number is right, and report it."""
    result = Plan()
    replica_set = view["replicasets"].get(key[1], key[0])
    if replica_set is None:
        return result
    pods = claim(view, "pods", replica_set, result)
    active = [pod for pod in pods if is_active(pod)]
    _report(result, replica_set, pods, active, now)
    if not is_deleting(replica_set):
        _resize(result, replica_set, active, now)
    return result


def _missing(owner: Object, active: list[Object]) -> int:
    return int(owner["spec"].get("replicas", 1)) - len(active)


def _resize(result: Plan, owner: Object, active: list[Object], now: float) -> None:
    missing = _missing(owner, active)
    for _ in range(missing):
        created = Note(owner, "SuccessfulCreate", "Created pod: {name}")
        refused = Note(owner, "FailedCreate", "Error creating: {error}", "Warning")
        result.create("pods", _new_pod(owner), created, refused, otherwise=partial(_failure, owner, now))
    for pod in sorted(active, key=_keep_rank)[: max(0, -missing)]:
        result.delete("pods", pod, Note(owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}"))


def _failure(owner: Object, now: float, error: StatusError) -> Action | None:
    """Say in the status that pods cannot be created, and why; once, as the name in the message is another each time."""
    if condition(owner, FAILURE):
        return None
    told = {"type": FAILURE, "status": "True", "reason": "FailedCreate", "message": str(error)}
    conditions = with_condition(owner.get("status", {}).get("conditions", ()), told, now)
    patch = {"status": {"conditions": conditions}}
    return Action("patch", "replicasets", owner, patch=patch, subresource="status")


def _new_pod(owner: Object) -> Object:
    template = owner["spec"]["template"]
    metadata = {
        "generateName": owner["metadata"]["name"] + "-",
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner)],
    }
    copied = {
        k: v for k, v in template.get("metadata", {}).items() if k in ("labels", "annotations", "finalizers")
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": copied | metadata, "spec": template["spec"]}


def _keep_rank(pod: Object) -> tuple[bool | int | float, ...]:
    """Sorts the pods that may go first to the front: those of least use, and of equals the youngest."""
    cost = (pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    ready = condition(pod, "Ready") or {}
    restarts = [item.get("restartCount", 0) for item in pod.get("status", {}).get("containerStatuses", ())]
    return (
        bool(pod["spec"].get("nodeName")),
        ("Pending", "Unknown", "Running").index(phase(pod) or "Pending"),
        is_ready(pod),
        int(cost),
        -seconds(ready["lastTransitionTime"]) if is_ready(pod) else 0,
        -max(restarts, default=0),
        -seconds(pod["metadata"]["creationTimestamp"]),
    )


def _report(result: Plan, owner: Object, pods: list[Object], active: list[Object], now: float) -> None:
    spec, old = owner["spec"], owner.get("status", {})
    template_labels = (spec["template"].get("metadata", {}).get("labels") or {}).items()
    waits = [seconds_until_available(pod, spec.get("minReadySeconds", 0), now) for pod in active]
    counts = {
        "fullyLabeledReplicas": sum(template_labels <= labels_of(pod).items() for pod in active),
        "readyReplicas": sum(wait is not None for wait in waits),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }
    status = {"replicas": len(active)} | {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = sum(is_deleting(pod) and not is_finished(pod) for pod in pods)
    status["observedGeneration"] = owner["metadata"].get("generation", 0)
    if _missing(owner, active) > 0 and "conditions" in old:  # a failure is over when all pods are there
        status["conditions"] = old["conditions"]
    result.status("replicasets", owner, status)
    result.look_again(min((wait for wait in waits if wait), default=None))


CONTROLLER = Controller(
    "replicaset-controller",
    plan,
    {"replicasets": itself, "pods": owner_or_adopters("replicasets", "ReplicaSet")},
)
