"""How many replicas one metric asks for: the arithmetic of a HorizontalPodAutoscaler, before any limits.

Values in, a number of replicas out; metric values are whole thousandths, as the autoscaler counts them.
Rules: Kubernetes documentation, "Horizontal Pod Autoscaling", section "Algorithm details"; where that says too
little, recordings of a real controller.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from raglab.pocket.client import Object
from raglab.pocket.kinds.quantity import milli, parse
from raglab.pocket.objects import condition, is_deleting, phase, seconds

TOLERANCE = 0.1
"""Share of the target by which a value may differ from it without effect."""
CPU_START, FIRST_READY = 300.0, 30.0
"""Seconds after its start in which a pod's CPU counts only while it is Ready, and in which it may become Ready for the
first time (defaults of kube-controller-manager).
"""


class MetricError(Exception):
    """Why a metric says nothing. `context` goes before the text where the failure of all metrics is told."""

    def __init__(self, text: str, context: str = "") -> None:
        super().__init__(text)
        self.context = context


@dataclass(frozen=True)
class Tolerance:
    """How much more or less than the target has no effect."""

    up: float = TOLERANCE
    down: float = TOLERANCE

    def covers(self, ratio: float) -> bool:
        """Whether `ratio` of value to target is near enough to 1."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def tolerance(behavior: Object) -> Tolerance:
    """What ``spec.behavior`` says about it."""
    given = [(behavior.get(way) or {}).get("tolerance") for way in ("scaleUp", "scaleDown")]
    return Tolerance(*(TOLERANCE if text is None else float(parse(text)) for text in given))


class Sample(NamedTuple):
    """A pod's value, measured over `window` seconds that ended at `taken`."""

    value: int
    taken: float = 0.0
    window: float = 60.0


class Reading(NamedTuple):
    """What the values of some pods amount to: their ratio to the target, and how that is shown."""

    ratio: float
    average: int
    percent: int | None = None


class Target(Protocol):
    """What the values of the pods should be."""

    def measure(self, values: Mapping[str, int]) -> Reading: ...

    def stand_in(self, pod: str, ratio: float) -> int | None:
        """The value of a pod without one, when the others are at `ratio`, such that it changes no direction."""
        ...


@dataclass(frozen=True)
class AverageValue:
    """An amount per pod."""

    amount: int

    def measure(self, values: Mapping[str, int]) -> Reading:
        average = sum(values.values()) // len(values)
        return Reading(average / self.amount, average)

    def stand_in(self, pod: str, ratio: float) -> int | None:
        return self.amount if ratio < 1.0 else 0


@dataclass(frozen=True)
class Utilization:
    """A percentage of what the pods request; `requests` is by pod."""

    percent: int
    requests: Mapping[str, int]

    def measure(self, values: Mapping[str, int]) -> Reading:
        known = [name for name in values if name in self.requests]
        requested = sum(self.requests[name] for name in known)
        if not requested:
            raise MetricError("no metrics returned matched known pods")
        used = sum(values[name] for name in known)
        percent = used * 100 // requested
        return Reading(percent / self.percent, used // len(known), percent)

    def stand_in(self, pod: str, ratio: float) -> int | None:
        if ratio == 1.0:
            return None
        return self.requests[pod] * max(100, self.percent) // 100 if ratio < 1.0 else 0


class Groups(NamedTuple):
    """The pods of a workload by what their values are worth."""

    counted: Collection[str]
    unready: Collection[str]
    missing: Collection[str]


def group(pods: list[Object], samples: Mapping[str, Sample], now: float, *, cpu: bool) -> Groups:
    """Sort out pods that are not up yet and those without a value; ended and ending ones belong to no group."""
    counted, unready, missing = [], [], []
    for pod in pods:
        name = pod["metadata"]["name"]
        if is_deleting(pod) or phase(pod) == "Failed":
            continue
        if phase(pod) == "Pending":
            unready.append(name)
        elif name not in samples:
            missing.append(name)
        elif cpu and _is_starting(pod, samples[name], now):
            unready.append(name)
        else:
            counted.append(name)
    return Groups(counted, unready, missing)


def _is_starting(pod: Object, sample: Sample, now: float) -> bool:
    """Whether the CPU of a pod still shows how it starts instead of what it does."""
    ready, started = condition(pod, "Ready"), pod.get("status", {}).get("startTime")
    if ready is None or started is None:
        return True
    changed, began = seconds(ready["lastTransitionTime"]), seconds(started)
    if began + CPU_START > now:
        return ready["status"] == "False" or sample.taken < changed + sample.window
    return ready["status"] == "False" and began + FIRST_READY > changed


def from_pods(
    current: int, target: Target, groups: Groups, samples: Mapping[str, Sample], tolerance: Tolerance
) -> tuple[int, Reading]:
    """Replicas that bring the average of the pods to the target, and the average as it is.

    Pods without a value, and on the way up those that are not up yet, only ever dampen a change.
    """
    values = {name: samples[name].value for name in groups.counted}
    if not values:
        raise MetricError("did not receive metrics for any ready pods")
    reading = target.measure(values)
    waiting = groups.unready if reading.ratio > 1.0 else ()
    if not waiting and not groups.missing:
        return _scaled(current, reading.ratio, len(values), tolerance), reading
    for name in groups.missing:
        if (value := target.stand_in(name, reading.ratio)) is not None:
            values[name] = value
    values |= dict.fromkeys(waiting, 0)
    ratio = target.measure(values).ratio
    if (reading.ratio - 1.0) * (ratio - 1.0) < 0:
        return current, reading
    wanted = _scaled(current, ratio, len(values), tolerance)
    return (current if (wanted - current) * (ratio - 1.0) < 0 else wanted), reading


def _scaled(current: int, ratio: float, pods: int, tolerance: Tolerance) -> int:
    return current if tolerance.covers(ratio) else math.ceil(ratio * pods)


def from_total(current: int, ready: int, value: int, target: int, tolerance: Tolerance) -> int:
    """Replicas for a value that the `ready` pods share in; without any, as many as the value is worth."""
    ratio = value / target
    return _scaled(current, ratio, ready, tolerance) if current else math.ceil(ratio)


def per_pod(reported: int, total: int, target: int, tolerance: Tolerance) -> tuple[int, int]:
    """Replicas that give each pod `target` of a total, and the part each of the `reported` pods has now."""
    if not reported:
        return math.ceil(total / target), total
    near = tolerance.covers(total / (target * reported))
    return reported if near else math.ceil(total / target), math.ceil(total / reported)


def requests(pods: list[Object], resource: str, container: str = "") -> dict[str, int]:
    """What each pod requests of a resource, in thousandths; of one container, if one is named."""
    found = {}
    for pod in pods:
        name, spec = pod["metadata"]["name"], pod["spec"]
        sidecars = [
            item for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"
        ]
        asked = [item for item in spec["containers"] + sidecars if container in ("", item["name"])]
        found[name] = sum(_requested(item, resource, name) for item in asked)
    return found


def _requested(container: Object, resource: str, pod: str) -> int:
    amount = (container.get("resources", {}).get("requests") or {}).get(resource)
    if amount is None:
        raise MetricError(f"missing request for {resource} in container {container['name']} of Pod {pod}")
    return milli(amount)
