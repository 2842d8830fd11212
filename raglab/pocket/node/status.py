"""The status of a pod as the kubelet reports it, computed from the states of its containers. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.kinds.quantity import parse

Status = dict[str, Any]
COMPUTE = ("cpu", "memory")


def phase(restart_policy: str, init: Iterable[Status], containers: Iterable[Status]) -> str:
    """Pending until every container has started once; then Running until none will run again."""
    if restart_policy == "Never" and any(_exit_code(status) for status in init):
        return "Failed"
    statuses = list(containers)
    ended = [status["state"]["terminated"] for status in statuses if "terminated" in status["state"]]
    if statuses and len(ended) == len(statuses) and restart_policy != "Always":
        if all(state["exitCode"] == 0 for state in ended):
            return "Succeeded"
        return "Failed" if restart_policy == "Never" else "Running"
    begun = [s for s in statuses if "waiting" not in s["state"] or "terminated" in s.get("lastState", {})]
    return "Running" if statuses and len(begun) == len(statuses) else "Pending"


def _exit_code(status: Status) -> int:
    return status["state"].get("terminated", {}).get("exitCode", 0)


def qos_class(spec: Mapping[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' cpu and memory."""
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    resources = [container.get("resources", {}) for container in containers]
    named = [
        (group, name, value)
        for entry in resources
        for group in ("requests", "limits")
        for name, value in entry.get(group, {}).items()
        if name in COMPUTE and parse(str(value)) > 0
    ]
    if not named:
        return "BestEffort"
    return "Guaranteed" if all(map(_guaranteed, resources)) else "Burstable"


def _guaranteed(resources: Mapping[str, Any]) -> bool:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    return all(
        name in limits and parse(str(requests.get(name, limits[name]))) == parse(str(limits[name]))
        for name in COMPUTE
    )


def conditions(
    pod: Object,
    phase: str,
    initialised: bool,
    unready: list[str],
    unstarted: list[str],
    sandbox: bool,
    now: str,
) -> list[Status]:
    """The five conditions of a pod, keeping the transition times of those that did not change.

    `unready` and `unstarted` are names of containers and of init containers that hold the pod back.
    """
    ready = phase == "Running" and not unready and initialised
    if phase in ("Succeeded", "Failed"):
        why = {"reason": "PodCompleted" if phase == "Succeeded" else "PodFailed"}
    elif ready:
        why = {}
    else:
        names = " ".join(unready)
        why = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{names}]"}
    initial: Status = {}
    if not initialised:
        names = " ".join(unstarted)
        initial = {
            "reason": "ContainersNotInitialized",
            "message": f"containers with incomplete status: [{names}]",
        }
    elif phase == "Succeeded":
        initial = {"reason": "PodCompleted"}
    wanted = [
        ("PodReadyToStartContainers", sandbox, {}),
        ("Initialized", initialised, initial),
        ("Ready", ready, why),
        ("ContainersReady", ready, why),
        ("PodScheduled", True, {}),
    ]
    before = {entry.get("type"): entry for entry in pod.get("status", {}).get("conditions") or ()}
    kept = [entry for kind, entry in before.items() if kind not in {name for name, _, _ in wanted}]
    return [_condition(before.get(name), pod, name, value, more, now) for name, value, more in wanted] + kept


def _condition(before: Status | None, pod: Object, name: str, value: bool, more: Status, now: str) -> Status:
    status = str(value)
    moved = before is None or before["status"] != status
    since = now if moved or before is None else before.get("lastTransitionTime", now)
    entry = {"type": name, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    if generation := pod["metadata"].get("generation"):
        entry["observedGeneration"] = generation
    return entry | more
