"""Deployment: one ReplicaSet per version of the pod template, and the way from one to the next."""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import claim, itself, owner_or_adopters
from raglab.pocket.control.progress import is_complete, reported, seconds_to_deadline, status_of
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.rollout import Limits, Size, grow, limits, shrink, spread
from raglab.pocket.informer import Key
from raglab.pocket.objects import (
    controller_of,
    is_deleting,
    is_finished,
    labels_of,
    owner_reference,
    seconds,
    stable_hash,
)

REVISION = "deployment.kubernetes.io/revision"
DESIRED, MOST = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"
NOT_INHERITED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    DESIRED,
    MOST,
}
"""Annotations of the Deployment that its ReplicaSets do not get."""


def plan(view: View, key: Key, now: float) -> Plan:
    """The next step of the rollout; the one after it follows when its effect is seen."""
    result = Plan()
    deployment = view["deployments"].get(key[1], key[0])
    if deployment is None:
        return result
    sets = sorted(claim(view, "replicasets", deployment, result), key=_age)
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
        self.new = next((item for item in sets if _same_template(item, self.spec["template"])), None)
        self.old = [item for item in sets if item is not self.new]
        self.limits = _limits(self.spec)

    def step(self) -> None:
        """Scale if `replicas` changed; else, unless paused, replace old pods by new ones."""
        if self.spec.get("paused", False) or self._was_resized():
            self._scale()
        elif self.spec["strategy"]["type"] == "Recreate":
            self._recreate()
        else:
            self._roll()
        self._tell_revision()

    def _roll(self) -> None:
        if self.new is None:
            return self._create(grow(self.limits, 0, sum(map(_size, self.old))))
        if self._resize(self.new, grow(self.limits, _size(self.new), sum(map(_size, self.sets)))):
            return None
        new = Size(_size(self.new), reported(self.new, "availableReplicas"))
        old = [Size(_size(item), reported(item, "availableReplicas")) for item in self.old]
        for item, size in zip(self.old, shrink(self.limits, new, old), strict=True):
            self._resize(item, size)
        return None

    def _recreate(self) -> None:
        emptied = [item for item in self.old if self._resize(item, 0)]
        if emptied or self._has_old_pods():
            return None
        if self.new is None:
            return self._create(self.limits.replicas)
        self._resize(self.new, self.limits.replicas)
        return None

    def _has_old_pods(self) -> bool:
        pods = (pod for item in self.old for pod in self.view["pods"].owned(item["metadata"]["uid"]))
        return any(not is_finished(pod) for pod in pods)

    def _was_resized(self) -> bool:
        desired = str(self.limits.replicas)
        return any(_annotations(item).get(DESIRED, desired) != desired for item in self.sets if _size(item))

    def _scale(self) -> None:
        """Give every ReplicaSet its part of the new number, without changing how far the rollout has come."""
        active = [item for item in self.sets if _size(item)]
        if len(active) <= 1:
            for item in active or ([self.new] if self.new else self.sets[-1:]):
                self._resize(item, self.limits.replicas)
            return
        largest_first = sorted(
            active, key=lambda item: (_size(item), item is self.new, _age(item)), reverse=True
        )
        previous = [int(_annotations(item).get(MOST, 0)) for item in largest_first]
        sizes = spread(self.limits, [_size(item) for item in largest_first], previous)
        for item, size in zip(largest_first, sizes, strict=True):
            self._resize(item, size)

    def _resize(self, replica_set: Object, size: int) -> bool:
        """Plan a new size (and the bookkeeping that goes with it); False if the size stays."""
        before, meta = _size(replica_set), replica_set["metadata"]
        annotations = {DESIRED: str(self.limits.replicas), MOST: str(self.limits.most)}
        if replica_set is self.new:
            annotations |= self._inherited() | {REVISION: self._revision()}
        note = None
        if before != size:
            way = "up" if size > before else "down"
            text = f"Scaled {way} replica set {meta['name']} from {before} to {size}"
            note = Note(self.deployment, "ScalingReplicaSet", text)
        if before != size or not annotations.items() <= _annotations(replica_set).items():
            metadata = meta | {"annotations": _annotations(replica_set) | annotations}
            spec = replica_set["spec"] | {"replicas": size}
            self.result.update("replicasets", replica_set | {"metadata": metadata, "spec": spec}, done=note)
        return before != size

    def _create(self, size: int) -> None:
        """A ReplicaSet for the template as it is now."""
        template, meta = self.spec["template"], self.deployment["metadata"]
        collisions = self.deployment.get("status", {}).get("collisionCount", 0)
        digest = stable_hash([template, collisions])
        name = f"{meta['name']}-{digest}"
        labels = {**template["metadata"].get("labels", {}), HASH: digest}
        selector = self.spec["selector"]
        match_labels = {**selector.get("matchLabels", {}), HASH: digest}
        counts = {DESIRED: str(self.limits.replicas), MOST: str(self.limits.most), REVISION: self._revision()}
        spec = {
            "replicas": size,
            "selector": selector | {"matchLabels": match_labels},
            "template": template | {"metadata": template["metadata"] | {"labels": labels}},
        }
        if "minReadySeconds" in self.spec:
            spec["minReadySeconds"] = self.spec["minReadySeconds"]
        metadata = {"name": name, "namespace": meta["namespace"], "labels": labels}
        metadata |= {
            "annotations": self._inherited() | counts,
            "ownerReferences": [owner_reference(self.deployment)],
        }
        obj = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
        text = f"Scaled up replica set {name} from 0 to {size}"
        if self.view["replicasets"].get(name, meta["namespace"]) is not None:
            self._avoid_collision(collisions)
            return
        self.result.create(
            "replicasets", obj, Note(self.deployment, "ScalingReplicaSet", text) if size else None
        )

    def _avoid_collision(self, collisions: int) -> None:
        """Somebody else's ReplicaSet has the name: another hash is taken next time."""
        status = self.deployment.get("status", {}) | {"collisionCount": collisions + 1}
        self.result.status("deployments", self.deployment, status)

    def _tell_revision(self) -> None:
        """The Deployment carries the revision of its newest ReplicaSet."""
        if self.new is not None and _annotations(self.deployment).get(REVISION) != self._revision():
            self.result.patch(
                "deployments", self.deployment, {"metadata": {"annotations": {REVISION: self._revision()}}}
            )

    def _revision(self) -> str:
        """One more than any older version; a rollback makes an old ReplicaSet the newest version."""
        return str(max([_revision(self.new), *(_revision(item) + 1 for item in self.old), 1]))

    def _inherited(self) -> dict[str, str]:
        return {k: v for k, v in _annotations(self.deployment).items() if k not in NOT_INHERITED}

    def forget_old_versions(self) -> None:
        """Keep `revisionHistoryLimit` empty old ReplicaSets for rollbacks."""
        empty = [item for item in self.old if not _size(item) and not reported(item, "replicas")]
        idle = sorted((item for item in empty if not is_deleting(item)), key=_revision)
        for item in idle[: max(0, len(idle) - self.spec.get("revisionHistoryLimit", 10))]:
            self.result.delete("replicasets", item)


def _limits(spec: Object) -> Limits:
    replicas, rolling = spec.get("replicas", 1), spec["strategy"].get("rollingUpdate")
    if rolling is None:
        return Limits(replicas)
    return limits(replicas, rolling["maxSurge"], rolling["maxUnavailable"])


def _same_template(replica_set: Object, template: Object) -> bool:
    found = replica_set["spec"]["template"]
    labels = {k: v for k, v in labels_of(found).items() if k != HASH}
    return found | {"metadata": found["metadata"] | {"labels": labels}} == template


def _size(replica_set: Object) -> int:
    return replica_set["spec"].get("replicas", 1)


def _annotations(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def _revision(replica_set: Object | None) -> int:
    return int(_annotations(replica_set).get(REVISION, 0)) if replica_set else 0


def _age(obj: Object) -> tuple[float, str]:
    return seconds(obj["metadata"]["creationTimestamp"]), obj["metadata"]["name"]


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
