"""The columns of pods: a summary of container states that has its own precedence.

The order of the rules is that of ``printPod`` in Kubernetes' ``pkg/printers/internalversion``: deletion beats container
states, containers beat the phase, and a failing or waiting init container beats the containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.cells import AGE, NAME, NONE, Column, field, has_condition, wide
from raglab.pocket.kinds.duration import since


@dataclass
class Summary:
    """What a pod's row tells about its containers."""

    reason: str
    ready: int = 0
    total: int = 0
    restarts: int = 0
    last_restart: str = ""

    def restarted(self, status: Object) -> None:
        """Count the restarts of one container."""
        self.restarts += status.get("restartCount", 0)
        ended = (status.get("lastState") or {}).get("terminated") or {}
        self.last_restart = max(self.last_restart, ended.get("finishedAt") or "")


def summarise(pod: Object) -> Summary:
    """Status, ready count and restarts of `pod`."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars = {
        item["name"] for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"
    }
    total = len(spec.get("containers") or ()) + len(sidecars)
    summary = Summary(status.get("reason") or status.get("phase") or "Unknown", total=total)
    if _is_gated(status):
        summary.reason = "SchedulingGated"
    initializing = _init_containers(summary, spec, status, sidecars)
    if not initializing or has_condition(pod, "Initialized"):
        _containers(summary, pod, sidecars)
    if "deletionTimestamp" in pod["metadata"]:
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            summary.reason = "Terminating"
    return summary


def _is_gated(status: Object) -> bool:
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in conditions)


def _init_containers(summary: Summary, spec: Object, status: Object, sidecars: set[str]) -> bool:
    """Look for the init container the pod is still at; False when all are done."""
    for index, item in enumerate(status.get("initContainerStatuses") or ()):
        summary.restarted(item)
        state = item.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended and not ended.get("exitCode"):
            continue
        if item.get("name") in sidecars and item.get("started"):
            summary.ready += bool(item.get("ready"))
            continue
        if ended:
            summary.reason = f"Init:{_ending(ended)}"
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            summary.reason = f"Init:{waiting['reason']}"
        else:
            summary.reason = f"Init:{index}/{len(spec.get('initContainers') or ())}"
        return True
    return False


def _ending(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _containers(summary: Summary, pod: Object, sidecars: set[str]) -> None:
    """The first container that waits or has ended gives the reason; restarts of finished init containers drop out."""
    status = pod.get("status") or {}
    summary.restarts, summary.last_restart, running = 0, "", False
    for item in status.get("initContainerStatuses") or ():
        if item.get("name") in sidecars:
            summary.restarted(item)
    for item in reversed(status.get("containerStatuses") or ()):
        summary.restarted(item)
        state = item.get("state") or {}
        waiting = state.get("waiting") or {}
        if waiting.get("reason"):
            summary.reason = waiting["reason"]
        elif state.get("terminated") is not None:
            summary.reason = _ending(state["terminated"])
        elif item.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed" and running:
        summary.reason = "Running" if has_condition(pod, "Ready") else "NotReady"


def _ready(pod: Object, now: float) -> str:
    summary = summarise(pod)
    return f"{summary.ready}/{summary.total}"


def _restarts(pod: Object, now: float) -> str:
    summary = summarise(pod)
    if summary.restarts and summary.last_restart:
        return f"{summary.restarts} ({since(summary.last_restart, now)} ago)"
    return str(summary.restarts)


def _status(pod: Object, now: float) -> str:
    return summarise(pod).reason


def _address(pod: Object, now: float) -> Any:
    addresses = (pod.get("status") or {}).get("podIPs") or ()
    return addresses[0].get("ip") or NONE if addresses else NONE


def _gates(pod: Object, now: float) -> str:
    gates = (pod.get("spec") or {}).get("readinessGates") or ()
    if not gates:
        return NONE
    return f"{sum(has_condition(pod, gate['conditionType']) for gate in gates)}/{len(gates)}"


POD = [
    NAME,
    Column("Ready", _ready),
    Column("Status", _status),
    Column("Restarts", _restarts),
    AGE,
    wide("IP", _address),
    wide("Node", field("spec.nodeName", NONE)),
    wide("Nominated Node", field("status.nominatedNodeName", NONE)),
    wide("Readiness Gates", _gates),
]
