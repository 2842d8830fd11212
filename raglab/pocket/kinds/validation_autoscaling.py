"""HorizontalPodAutoscalers: their range, their metrics and how fast they may be.

Texts: recordings of a real control plane, and for what these lack ``pkg/apis/autoscaling/validation`` of Kubernetes.
"""

from __future__ import annotations

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.quantity import parse

SOURCES = ("ContainerResource", "External", "Object", "Pods", "Resource")
TARGETS = ("Utilization", "Value", "AverageValue")
LONGEST_WINDOW, LONGEST_PERIOD = 3600, 1800
"""Seconds."""


def autoscaler(causes: Causes, obj: Object) -> None:
    """HorizontalPodAutoscalers."""
    spec = obj["spec"]
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    metrics = spec.get("metrics") or []
    if least < 1:
        causes.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        causes.required("spec.maxReplicas", "must be set and greater than 0")
    if most < least:
        causes.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    _reference(causes, "spec.scaleTargetRef", spec.get("scaleTargetRef") or {})
    for index, metric in enumerate(metrics):
        _metric(causes, f"spec.metrics[{index}]", metric)
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        rule = "must specify at least one Object or External metric to support scaling to zero replicas"
        causes.forbidden("spec.metrics", rule)
    for way in ("scaleUp", "scaleDown"):
        if rules := (spec.get("behavior") or {}).get(way):
            _rules(causes, f"spec.behavior.{way}", rules)


def _reference(causes: Causes, at: str, reference: Object) -> None:
    for field in ("kind", "name"):
        if reference.get(field):
            names.check(causes, f"{at}.{field}", reference[field], names.path_segment)
        else:
            causes.required(f"{at}.{field}")


def _metric(causes: Causes, at: str, metric: Object) -> None:
    kind = metric.get("type", "")
    source = kind[:1].lower() + kind[1:]
    others = [name for name in metric if name not in ("type", source)]
    if not kind:
        causes.required(f"{at}.type", "must specify a metric source type")
    elif kind not in SOURCES:
        causes.unsupported(f"{at}.type", kind, SOURCES)
    elif source not in metric:
        causes.required(f"{at}.{source}", "must populate information for the given metric source")
    else:
        _source(causes, f"{at}.{source}", source, metric[source])
        for name in others:
            causes.forbidden(f"{at}.{name}", "must populate the given metric source only")


def _source(causes: Causes, at: str, kind: str, source: Object) -> None:
    if kind == "object":
        _reference(causes, f"{at}.describedObject", source.get("describedObject") or {})
    if kind in ("resource", "containerResource"):
        if not source.get("name"):
            causes.required(f"{at}.name", "must specify a resource name")
        if kind == "containerResource" and not source.get("container"):
            causes.required(f"{at}.container", "must specify a container")
    else:
        _identifier(causes, f"{at}.metric", source.get("metric") or {})
    target = source.get("target") or {}
    _target(causes, f"{at}.target", target)
    _amount(causes, f"{at}.target", kind, target)


def _identifier(causes: Causes, at: str, metric: Object) -> None:
    if metric.get("name"):
        names.check(causes, f"{at}.name", metric["name"], names.path_segment)
    else:
        causes.required(f"{at}.name", "must specify a metric name")
    if selector := metric.get("selector"):
        names.check_selector(causes, f"{at}.selector", selector)


def _target(causes: Causes, at: str, target: Object) -> None:
    kind, percent = target.get("type"), target.get("averageUtilization")
    if not kind:
        causes.required(f"{at}.type", "must specify a metric target type")
    elif kind not in TARGETS:
        causes.invalid(f"{at}.type", kind, "must be either Utilization, Value, or AverageValue")
    for field in ("value", "averageValue"):
        if target.get(field) is not None and parse(target[field]) <= 0:
            causes.invalid(f"{at}.{field}", target[field], "must be positive")
    if percent is not None and percent < 1:
        causes.invalid(f"{at}.averageUtilization", percent, "must be greater than 0")


def _amount(causes: Causes, at: str, kind: str, target: Object) -> None:
    """Which of the amounts a source needs, and which exclude each other."""
    value, average = target.get("value"), target.get("averageValue")
    percent = target.get("averageUtilization")
    if kind == "pods" and average is None:
        causes.required(f"{at}.averageValue", "must specify a positive target averageValue")
    if kind in ("resource", "containerResource"):
        if percent is None and average is None:
            rule = "must set either a target raw value or a target utilization"
            causes.required(f"{at}.averageUtilization", rule)
        if percent is not None and average is not None:
            rule = "may not set both a target raw value and a target utilization"
            causes.forbidden(f"{at}.averageValue", rule)
    if kind == "object" and value is None and average is None:
        causes.required(f"{at}.averageValue", "must set either a target value or averageValue")
    if kind == "external":
        if value is None and average is None:
            rule = "must set either a target value for metric or a per-pod target"
            causes.required(f"{at}.averageValue", rule)
        if value is not None and average is not None:
            rule = "may not set both a target value for metric and a per-pod target"
            causes.forbidden(f"{at}.value", rule)


def _rules(causes: Causes, at: str, rules: Object) -> None:
    window, tolerance = rules.get("stabilizationWindowSeconds"), rules.get("tolerance")
    if window is not None:
        _within(causes, f"{at}.stabilizationWindowSeconds", window, 0, LONGEST_WINDOW)
    causes.one_of(f"{at}.selectPolicy", rules.get("selectPolicy"), ("Disabled", "Max", "Min"))
    if not rules.get("policies"):
        causes.required(f"{at}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        here, kind = f"{at}.policies[{index}]", policy.get("type", "")
        if kind not in ("Percent", "Pods"):
            causes.unsupported(f"{here}.type", kind, ("Percent", "Pods"))
        _within(causes, f"{here}.value", policy.get("value", 0), 1)
        _within(causes, f"{here}.periodSeconds", policy.get("periodSeconds", 0), 1, LONGEST_PERIOD)
    if tolerance is not None and parse(tolerance) < 0:
        causes.invalid(f"{at}.tolerance", tolerance, "must be greater than or equal to 0")


def _within(causes: Causes, at: str, value: int, least: int, most: int | None = None) -> None:
    if value < least:
        causes.invalid(at, value, f"must be greater than {'zero' if least else 'or equal to zero'}")
    if most is not None and value > most:
        causes.invalid(at, value, f"must be less than or equal to {most}")
