"""Gives each new Pod a node: filters out the nodes it cannot run on, takes the best of the rest.

A Pod that fits nowhere has less important ones end, if that makes room. Else it is told why, in the words of the real
scheduler, and is looked at again whenever something changes that could help: a node, a claim, or another Pod.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.control import preemption, reconcile, snapshot
from raglab.pocket.control.adoption import nobody
from raglab.pocket.control.filters import Refusal, refusal
from raglab.pocket.control.neighbours import cares
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.scoring import choose
from raglab.pocket.control.snapshot import Snapshot
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import condition, is_deleting, is_finished, phase, with_condition

NAME = "default-scheduler"
NEVER = "not eligible due to preemptionPolicy=Never."


def plan(view: View, key: Key, now: float) -> Plan:
    """Bind one Pod, or make room for it, or say why not."""
    result = Plan()
    pod = view["pods"].get(key[1], key[0])
    if pod is None or not _is_waiting(pod):
        return result
    cluster = snapshot.take(view, pod)
    verdicts = [(node, refusal(pod, node, cluster)) for node in cluster.nodes]
    fitting = [node for node, verdict in verdicts if verdict is None]
    if missing := _claims_not_ready(view, pod):
        _refuse(result, pod, f"0/{len(verdicts)} nodes are available: {missing}. not found", now)
    elif fitting:
        _bind(result, pod, choose(pod, fitting, cluster))
    elif not preemption.is_awaited(pod, cluster):
        refused = [(node, verdict) for node, verdict in verdicts if verdict is not None]
        _make_room(result, pod, refused, cluster, view["poddisruptionbudgets"], now)
    return result


def _make_room(
    result: Plan,
    pod: Object,
    refused: list[tuple[Object, Refusal]],
    cluster: Snapshot,
    budgets: Iterable[Object],
    now: float,
) -> None:
    """Have less important Pods end, if that helps; else say why it does not."""
    if not refused:
        _refuse(result, pod, "no nodes available to schedule pods", now)
        return
    total = f"0/{len(refused)} nodes are available: "
    why = f"{total}{_listed(reason for _, verdict in refused for reason in verdict.reasons)}."
    never = pod["spec"].get("preemptionPolicy") == "Never"
    found = [] if never else preemption.best(pod, refused, cluster, budgets)
    if isinstance(found, preemption.Candidate):
        _refuse(result, pod, why, now, found.node["metadata"]["name"])
        for victim in found.victims:
            _displace(result, victim, pod, found.node["metadata"]["name"], now)
        return
    remark = NEVER if never else f"{total}{_listed(reason.rstrip('.') for reason in found)}."
    _refuse(result, pod, f"{why} no new claims to deallocate, preemption: {remark}", now)


def _displace(result: Plan, victim: Object, pod: Object, node: str, now: float) -> None:
    """End a Pod, with all the time it has asked for, and say for whom."""
    if is_deleting(victim):
        return
    name = pod["spec"].get("schedulerName", NAME)
    told = preemption.PREEMPTED | {"message": f"{name}: preempting to accommodate a higher priority pod"}
    conditions = with_condition(victim.get("status", {}).get("conditions", ()), told, now)
    result.patch("pods", victim, {"status": {"conditions": conditions}}, subresource="status")
    text = f"Preempted by pod {pod['metadata']['uid']} on node {node}"
    result.delete("pods", victim, Note(victim, "Preempted", text, action="Preempting"))


def _is_waiting(pod: Object) -> bool:
    spec = pod["spec"]
    ours = spec.get("schedulerName", NAME) == NAME and not spec.get("schedulingGates")
    return ours and not spec.get("nodeName") and not is_deleting(pod) and not is_finished(pod)


def _bind(result: Plan, pod: Object, node: Object) -> None:
    name, meta = node["metadata"]["name"], pod["metadata"]
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {key: meta[key] for key in ("name", "namespace", "uid")},
        "target": {"apiVersion": "v1", "kind": "Node", "name": name},
    }
    text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {name}"
    result.update("pods", binding, "binding", Note(pod, "Scheduled", text, action="Binding"))


def _refuse(result: Plan, pod: Object, message: str, now: float, promised: str = "") -> None:
    """Once per reason: a Pod that still waits for the same thing is not told again. A node may be `promised` to it."""
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    had = pod.get("status", {}).get("nominatedNodeName", "")
    if told.items() <= (condition(pod, "PodScheduled") or {}).items() and promised == had:
        return
    told |= {"observedGeneration": pod["metadata"].get("generation", 1)}
    conditions = with_condition(pod.get("status", {}).get("conditions", ()), told, now)
    result.note(Note(pod, "FailedScheduling", message, "Warning", action="Scheduling"))
    status: Object = {"phase": "Pending", "conditions": conditions}
    if promised != had:
        status["nominatedNodeName"] = promised or None
    result.patch("pods", pod, {"status": status}, subresource="status")


def _listed(reasons: Iterable[str]) -> str:
    """Every reason with the number of times it was given."""
    return ", ".join(sorted(f"{count} {reason}" for reason, count in Counter(reasons).items()))


def _claims_not_ready(view: View, pod: Object) -> str:
    """What is wrong with the volume claims of a Pod, "" if they are all bound."""
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if name is None:
            continue
        claim = view["persistentvolumeclaims"].get(name, namespace)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if is_deleting(claim):
            return f'persistentvolumeclaim "{name}" is being deleted'
        if phase(claim) != "Bound":
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def _pod_changed(view: View, pod: Object) -> Iterable[Key]:
    """A trigger: a Pod that waits; when one ends, all that wait; when one comes, those that mind others."""
    if _is_waiting(pod):
        yield key_of(pod)
    elif is_finished(pod) or view["pods"].by_uid(pod["metadata"]["uid"]) is None:
        yield from _all_waiting(view, pod)
    elif "startTime" not in pod.get("status", {}):
        yield from (key_of(item) for item in view["pods"] if cares(item) and _is_waiting(item))


def _all_waiting(view: View, _: Object) -> Iterable[Key]:
    """A trigger: all Pods that wait."""
    return map(key_of, _waiting(view))


def _waiting(view: View) -> list[Object]:
    """All Pods that wait, the more important and then the older ones first."""
    return sorted((pod for pod in view["pods"] if _is_waiting(pod)), key=preemption.importance)


CONTROLLER = Controller(
    NAME,
    plan,
    {
        "pods": _pod_changed,
        "nodes": _all_waiting,
        "persistentvolumeclaims": _all_waiting,
        "namespaces": nobody,
        "poddisruptionbudgets": nobody,
    },
)


async def run(client: Client, clock: Clock) -> None:
    """Schedule Pods until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        informers = reconcile.Informers(client, clock, tasks)
        tasks.create_task(reconcile.run(CONTROLLER, client, informers, clock), name=NAME)
