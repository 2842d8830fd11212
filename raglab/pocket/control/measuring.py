"""From one entry of an autoscaler's ``spec.metrics`` to the replicas it asks for and its entry in the status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control import demand
from raglab.pocket.control.demand import (
    AverageValue,
    MetricError,
    Reading,
    Sample,
    Target,
    Tolerance,
    Utilization,
)
from raglab.pocket.control.mapping import NoSuchKind
from raglab.pocket.control.metrics import Metrics
from raglab.pocket.kinds.quantity import canonical, milli
from raglab.pocket.objects import is_ready, phase

NO_PODS = "no pods returned by selector while calculating replica count"


class Workload(NamedTuple):
    """What is scaled: its replicas as asked for and as reported, its pods, and the selector that finds them."""

    namespace: str
    selector: str
    replicas: int
    reported: int
    pods: list[Object]


class Measured(NamedTuple):
    """A metric that was read: the replicas it asks for, its name in messages, and its entry in the status."""

    replicas: int
    name: str
    status: Object


class Unmeasurable(Exception):
    """A metric that could not be read: the reason and text of its own Event, and the text for the sum of all."""

    def __init__(self, reason: str, text: str, told: str) -> None:
        super().__init__(text)
        self.reason, self.told = reason, told


class Measuring:
    """One evaluation: what is scaled, how exactly, and when."""

    def __init__(self, metrics: Metrics, workload: Workload, tolerance: Tolerance, now: float) -> None:
        self._metrics, self._workload, self._tolerance, self._now = metrics, workload, tolerance, now

    async def measure(self, metric: Object) -> Measured:
        """Read one metric. Raises `Unmeasurable`."""
        kind = metric["type"]
        part = kind[:1].lower() + kind[1:]
        source = metric[part]
        read, what = self._kinds()[kind]
        try:
            replicas, name, status = await read(source)
        except (MetricError, NoSuchKind) as error:
            subject = what.format(name=source.get("name") or (source.get("metric") or {}).get("name", ""))
            told = f"failed to get {subject} metric value: {getattr(error, 'context', '')}{error}"
            raise Unmeasurable(f"FailedGet{kind}Metric", str(error), told) from None
        return Measured(replicas, name, {"type": kind, part: status})

    def _kinds(self) -> dict[str, tuple[Callable[[Object], Awaitable[Measured]], str]]:
        return {
            "Resource": (self._resource, "{name} resource"),
            "ContainerResource": (self._resource, "{name} container"),
            "Pods": (self._pods, "pods"),
            "Object": (self._object, "object"),
            "External": (self._external, "{name} external"),
        }

    async def _resource(self, source: Object) -> Measured:
        resource, container, target = source["name"], source.get("container", ""), source["target"]
        shown = {key: source[key] for key in ("name", "container") if key in source}
        percent, workload = target.get("averageUtilization"), self._workload
        what = "usage" if percent is None else "utilization"
        try:
            samples = await self._read_resource(resource, container)
            if percent is None:
                wanted: Target = AverageValue(milli(target["averageValue"]))
            else:
                wanted = Utilization(percent, demand.requests(workload.pods, resource, container))
            replicas, reading = self._from_pods(samples, wanted, cpu=resource == "cpu")
        except MetricError as error:
            raise MetricError(f"failed to get {resource} {what}: {error}") from None
        name = f"{resource}{' container' if container else ''} resource"
        name += "" if percent is None else " utilization (percentage of request)"
        return Measured(replicas, name, shown | {"current": _average(reading)})

    async def _read_resource(self, resource: str, container: str) -> dict[str, Sample]:
        workload = self._workload
        try:
            return await self._metrics.of_resource(resource, workload.namespace, workload.selector, container)
        except MetricError as error:
            raise MetricError(f"unable to get metrics for resource {resource}: {error}") from None

    async def _pods(self, source: Object) -> Measured:
        metric, workload = source["metric"], self._workload
        name = metric["name"]
        try:
            samples = await self._metrics.of_pods(
                name, workload.namespace, workload.selector, metric.get("selector")
            )
        except MetricError as error:
            raise MetricError(f"unable to get metric {name}: {error}") from None
        target = AverageValue(milli(source["target"]["averageValue"]))
        replicas, reading = self._from_pods(samples, target)
        return Measured(replicas, f"pods metric {name}", {"metric": metric, "current": _average(reading)})

    async def _object(self, source: Object) -> Measured:
        metric, about, workload = source["metric"], source["describedObject"], self._workload
        name, place = metric["name"], f"{about['kind']} {workload.namespace}/{about['name']}"
        per_pod = source["target"]["type"] == "AverageValue"
        try:
            value = await self._metrics.of_object(name, workload.namespace, about, metric.get("selector"))
        except (MetricError, NoSuchKind) as error:
            context = f"failed to get {name} object metric: " if per_pod else ""
            raise MetricError(f"unable to get metric {name}: {error} on {place}", context) from None
        replicas, current = self._from_total(value, source["target"])
        called = f"external metric {name}({_spelled(metric.get('selector'))})"
        status = {"describedObject": about, "metric": metric, "current": current}
        return Measured(replicas, called if per_pod else f"{about['kind']} metric {name}", status)

    async def _external(self, source: Object) -> Measured:
        metric, namespace = source["metric"], self._workload.namespace
        name, spelled = metric["name"], _spelled(metric.get("selector"))
        try:
            value = await self._metrics.of_elsewhere(name, namespace, metric.get("selector"))
        except MetricError as error:
            per_pod = "averageValue" in source["target"]
            context = f"{name} external metric: " if per_pod else f"external metric {name}: "
            text = f"unable to get external metric {namespace}/{name}/{spelled}: {error}"
            raise MetricError(text, f"failed to get {context}") from None
        replicas, current = self._from_total(value, source["target"])
        return Measured(
            replicas, f"external metric {name}({spelled})", {"metric": metric, "current": current}
        )

    def _from_pods(
        self, samples: dict[str, Sample], target: Target, *, cpu: bool = False
    ) -> tuple[int, Reading]:
        workload = self._workload
        if not workload.pods:
            raise MetricError(NO_PODS)
        groups = demand.group(workload.pods, samples, self._now, cpu=cpu)
        return demand.from_pods(workload.replicas, target, groups, samples, self._tolerance)

    def _from_total(self, value: int, target: Object) -> tuple[int, Object]:
        """Replicas for a value that is not about pods, and how the status shows it."""
        workload = self._workload
        if "averageValue" in target:
            per_pod = milli(target["averageValue"])
            replicas, part = demand.per_pod(workload.reported, value, per_pod, self._tolerance)
            return replicas, {"averageValue": _quantity(part)}
        if workload.replicas and not workload.pods:
            raise MetricError(f"unable to calculate ready pods: {NO_PODS}")
        ready = sum(phase(pod) == "Running" and is_ready(pod) for pod in workload.pods)
        replicas = demand.from_total(workload.replicas, ready, value, milli(target["value"]), self._tolerance)
        return replicas, {"value": _quantity(value)}


def _average(reading: Reading) -> Object:
    shown: Object = {"averageValue": _quantity(reading.average)}
    return shown if reading.percent is None else shown | {"averageUtilization": reading.percent}


def _quantity(thousandths: int) -> str:
    return canonical(f"{thousandths}m")


def _spelled(selector: Object | None) -> str:
    """A ``LabelSelector`` as a Go program prints it, which is how messages show it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    rules = "".join(
        f"LabelSelectorRequirement{{Key:{rule['key']},Operator:{rule['operator']},"
        f"Values:[{' '.join(rule.get('values') or ())}],}},"
        for rule in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )
