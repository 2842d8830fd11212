"""PodDisruptionBudget: counts, in its status, how many of its pods may be missed right now."""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.budgets import Scale, covers, has_scale, scale_of, status_of, until_doubted
from raglab.pocket.control.copies import View
from raglab.pocket.control.reconcile import Controller, Note, Plan
from raglab.pocket.informer import Key, key_of
from raglab.pocket.kinds.cells import label_selector
from raglab.pocket.objects import controller_of

SCALED = {
    "ReplicaSet": "replicasets",
    "StatefulSet": "statefulsets",
    "ReplicationController": "replicationcontrollers",
}
"""Kinds of owners of pods that say how many there should be. (A Deployment says so for its ReplicaSets.)"""
UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the "
    "status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these "
    'pods please set ".spec.minAvailable" field of the PDB to an integer value.'
)


def plan(view: View, key: Key, now: float) -> Plan:
    """Count afresh."""
    result = Plan()
    budget = view["poddisruptionbudgets"].get(key[1], key[0])
    if budget is None:
        return result
    pods = [pod for pod in view["pods"].list(key[0]) if covers(budget, pod)]
    scale = scale_of((pod, _scaled(view, pod)) for pod in pods)
    status = status_of(budget, pods, scale, now)
    if budget.get("status", {}).get("observedGeneration") != status["observedGeneration"]:
        _remark(result, budget, pods, scale)
    result.status("poddisruptionbudgets", budget, status)
    result.look_again(until_doubted(budget, now))
    return result


def _remark(result: Plan, budget: Object, pods: list[Object], scale: Scale) -> None:
    """Say what is odd about a new budget."""
    if not pods:
        result.note(Note(budget, "NoPods", "No matching pods found"))
    if scale.unmanaged and has_scale(budget):
        selector = label_selector(budget["spec"].get("selector"))
        result.note(Note(budget, "UnmanagedPods", UNMANAGED.replace("{selector}", selector), "Warning"))


def _scaled(view: View, pod: Object) -> Object | None:
    """The object that says how many pods of this kind there should be."""
    reference = controller_of(pod)
    if reference is None or reference["kind"] not in SCALED:
        return None
    owner = view[SCALED[reference["kind"]]].by_uid(reference["uid"])
    above = controller_of(owner) if owner else None
    return (view["deployments"].by_uid(above["uid"]) if above else None) or owner


def _covering(view: View, pod: Object) -> Iterable[Key]:
    """A trigger: the budgets that cover a pod."""
    budgets = view["poddisruptionbudgets"].list(pod["metadata"]["namespace"])
    return [key_of(budget) for budget in budgets if covers(budget, pod)]


def _near(view: View, owner: Object) -> Iterable[Key]:
    """A trigger: the budgets beside an owner that may have changed its mind."""
    return map(key_of, view["poddisruptionbudgets"].list(owner["metadata"]["namespace"]))


CONTROLLER = Controller(
    "controllermanager",
    plan,
    {"poddisruptionbudgets": itself, "pods": _covering}
    | dict.fromkeys(("deployments", *SCALED.values()), _near),
)
