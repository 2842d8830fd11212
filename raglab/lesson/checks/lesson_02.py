"""Checks of lesson 02, Kubernetes basics."""

from __future__ import annotations

from typing import Any

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, preparing
from raglab.lesson.checks.registry import Verdict, register

OWN, OPERATOR = "basics", "gpu-operator"
PASSED = "Test PASSED"
COMPONENTS = ("nvidia-operator-validator", "nvidia-dcgm-exporter", "gpu-feature-discovery")


@register(
    "02.allocatable",
    "You know how many GPUs the node offers",
    "Capacity is what the node has; allocatable is what pods may ask for. Add up all nodes.",
)
def allocatable(answer: int) -> Verdict:
    _, total = preparing.gpus()
    next_step = "kubectl get nodes -o jsonpath='{.items[*].status.allocatable}'"
    return Verdict(answer == total > 0, f"{answer}", f"{total}", next_step)


def _components() -> dict[str, tuple[int, int]]:
    """(pods ready, pods wanted) of the operator's DaemonSets."""
    found = cluster.items("daemonsets", namespace=OPERATOR)
    numbers = {item["metadata"]["name"]: item["status"] for item in found}
    return {
        name: (status.get("numberReady", 0), status.get("desiredNumberScheduled", 0))
        for name, status in numbers.items()
    }


@register(
    "02.operator",
    "The GPU operator and its components run",
    "The components wait for each other; the validator comes last. Init:0/1 is a pod that waits.",
)
def operator() -> Verdict:
    found = _components()
    wrong = [name for name in COMPONENTS if name not in found]
    wrong += [name for name, (ready, wanted) in found.items() if ready < wanted or not wanted]
    observed = (
        f"not ready: {', '.join(sorted(wrong))}"
        if wrong
        else f"{len(found)} of {len(found)} DaemonSets ready"
    )
    return Verdict(not wrong, observed, "every DaemonSet ready", f"kubectl get pods -n {OPERATOR}")


@register(
    "02.labels",
    "The node's labels say what GPUs it has",
    "gpu-feature-discovery writes them, a moment after its pod has started.",
)
def labels() -> Verdict:
    nodes = [node["metadata"]["labels"] for node in cluster.items("nodes")]
    told = [(node["nvidia.com/gpu.product"], int(node["nvidia.com/gpu.count"])) for node in nodes
            if {"nvidia.com/gpu.product", "nvidia.com/gpu.count"} <= node.keys()]  # fmt: skip
    _, total = preparing.gpus()
    observed = ", ".join(f"{count} x {product}" for product, count in told) or "no such labels"
    right = bool(told) and sum(count for _, count in told) == total
    next_step = f"kubectl logs daemonset/gpu-feature-discovery -n {OPERATOR}"
    return Verdict(right, observed, f"labels that tell of {total} GPUs", next_step)


def _added(name: str) -> Verdict:
    """The pod has run to its end on a GPU and its log says that the sums are right."""
    pod: dict[str, Any] = cluster.get("pod", name, namespace=OWN)
    phase = pod["status"]["phase"]
    said = PASSED in cluster.kubectl("logs", name, "-n", OWN) if phase == "Succeeded" else False
    observed = f"{phase}, {PASSED if said else 'no ' + PASSED}"
    return Verdict(said, observed, f"Succeeded, {PASSED}", f"kubectl logs {name} -n {OWN}")


@register(
    "02.vector-add",
    "A pod has added two vectors on a GPU",
    "The pod has to end by itself. Pending: look at its Events. Failed: look at its log.",
)
def vector_add() -> Verdict:
    return _added("gpu-operator-test")


@register(
    "02.pending",
    "The pod that asks for too much waits, and you know why",
    "A pod that fits nowhere stays Pending; the scheduler's reason is in its condition PodScheduled.",
)
def pending() -> Verdict:
    pod = cluster.get("pod", "too-big", namespace=OWN)
    conditions = {c["type"]: c for c in pod["status"].get("conditions", [])}
    why = conditions.get("PodScheduled", {}).get("message", "")
    observed = (
        "Insufficient nvidia.com/gpu" if f"Insufficient {RESOURCE}" in why else why or pod["status"]["phase"]
    )
    right = pod["status"]["phase"] == "Pending" and f"Insufficient {RESOURCE}" in why
    return Verdict(
        right, observed, f"Pending for want of {RESOURCE}", f"kubectl describe pod too-big -n {OWN}"
    )


@register(
    "02.debugged",
    "The pod adder passes its test",
    "The image brings CUDA, and the node lends a GPU only to containers that ask for one.",
)
def debugged() -> Verdict:
    return _added("adder")


@register(
    "02.repaired",
    "The exporter is back on the node",
    "The DaemonSet selects nodes by a label, and wants no pod where that is not `true`.",
)
def repaired() -> Verdict:
    ready, wanted = _components().get("nvidia-dcgm-exporter", (0, 0))
    node = "kubectl get nodes --show-labels"
    return Verdict(ready == wanted > 0, f"{ready} of {wanted} ready", "1 or more, all ready", node)


@register(
    "02.clean",
    "Nothing of this lesson remains",
    "Deleting a namespace removes what is in it; kinds (CRDs) belong to no namespace.",
)
def clean() -> Verdict:
    things = [("namespace", OWN), ("namespace", OPERATOR), ("crd", "clusterpolicies.nvidia.com")]
    left = [f"{kind}/{name}" for kind, name in things if cluster.exists(kind, name)]
    observed = ", ".join(left) or "no namespace of this lesson, no operator"
    return Verdict(not left, observed, "neither namespaces nor kinds", f"kubectl delete {' '.join(left)}")
