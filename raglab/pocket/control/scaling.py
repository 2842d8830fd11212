"""One evaluation of a HorizontalPodAutoscaler: from its target's size and its metrics to a plan and a status."""

from __future__ import annotations

from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.measuring import Measured, Unmeasurable
from raglab.pocket.control.reconcile import Note, Plan
from raglab.pocket.control.restraint import TEXTS, Memory, Range, restrain
from raglab.pocket.objects import with_condition

UNCOMPUTABLE = "the HPA was unable to compute the replica count"


class Scale(NamedTuple):
    """A target: the resource it belongs to, and its ``scale`` subresource."""

    resource: str
    obj: Object

    @property
    def replicas(self) -> int:
        """Replicas asked for."""
        return int(self.obj["spec"].get("replicas", 0))


class Size(NamedTuple):
    """A size to go to, and why."""

    replicas: int
    reason: str = ""


class Evaluation:
    """Collects what one look at an autoscaler brings: Events, conditions, counts and a new size."""

    def __init__(self, hpa: Object, now: float) -> None:
        self.hpa, self.spec, self.now, self.plan = hpa, hpa["spec"], now, Plan()
        self.status: Object = dict(hpa.get("status", {}))
        self.allowed = Range(self.spec.get("minReplicas", 1), self.spec["maxReplicas"])

    def tell(self, type: str, reason: str, message: str, *, holds: bool) -> None:
        """Set a condition."""
        told = {"type": type, "status": str(holds), "reason": reason, "message": message}
        self.status["conditions"] = with_condition(self.status.get("conditions", ()), told, self.now)

    def warn(self, reason: str, text: str) -> None:
        """Plan a warning Event."""
        self.plan.note(Note(self.hpa, reason, text, "Warning"))

    def without_scale(self, error: Exception) -> Plan:
        """The target has no size that could be read."""
        self.warn("FailedGetScale", str(error))
        text = f"the HPA controller was unable to get the target's current scale: {error}"
        self.tell("AbleToScale", "FailedGetScale", text, holds=False)
        return self.reported()

    def with_scale(self, scale: Scale) -> Size | None:
        """The size that follows from the target's own size alone; None if the metrics decide."""
        text = "the HPA controller was able to get the target's current scale"
        self.tell("AbleToScale", "SucceededGetScale", text, holds=True)
        current = scale.replicas
        if current == 0 and self.allowed.least != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self.tell("ScalingActive", "ScalingDisabled", text, holds=False)
            return Size(0)
        if current > self.allowed.most:
            return Size(self.allowed.most, "Current number of replicas above Spec.MaxReplicas")
        if current < self.allowed.least:
            return Size(self.allowed.least, "Current number of replicas below Spec.MinReplicas")
        return None

    def without_selector(self, scale: Scale) -> Plan:
        """The target does not say which pods are its own."""
        text = "selector is required"
        self.warn("SelectorRequired", text)
        message = "the HPA target's scale is missing a selector"
        self.tell("ScalingActive", "InvalidSelector", message, holds=False)
        return self.stay(scale, [], text)

    def ambiguous(self, scale: Scale, selector: str, rivals: list[str]) -> Plan:
        """Some of the target's pods belong to several autoscalers."""
        text = f"pods by selector {selector} are controlled by multiple HPAs: [{' '.join(rivals)}]"
        self.warn("AmbiguousSelector", text)
        self.tell("ScalingActive", "AmbiguousSelector", text, holds=False)
        return self.stay(scale, [], text)

    def choose(self, results: list[Measured | Unmeasurable], current: int) -> Measured | str:
        """The metric that asks for most; a text if too many failed: all, or any while the others ask for less."""
        failed = [item for item in results if isinstance(item, Unmeasurable)]
        for item in failed:
            self.warn(item.reason, str(item))
        measured = [item for item in results if isinstance(item, Measured)]
        highest = max(measured, key=lambda item: item.replicas, default=None)
        if highest is None or (failed and highest.replicas < current):
            first, count = failed[0], f"{len(failed)} invalid out of {len(results)}"
            self.tell("ScalingActive", first.reason, f"{UNCOMPUTABLE}: {first}", holds=False)
            return f"invalid metrics ({count}), first error is: {first.told}"
        text = f"the HPA was able to successfully calculate a replica count from {highest.name}"
        self.tell("ScalingActive", "ValidMetricFound", text, holds=True)
        return highest

    def restrained(self, chosen: Measured, memory: Memory, current: int) -> Size:
        """As far towards what `chosen` asks for as the limits allow."""
        verdict = restrain(
            self.allowed, self.spec.get("behavior"), memory, current, chosen.replicas, self.now
        )
        self.tell("AbleToScale", verdict.able, TEXTS[verdict.able], holds=True)
        self.tell("ScalingLimited", verdict.limited, TEXTS[verdict.limited], holds=verdict.is_limited)
        up = chosen.replicas > current
        return Size(verdict.replicas, f"{chosen.name} above target" if up else "All metrics below target")

    def stay(self, scale: Scale, metrics: list[Object], error: str) -> Plan:
        """No decision: the size wanted last stays on record."""
        self.warn("FailedComputeMetricsReplicas", error)
        self._count(scale.replicas, self.status.get("desiredReplicas", 0), metrics)
        return self.reported()

    def go(self, scale: Scale, size: Size, metrics: list[Object]) -> Plan:
        """Set the target's size, if it is another one. What is to be reported is known only afterwards."""
        self._count(scale.replicas, size.replicas, metrics)
        if size.replicas != scale.replicas:
            text = f"the HPA controller was able to update the target scale to {size.replicas}"
            self.tell("AbleToScale", "SucceededRescale", text, holds=True)
            self.status["lastScaleTime"] = timestamp(self.now)
            what = f"New size: {size.replicas}; reason: {size.reason}".replace("{", "{{").replace("}", "}}")
            done = Note(self.hpa, "SuccessfulRescale", what)
            failed = Note(self.hpa, "FailedRescale", f"{what}; error: {{error}}", "Warning")
            self.plan.update(scale.resource, _resized(scale.obj, size.replicas), "scale", done, failed)
        plan, self.plan = self.plan, Plan()
        return plan

    def refused(self, error: Exception) -> None:
        """The target would not take the size."""
        text = f"the HPA controller was unable to update the target scale: {error}"
        self.tell("AbleToScale", "FailedUpdateScale", text, holds=False)
        before = self.hpa.get("status", {})
        self.status.pop("lastScaleTime", None)
        self.status |= {key: before[key] for key in ("desiredReplicas", "lastScaleTime") if key in before}

    def reported(self) -> Plan:
        """What is left to be told, and the status."""
        self.plan.status("horizontalpodautoscalers", self.hpa, self.status)
        return self.plan

    def _count(self, current: int, desired: int, metrics: list[Object]) -> None:
        counts = {"currentReplicas": current, "desiredReplicas": desired, "currentMetrics": metrics}
        self.status |= counts
        for name in ("currentReplicas", "currentMetrics"):
            if not self.status[name]:
                del self.status[name]


def _resized(scale: Object, replicas: int) -> Object:
    return scale | {"spec": scale["spec"] | {"replicas": replicas}}
