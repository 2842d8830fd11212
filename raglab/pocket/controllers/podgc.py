"""Pods whose node no longer exists: nobody is left to end them, so they are removed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_finished, with_condition

QUARANTINE = 40.0
"""Seconds that a node may be missing: it could be on its way back (kube-controller-manager's)."""
LOST = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByPodGC",
    "message": "PodGC: node no longer exists",
}


def plan(missing: dict[str, float], view: View, key: Key, now: float) -> Plan:
    """Remove the pods of one node if it is gone; `missing` remembers since when."""
    result, name = Plan(), key[1]
    pods = [pod for pod in view["pods"] if pod["spec"].get("nodeName") == name]
    if not pods or view["nodes"].get(name) is not None:
        missing.pop(name, None)
        return result
    left = missing.setdefault(name, now) + QUARANTINE - now
    if left > 0:
        result.look_again(left)
        return result
    for pod in pods:
        if not is_finished(pod):
            conditions = with_condition(pod.get("status", {}).get("conditions", ()), LOST, now)
            status = {"phase": "Failed", "conditions": conditions}
            result.patch("pods", pod, {"status": status}, subresource="status")
        result.delete("pods", pod, grace=0)
    return result


def _node_of(view: View, pod: Object) -> Iterable[Key]:
    """A trigger: the pod's node, if it is missing."""
    name = pod["spec"].get("nodeName")
    if name and view["nodes"].get(name) is None:
        yield "", name


def controller() -> Controller:
    """The controller, with a memory of its own."""
    return Controller("pod-garbage-collector", partial(plan, {}), {"nodes": itself, "pods": _node_of})
