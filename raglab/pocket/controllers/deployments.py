"""Deployment: one ReplicaSet per version of the pod template, and the way from one to the next."""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import claim, itself, owner_or_adopters
from raglab.pocket.control.progress import is_complete, reported, seconds_to_deadline, status_of
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.rollout import Limits, Size, grow, limits, shrink, spread
from raglab.pocket.control.versions import (
    DESIRED,
    MOST,
    REVISION,
    age,
    inherited,
    is_of,
    new_replica_set,
    next_revision,
    revision,
    size,
    sized_for,
)
from raglab.pocket.informer import Key
from raglab.pocket.objects import annotations_of, controller_of, is_deleting, is_finished


def plan(view: View, key: Key, now: float) -> Plan:
    """The next step of the rollout; the one after it follows when its effect is seen."""
    result = Plan()
    deployment = view["deployments"].get(key[1], key[0])
    if deployment is None:
        return result
    sets = sorted(claim(view, "replicasets", deployment, result), key=age)
    rollout = _Rollout(view, deployment, sets, result)
    status = status_of(deployment, rollout.new, sets, rollout.limits, now)
    result.status("deployments", deployment, status)
    result.look_again(seconds_to_deadline(deployment, status, now))
    if not is_deleting(deployment):
        rollout.step()
        if deployment["spec"].get("paused") or is_complete(deployment, status):
            rollout.forget_old_versions()
    return result


class _Rollout:
    """One look at a Deployment: its ReplicaSets, what it allows, and the plan being written."""

    def __init__(self, view: View, deployment: Object, sets: list[Object], result: Plan) -> None:
        self.view, self.deployment, self.result = view, deployment, result
        self.spec, self.sets = deployment["spec"], sets
        self.new = next((item for item in sets if is_of(item, self.spec["template"])), None)
        self.old = [item for item in sets if item is not self.new]
        self.limits = _limits(self.spec)
        self.revision = next_revision(self.new, self.old)

    def step(self) -> None:
        """Scale if `replicas` changed; else, unless paused, replace old pods by new ones."""
        if self.spec.get("paused", False) or self._was_resized():
            self._scale()
        elif self.spec["strategy"]["type"] == "Recreate":
            self._recreate()
        else:
            self._roll()
        if self.new and annotations_of(self.deployment).get(REVISION) != str(self.revision):
            patch = {"metadata": {"annotations": {REVISION: str(self.revision)}}}
            # Written with the status, which counts no generation.
            self.result.patch("deployments", self.deployment, patch, subresource="status")

    def _roll(self) -> None:
        if self.new is None:
            self._create(grow(self.limits, 0, sum(map(size, self.old))))
        elif not self._resize(self.new, grow(self.limits, size(self.new), sum(map(size, self.sets)))):
            sizes = shrink(self.limits, _measured(self.new), [_measured(item) for item in self.old])
            for item, wanted in zip(self.old, sizes, strict=True):
                self._resize(item, wanted)

    def _recreate(self) -> None:
        emptied = [item for item in self.old if self._resize(item, 0)]
        if emptied or self._has_old_pods():
            return
        if self.new is None:
            self._create(self.limits.replicas)
        else:
            self._resize(self.new, self.limits.replicas)

    def _has_old_pods(self) -> bool:
        pods = (pod for item in self.old for pod in self.view["pods"].owned(item["metadata"]["uid"]))
        return any(not is_finished(pod) for pod in pods)

    def _was_resized(self) -> bool:
        desired = str(self.limits.replicas)
        return any(annotations_of(item).get(DESIRED, desired) != desired for item in self.sets if size(item))

    def _scale(self) -> None:
        """Give every ReplicaSet its part of the new number, without changing how far the rollout has come."""
        active = [item for item in self.sets if size(item)]
        if len(active) <= 1:
            for item in active or ([self.new] if self.new else self.sets[-1:]):
                self._resize(item, self.limits.replicas)
            return
        active.sort(key=lambda item: (size(item), item is self.new, age(item)), reverse=True)
        previous = [int(annotations_of(item).get(MOST, 0)) for item in active]
        sizes = spread(self.limits, [size(item) for item in active], previous)
        for item, wanted in zip(active, sizes, strict=True):
            self._resize(item, wanted)

    def _resize(self, replica_set: Object, wanted: int) -> bool:
        """Plan a new size (and the bookkeeping that goes with it); False if the size stays."""
        before, had = size(replica_set), annotations_of(replica_set)
        annotations = had | sized_for(self.limits)
        if replica_set is self.new:
            annotations |= inherited(self.deployment, self.revision)
        if before != wanted or annotations != had:
            metadata = replica_set["metadata"] | {"annotations": annotations}
            changed = replica_set | {"metadata": metadata, "spec": replica_set["spec"] | {"replicas": wanted}}
            self.result.update("replicasets", changed, done=self._scaled(replica_set, before, wanted))
        return before != wanted

    def _create(self, wanted: int) -> None:
        annotations = inherited(self.deployment, self.revision) | sized_for(self.limits)
        new = new_replica_set(self.deployment, wanted, annotations)
        if self.view["replicasets"].get(new["metadata"]["name"], new["metadata"]["namespace"]) is None:
            self.result.create("replicasets", new, self._scaled(new, 0, wanted))
        else:  # somebody else's ReplicaSet has the name: another hash is taken next time
            status = self.deployment.get("status", {})
            collisions = {"collisionCount": status.get("collisionCount", 0) + 1}
            self.result.status("deployments", self.deployment, status | collisions)

    def _scaled(self, replica_set: Object, before: int, after: int) -> Note | None:
        way, name = "up" if after > before else "down", replica_set["metadata"]["name"]
        text = f"Scaled {way} replica set {name} from {before} to {after}"
        return Note(self.deployment, "ScalingReplicaSet", text) if before != after else None

    def forget_old_versions(self) -> None:
        """Keep `revisionHistoryLimit` empty old ReplicaSets for rollbacks."""
        empty = [item for item in self.old if not size(item) and not reported(item, "replicas")]
        idle = sorted((item for item in empty if not is_deleting(item)), key=revision)
        for item in idle[: max(0, len(idle) - self.spec.get("revisionHistoryLimit", 10))]:
            self.result.delete("replicasets", item)


def _limits(spec: Object) -> Limits:
    replicas, rolling = spec.get("replicas", 1), spec["strategy"].get("rollingUpdate")
    if rolling is None:
        return Limits(replicas)
    return limits(replicas, rolling["maxSurge"], rolling["maxUnavailable"])


def _measured(replica_set: Object) -> Size:
    return Size(size(replica_set), reported(replica_set, "availableReplicas"))


def _pods(view: View, pod: Object) -> list[Key]:
    """A pod concerns the Deployment of its ReplicaSet: Recreate waits until the last old one has ended."""
    ref = controller_of(pod)
    replica_set = view["replicasets"].by_uid(ref["uid"]) if ref else None
    owner = controller_of(replica_set) if replica_set else None
    return [(pod["metadata"]["namespace"], owner["name"])] if owner else []


CONTROLLER = Controller(
    "deployment-controller",
    plan,
    {"deployments": itself, "replicasets": owner_or_adopters("deployments", "Deployment"), "pods": _pods},
)
