"""Gives each new Pod a node: filters out the nodes it cannot run on, takes the emptiest of the rest.

A Pod that fits nowhere is told why, in the words of the real scheduler, and is looked at again whenever
something changes that could make room: a node, a claim, or another Pod that ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.control import reconcile
from raglab.pocket.control.fitting import Refusal, load, refusal
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import condition, is_deleting, is_finished, phase, with_condition

NAME = "default-scheduler"
HELPLESS, NO_VICTIMS = (
    "Preemption is not helpful for scheduling.",
    "No preemption victims found for incoming pod.",
)
"""Whether a node could be made to fit by stopping less important Pods (which is not done here)."""


def plan(view: View, key: Key, now: float) -> Plan:
    """Bind one Pod, or say why not."""
    result = Plan()
    pod = view["pods"].get(key[1], key[0])
    if pod is None or not _is_waiting(pod):
        return result
    missing = _claims_not_ready(view, pod)
    nodes = list(view["nodes"])
    verdicts = [(node, refusal(pod, node, _pods_on(view, node))) for node in nodes]
    fitting = [node for node, verdict in verdicts if verdict is None]
    if missing:
        _refuse(result, pod, f"0/{len(nodes)} nodes are available: {missing}. not found", now)
    elif not fitting:
        _refuse(result, pod, _explain([verdict for _, verdict in verdicts if verdict]), now)
    else:
        _bind(
            result,
            pod,
            min(fitting, key=lambda node: (load(pod, node, _pods_on(view, node)), node["metadata"]["name"])),
        )
    return result


def _pods_on(view: View, node: Object) -> list[Object]:
    name = node["metadata"]["name"]
    return [pod for pod in view["pods"] if pod["spec"].get("nodeName") == name and not is_finished(pod)]


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


def _refuse(result: Plan, pod: Object, message: str, now: float) -> None:
    """Once per reason: a Pod that still waits for the same thing is not told again."""
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    if told.items() <= (condition(pod, "PodScheduled") or {}).items():
        return
    told |= {"observedGeneration": pod["metadata"].get("generation", 1)}
    conditions = with_condition(pod.get("status", {}).get("conditions", ()), told, now)
    result.note(Note(pod, "FailedScheduling", message, "Warning", action="Scheduling"))
    patch = {"status": {"phase": "Pending", "conditions": conditions}}
    result.patch("pods", pod, patch, subresource="status")


def _explain(refusals: list[Refusal]) -> str:
    """Every reason with the number of nodes that gave it, and whether preemption could have helped."""
    if not refusals:
        return "no nodes available to schedule pods"
    total = f"0/{len(refusals)} nodes are available: "
    reasons = Counter(reason for refusal in refusals for reason in refusal.reasons)
    preemption = Counter(HELPLESS if refusal.lasting else NO_VICTIMS for refusal in refusals)
    remarks = ", ".join(sorted(f"{count} {text}".rstrip(".") for text, count in preemption.items()))
    return f"{total}{_listed(reasons)}. no new claims to deallocate, preemption: {total}{remarks}."


def _listed(counts: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))


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
    """A trigger: a Pod that waits, or, when one ends, all that wait."""
    if _is_waiting(pod):
        yield key_of(pod)
    elif is_finished(pod) or view["pods"].by_uid(pod["metadata"]["uid"]) is None:
        yield from _all_waiting(view, pod)


def _all_waiting(view: View, _: Object) -> Iterable[Key]:
    """A trigger: all Pods that wait, the more important and then the older ones first."""
    waiting = [pod for pod in view["pods"] if _is_waiting(pod)]
    waiting.sort(key=lambda pod: (-pod["spec"].get("priority", 0), pod["metadata"]["creationTimestamp"]))
    return [key_of(pod) for pod in waiting]


CONTROLLER = Controller(
    NAME,
    plan,
    {
        "pods": _pod_changed,
        "nodes": _all_waiting,
        "persistentvolumeclaims": _all_waiting,
    },
)


async def run(client: Client, clock: Clock) -> None:
    """Schedule Pods until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        informers = reconcile.Informers(client, clock, tasks)
        tasks.create_task(reconcile.run(CONTROLLER, client, informers, clock), name=NAME)
