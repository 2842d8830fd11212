"""Node: registered, watched for signs of life, and tainted while something is wrong with it.

A node gives a sign of life with every renewal of its lease and every report of its status. One that is silent for too
long becomes Unknown, its pods are no longer ready, and taints keep new pods away and let those that are there leave in
time. Rules and texts: Kubernetes documentation, "Nodes", and the node lifecycle controller's Events.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.adoption import itself, nobody
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import condition, is_ready, with_condition

PERIOD = 5.0
"""Seconds between two looks (``--node-monitor-period``)."""
LEASES = "kube-node-lease"
UNKNOWN = {
    "status": "Unknown",
    "reason": "NodeStatusUnknown",
    "message": "Kubelet stopped posting node status.",
}
REPORTED = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
"""Conditions that only the node itself can know."""
PREFIX = "node.kubernetes.io/"
TROUBLES = {
    ("Ready", "False"): ("not-ready", ("NoSchedule", "NoExecute")),
    ("Ready", "Unknown"): ("unreachable", ("NoSchedule", "NoExecute")),
    ("MemoryPressure", "True"): ("memory-pressure", ("NoSchedule",)),
    ("DiskPressure", "True"): ("disk-pressure", ("NoSchedule",)),
    ("PIDPressure", "True"): ("pid-pressure", ("NoSchedule",)),
    ("NetworkUnavailable", "True"): ("network-unavailable", ("NoSchedule",)),
}
"""Taint and effects by condition (Kubernetes documentation, "Taints and Tolerations")."""
CORDONED = ("unschedulable", ("NoSchedule",))


class Seen(NamedTuple):
    """A node, its last sign of life, when it was looked at, and for how long it has been silent then.

    `greeting` is when a new one is to be told of, None from then on.
    """

    node: Object
    sign: tuple[str, str]
    at: float
    silent: float = 0.0
    greeting: float | None = None


def plan(grace: float, memory: dict[str, Seen], view: View, key: Key, now: float) -> Plan:
    """Look after one node. `memory` holds what was seen of all of them."""
    result, name = Plan(), key[1]
    node, before = view["nodes"].get(name), memory.pop(name, None)
    if node is None:
        if before is not None:
            result.note(_told(before.node, "RemovingNode", f"Removing Node {name} from Controller"))
        return result
    memory[name] = seen = _look(view, node, before, now)
    if before is not None and before.greeting is not None and seen.greeting is None:
        result.note(_told(node, "RegisteredNode", f"Registered Node {name} in Controller"))
    if seen.silent >= grace and (condition(node, "Ready") or UNKNOWN)["status"] != "Unknown":
        _lose(result, node, now)
    elif condition(node, "Ready"):
        _taint(result, node, now)
        if not is_ready(node):
            _pods_not_ready(result, view, name, now)
    result.look_again(PERIOD)
    return result


def _look(view: View, node: Object, before: Seen | None, now: float) -> Seen:
    """Silence is counted in looks: while this machine sleeps, a node on it can give no sign, and is not to blame."""
    lease = view["leases"].get(node["metadata"]["name"], LEASES) or {"spec": {}}
    sign = (lease["spec"].get("renewTime", ""), (condition(node, "Ready") or {}).get("lastHeartbeatTime", ""))
    if before is None:
        return Seen(node, sign, now, greeting=now + PERIOD)
    greeting = None if before.greeting is None or now >= before.greeting else before.greeting
    silent = before.silent + min(now - before.at, PERIOD) if before.sign == sign else 0.0
    return Seen(node, sign, now, silent, greeting)


def _lose(result: Plan, node: Object, now: float) -> None:
    conditions = node["status"]["conditions"]
    for kind in REPORTED:
        last = condition(node, kind) or {"lastHeartbeatTime": node["metadata"]["creationTimestamp"]}
        told = UNKNOWN | {"type": kind, "lastHeartbeatTime": last["lastHeartbeatTime"]}
        conditions = with_condition(conditions, told, now)
    result.patch("nodes", node, {"status": {"conditions": conditions}}, subresource="status")
    name = node["metadata"]["name"]
    result.note(Note(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady"))


def _taint(result: Plan, node: Object, now: float) -> None:
    """Let the node have exactly those of our taints that its conditions ask for, and leave others as they are."""
    present: list[Object] = node["spec"].get("taints") or []
    wanted = {(PREFIX + key, effect) for key, effects in _troubles(node) for effect in effects}
    ours = {PREFIX + key for key, _ in (*TROUBLES.values(), CORDONED)}
    kept = [item for item in present if item["key"] not in ours or (item["key"], item["effect"]) in wanted]
    missing = wanted - {(item["key"], item["effect"]) for item in kept}
    added = [{"key": key, "effect": effect, "timeAdded": timestamp(now)} for key, effect in sorted(missing)]
    if added or len(kept) != len(present):
        result.patch("nodes", node, {"spec": {"taints": [*kept, *added] or None}})


def _troubles(node: Object) -> Iterable[tuple[str, tuple[str, ...]]]:
    for item in node["status"]["conditions"]:
        if found := TROUBLES.get((item["type"], item["status"])):
            yield found
    if node["spec"].get("unschedulable"):
        yield CORDONED


def _pods_not_ready(result: Plan, view: View, name: str, now: float) -> None:
    """Nobody may be sent to pods whose node does not answer."""
    for pod in view["pods"]:
        if pod["spec"].get("nodeName") == name and is_ready(pod):
            told = (condition(pod, "Ready") or {}) | {"status": "False"}
            conditions = with_condition(
                pod["status"]["conditions"], told | {"lastTransitionTime": timestamp(now)}, now
            )
            result.patch("pods", pod, {"status": {"conditions": conditions}}, subresource="status")
            result.note(Note(pod, "NodeNotReady", "Node is not ready", "Warning"))


def _told(node: Object, reason: str, what: str) -> Note:
    return Note(node, reason, f"Node {node['metadata']['name']} event: {what}")


def controller(grace: float) -> Controller:
    """The controller, with a memory of its own; `grace` is how many seconds a node may be silent."""
    triggers = {"nodes": itself, "leases": nobody, "pods": nobody}
    return Controller("node-controller", partial(plan, grace, {}), triggers)
