"""Objects that are served in two versions and stored in one: Events, HorizontalPodAutoscalers, custom resources.

Versions of a custom resource differ in nothing but the name (conversion strategy None).

Fields that the other version has no place for travel along, so that reading and writing in either loses nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import orjson

from raglab.pocket.client import Object
from raglab.pocket.kinds.catalogue import Kind

EVENT_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedSource": "source",
}
"""Fields of events.k8s.io/v1 and their names in core/v1; the others are called the same."""
METRICS = "autoscaling.alpha.kubernetes.io/metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
"""Annotations in which an autoscaling/v1 object carries what only v2 has fields for."""


def to_storage(kind: Kind, obj: Object) -> Object:
    """The form of `obj` (of `kind`) that is stored. May share parts with `obj`."""
    obj = obj | {"apiVersion": kind.api_version, "kind": kind.kind}
    if kind.custom:
        obj["apiVersion"] = f"{kind.group}/{kind.custom.storage_version}"
    convert = _TO_STORAGE.get((kind.api_version, kind.kind))
    return convert(obj) if convert else obj


def from_storage(kind: Kind, obj: Object) -> Object:
    """A stored object as `kind` shows it: the very same where it is stored that way."""
    if obj["apiVersion"] == kind.api_version:
        return obj
    convert = _FROM_STORAGE.get((kind.api_version, kind.kind))
    return (convert(obj) if convert else obj) | {"apiVersion": kind.api_version}


def _renamed(obj: Object, names: Mapping[str, str]) -> Object:
    return {names.get(key, key): value for key, value in obj.items()}


def _event_to_core(obj: Object) -> Object:
    return _renamed(obj, EVENT_NAMES) | {"apiVersion": "v1"}


def _event_from_core(obj: Object) -> Object:
    return _renamed(obj, {core: name for name, core in EVENT_NAMES.items()})


def _autoscaler_to_v2(obj: Object) -> Object:
    obj = copy.deepcopy(obj) | {"apiVersion": "autoscaling/v2"}
    spec, annotations = obj["spec"], obj["metadata"].get("annotations", {})
    metrics = orjson.loads(annotations.pop(METRICS, "[]"))
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        metrics.insert(0, _cpu({"type": "Utilization", "averageUtilization": percent}, "target"))
    if metrics:
        spec["metrics"] = metrics
    if BEHAVIOR in annotations:
        spec["behavior"] = orjson.loads(annotations.pop(BEHAVIOR))
    status = obj.get("status", {})
    current = orjson.loads(annotations.pop(CURRENT, "[]"))
    percent = status.pop("currentCPUUtilizationPercentage", None)
    if percent is not None and not current:
        current = [_cpu({"averageUtilization": percent}, "current")]
    if current:
        status["currentMetrics"] = current
    if CONDITIONS in annotations:
        status["conditions"] = orjson.loads(annotations.pop(CONDITIONS))
    _without_empty_annotations(obj)
    return obj


def _autoscaler_from_v2(obj: Object) -> Object:
    obj = copy.deepcopy(obj)
    spec, status = obj["spec"], obj.get("status", {})
    annotations = obj["metadata"].setdefault("annotations", {})
    percent, metrics = _split_cpu(spec.pop("metrics", []), "target")
    if percent is not None:
        spec["targetCPUUtilizationPercentage"] = percent
    if metrics:
        annotations[METRICS] = orjson.dumps(metrics).decode()
    if "behavior" in spec:
        annotations[BEHAVIOR] = orjson.dumps(spec.pop("behavior")).decode()
    current = status.pop("currentMetrics", [])
    for name, value in ((CURRENT, current), (CONDITIONS, status.pop("conditions", []))):
        if value:
            annotations[name] = orjson.dumps(value).decode()
    _without_empty_annotations(obj)
    percent, _ = _split_cpu(current, "current")
    if percent is not None:
        status["currentCPUUtilizationPercentage"] = percent
    return obj


def _cpu(amount: Object, field: str) -> Object:
    return {"type": "Resource", "resource": {"name": "cpu", field: amount}}


def _split_cpu(metrics: list[Object], field: str) -> tuple[int | None, list[Object]]:
    """The first CPU utilisation among `metrics`, and the rest."""
    for index, metric in enumerate(metrics):
        resource = metric.get("resource", {})
        percent = resource.get(field, {}).get("averageUtilization") if resource.get("name") == "cpu" else None
        if percent is not None:
            return percent, metrics[:index] + metrics[index + 1 :]
    return None, metrics


def _without_empty_annotations(obj: Object) -> None:
    if not obj["metadata"].get("annotations", True):
        del obj["metadata"]["annotations"]


Convert = Callable[[Object], Object]
_EVENT = ("events.k8s.io/v1", "Event")
_AUTOSCALER = ("autoscaling/v1", "HorizontalPodAutoscaler")
_TO_STORAGE: dict[tuple[str, str], Convert] = {_EVENT: _event_to_core, _AUTOSCALER: _autoscaler_to_v2}
_FROM_STORAGE: dict[tuple[str, str], Convert] = {_EVENT: _event_from_core, _AUTOSCALER: _autoscaler_from_v2}
