"""The families of series: from which objects each is made, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from raglab.services.addons.kube_state_metrics.amounts import amount

Object = Mapping[str, Any]
Sample = tuple[dict[str, str], float]
"""Labels besides those that name the object, and a value."""
PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")


@dataclass(frozen=True)
class Family:
    """A gauge; `read` gives an object's samples."""

    name: str
    help: str
    read: Callable[[Object], Iterable[Sample]]


@dataclass(frozen=True)
class Resource:
    """A kind of objects: the API's path, the label that holds an object's name, and the families made from it."""

    path: str
    label: str
    families: tuple[Family, ...]


def at(path: str) -> Callable[[Object], Iterator[Sample]]:
    """Reads the number at a dotted path. In a status, the API leaves out a zero; in a spec, what is absent is unset."""

    def read(obj: Object) -> Iterator[Sample]:
        found: Any = obj
        for key in path.split("."):
            found = (found or {}).get(key)
        if found is not None or path.startswith("status."):
            yield {}, float(found or 0)

    return read


def phases(pod: Object) -> Iterator[Sample]:
    """One sample per phase, 1 for the pod's own."""
    own = (pod.get("status") or {}).get("phase")
    return (({"phase": phase}, float(phase == own)) for phase in PHASES)


def conditions(obj: Object) -> Iterator[Sample]:
    """One sample per condition and possible status, 1 for the true one."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        for status in ("True", "False", "Unknown"):
            labels = {"condition": condition["type"], "status": status.lower()}
            yield labels, float(condition["status"] == status)


def requests(pod: Object) -> Iterator[Sample]:
    """What each container asks for."""
    for container in pod["spec"]["containers"]:
        asked = container.get("resources") or {}
        for resource, text in ((asked.get("limits") or {}) | (asked.get("requests") or {})).items():
            yield _resource(resource) | {"container": container["name"]}, amount(text)


def allocatable(node: Object) -> Iterator[Sample]:
    """What pods on the node may use together."""
    found = (node.get("status") or {}).get("allocatable") or {}
    return ((_resource(resource), amount(text)) for resource, text in found.items())


def _resource(name: str) -> dict[str, str]:
    plain = name.translate(str.maketrans("./-", "___"))
    return {"resource": plain, "unit": {"cpu": "core", "pods": "integer"}.get(name, _unit(name))}


def _unit(name: str) -> str:
    return "integer" if "/" in name else "byte"


def metrics(place: str, key: str) -> Callable[[Object], Iterator[Sample]]:
    """An autoscaler's metrics: their targets (``spec.metrics``, ``target``) or what it saw (``status.currentMetrics``,
    ``current``).
    """

    def read(autoscaler: Object) -> Iterator[Sample]:
        part, _, field = place.partition(".")
        for metric in (autoscaler.get(part) or {}).get(field) or ():
            kind = metric["type"]  # empty for a metric that the autoscaler could not get
            source = metric.get(kind[:1].lower() + kind[1:]) or {}
            name = source.get("name") or (source.get("metric") or {}).get("name") or ""
            for kind, text in _values(source.get(key) or {}):
                yield {"metric_name": name, "metric_target_type": kind}, amount(text)

    return read


def _values(target: Object) -> Iterator[tuple[str, Any]]:
    fields = {"averageUtilization": "utilization", "averageValue": "average", "value": "value"}
    return ((kind, target[field]) for field, kind in fields.items() if target.get(field) is not None)


def _family(name: str, text: str, read: Callable[[Object], Iterable[Sample]]) -> Family:
    return Family(f"kube_{name}", text, read)


_HPA, _APPS = "horizontalpodautoscaler", "/apis/apps/v1"
RESOURCES = (
    Resource(
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        _HPA,
        (
            _family(f"{_HPA}_spec_min_replicas", "Lower limit of replicas.", at("spec.minReplicas")),
            _family(f"{_HPA}_spec_max_replicas", "Upper limit of replicas.", at("spec.maxReplicas")),
            _family(f"{_HPA}_status_current_replicas", "Replicas now.", at("status.currentReplicas")),
            _family(f"{_HPA}_status_desired_replicas", "Replicas wanted.", at("status.desiredReplicas")),
            _family(f"{_HPA}_status_condition", "Conditions.", conditions),
            _family(
                f"{_HPA}_spec_target_metric", "Targets of its metrics.", metrics("spec.metrics", "target")
            ),
            _family(
                f"{_HPA}_status_target_metric",
                "Values of its metrics that it saw last.",
                metrics("status.currentMetrics", "current"),
            ),
        ),
    ),
    Resource(
        "/api/v1/pods",
        "pod",
        (
            _family("pod_status_phase", "Phase of a pod.", phases),
            _family("pod_container_resource_requests", "What containers ask for.", requests),
        ),
    ),
    Resource(
        "/api/v1/nodes", "node", (_family("node_status_allocatable", "What pods may use.", allocatable),)
    ),
    Resource(
        f"{_APPS}/deployments",
        "deployment",
        (
            _family("deployment_spec_replicas", "Replicas asked for.", at("spec.replicas")),
            _family("deployment_status_replicas", "Replicas there are.", at("status.replicas")),
            _family(
                "deployment_status_replicas_available", "Replicas that serve.", at("status.availableReplicas")
            ),
        ),
    ),
    Resource(
        f"{_APPS}/statefulsets",
        "statefulset",
        (
            _family("statefulset_replicas", "Replicas asked for.", at("spec.replicas")),
            _family("statefulset_status_replicas", "Replicas there are.", at("status.replicas")),
            _family(
                "statefulset_status_replicas_ready", "Replicas that are ready.", at("status.readyReplicas")
            ),
        ),
    ),
)
