"""Taints with the effect NoExecute: pods that do not tolerate them, or no longer, leave the node."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.fitting import toleration_of
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import is_active, with_condition

EVICTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByTaintManager",
    "message": "Taint manager: deleting due to NoExecute taint",
}


class Wait(NamedTuple):
    """A pod that tolerates a taint for a while, and since when."""

    uid: str
    since: float


Waiting = dict[Key, Wait]


def plan(waiting: Waiting, view: View, key: Key, now: float) -> Plan:
    """Evict one pod at once, later or never. `waiting` remembers those whose time runs."""
    result = Plan()
    pod = view["pods"].get(key[1], key[0])
    seconds = _patience(view, pod) if pod is not None and is_active(pod) else None
    if pod is None or seconds is None:
        if waiting.pop(key, None) and pod is not None and is_active(pod):
            result.note(_told(pod, "Cancelling deletion of"))
        return result
    uid = pod["metadata"]["uid"]
    if key not in waiting or waiting[key].uid != uid:
        waiting[key] = Wait(uid, now)
    left = waiting[key].since + seconds - now
    if left > 0:
        result.look_again(left)
    else:
        _evict(result, pod, now)
    return result


def _patience(view: View, pod: Object) -> float | None:
    """Seconds that the pod may stay with the taints of its node; None for ever."""
    node = view["nodes"].get(pod["spec"].get("nodeName", ""))
    found = [toleration_of(pod, taint) for taint in _taints(node or {"spec": {}})]
    if None in found:
        return 0.0
    limits = [item["tolerationSeconds"] for item in found if item and "tolerationSeconds" in item]
    return min(limits, default=None)


def _taints(node: Object) -> list[Object]:
    return [item for item in node["spec"].get("taints") or () if item["effect"] == "NoExecute"]


def _evict(result: Plan, pod: Object, now: float) -> None:
    result.note(_told(pod, "Marking for deletion"))
    conditions = with_condition(pod.get("status", {}).get("conditions", ()), EVICTED, now)
    result.patch("pods", pod, {"status": {"conditions": conditions}}, subresource="status")
    result.delete("pods", pod)


def _told(pod: Object, what: str) -> Note:
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    return Note(pod, "TaintManagerEviction", f"{what} Pod {name}")


def _pods_on(view: View, node: Object) -> Iterable[Key]:
    """A trigger: the pods on a node that has, or had, such a taint."""
    if _taints(node):
        name = node["metadata"]["name"]
        yield from (key_of(pod) for pod in view["pods"] if pod["spec"].get("nodeName") == name)


def controller() -> Controller:
    """The controller, with a memory of its own."""
    return Controller("taint-eviction-controller", partial(plan, {}), {"pods": itself, "nodes": _pods_on})
