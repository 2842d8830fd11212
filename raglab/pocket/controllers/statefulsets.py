"""StatefulSet: pods with fixed names and volumes, started, replaced and stopped one after the other."""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import claim, itself, nobody, owner_or_adopters
from raglab.pocket.control.ordinals import REVISION, claims, ordinal_of, pod
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.retention import owners
from raglab.pocket.control.revisions import Versions, forget, versions
from raglab.pocket.control.rollout import share
from raglab.pocket.informer import Key
from raglab.pocket.objects import (
    is_deleting,
    is_finished,
    labels_of,
    phase,
    seconds_until_available,
)


def plan(view: View, key: Key, now: float) -> Plan:
    """Report, then the next step: create what is missing, stop what is too much, replace what is of an old
    version.
    """
    result = Plan()
    owner = view["statefulsets"].get(key[1], key[0])
    if owner is None or is_deleting(owner):
        return result
    known = view["controllerrevisions"].list(key[0])
    version = versions(owner, known, result)
    mine = claim(view, "pods", owner, result, lambda item: ordinal_of(owner, item) is not None)
    pods = {ordinal: item for item in mine if (ordinal := ordinal_of(owner, item)) is not None}
    _report(result, owner, pods, version, now)
    _Step(view, owner, pods, version, result, now).take()
    in_use = {labels_of(item).get(REVISION, "") for item in mine}
    forget(owner, known, in_use | {item["metadata"]["name"] for item in version}, result)
    return result


class _Step:
    """One look at a StatefulSet, with the plan being written."""

    def __init__(
        self, view: View, owner: Object, pods: dict[int, Object], version: Versions, result: Plan, now: float
    ) -> None:
        self.view, self.owner, self.pods, self.version = view, owner, pods, version
        self.result, self.now, self.spec = result, now, owner["spec"]
        self.first = (self.spec.get("ordinals") or {}).get("start", 0)
        self.wanted = range(self.first, self.first + self.spec.get("replicas", 1))
        self.one_by_one = self.spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"

    def take(self) -> None:
        """Each stage may end the step: with ordered pods everything waits for the one that is being worked
        on.
        """
        if self._fill() and self._trim():
            self._update()

    def _fill(self) -> bool:
        for ordinal in self.wanted:
            pod = self.pods.get(ordinal)
            if pod is None:
                self._create(ordinal)
            elif is_finished(pod) and not is_deleting(pod):
                self._replace(pod)
            elif not is_deleting(pod):
                self._claims(ordinal)
            if self.one_by_one and not self._is_available(pod):
                return False
        return True

    def _trim(self) -> bool:
        for ordinal in sorted(self.pods.keys() - set(self.wanted), reverse=True):
            self._claims(ordinal, self.pods[ordinal])
            if not is_deleting(self.pods[ordinal]):
                self._delete(self.pods[ordinal])
            if self.one_by_one:
                return False
        return True

    def _update(self) -> None:
        """Replace pods of an old version, the highest number first, as many at a time as may be missed."""
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        missing = self._most_unavailable()
        for ordinal in reversed(self.wanted[self._partition() :]):
            pod = self.pods.get(ordinal)
            is_old = pod and labels_of(pod).get(REVISION) != self.version.update["metadata"]["name"]
            if pod and is_old and not is_deleting(pod):
                self._delete(pod)
            if is_old or not self._is_available(pod):
                missing -= 1
            if not missing:
                return

    def _most_unavailable(self) -> int:
        """How many pods may be missed at a time."""
        rolling = (self.spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
        return max(1, share(rolling.get("maxUnavailable") or 1, len(self.wanted), round_up=False))

    def _partition(self) -> int:
        """Pods below this position keep the current version."""
        return int(((self.spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0))

    def _is_available(self, pod: Object | None) -> bool:
        if pod is None or is_deleting(pod) or phase(pod) != "Running":
            return False
        wait = seconds_until_available(pod, self.spec.get("minReadySeconds", 0), self.now)
        self.result.look_again(wait or None)
        return wait == 0

    def _delete(self, pod: Object) -> None:
        text = (
            f"Delete Pod {pod['metadata']['name']} in StatefulSet {self.owner['metadata']['name']} successful"
        )
        self.result.delete("pods", pod, Note(self.owner, "SuccessfulDelete", text))

    def _replace(self, pod: Object) -> None:
        """A pod that has ended is made anew; its name has to become free for that."""
        where = f"StatefulSet {self.owner['metadata']['namespace']}/{self.owner['metadata']['name']}"
        text = f"{where} is recreating failed Pod {pod['metadata']['name']}"
        if phase(pod) == "Failed":
            self.result.note(Note(self.owner, "RecreatingFailedPod", text, "Warning"))
        else:
            text = text.replace("failed", "terminated")
            self.result.note(Note(self.owner, "RecreatingTerminatedPod", text))
        self._delete(pod)

    def _create(self, ordinal: int) -> None:
        self._claims(ordinal)
        new = pod(self.owner, ordinal, self._version_for(ordinal))
        what = f"Pod {new['metadata']['name']} in StatefulSet {self.owner['metadata']['name']}"
        created = Note(self.owner, "SuccessfulCreate", f"Create {what} successful")
        refused = Note(self.owner, "FailedCreate", f"create {what} failed error: {{error}}", "Warning")
        self.result.create("pods", new, created, refused)

    def _version_for(self, ordinal: int) -> Object:
        return self.version.current if ordinal < self.first + self._partition() else self.version.update

    def _claims(self, ordinal: int, leaving: Object | None = None) -> None:
        """Plan the volume claims of a position: those that do not exist, and what those that do are owned by.

        The pod of the position may be `leaving` because the set has become too small for it.
        """
        existing, meta = self.view["persistentvolumeclaims"], self.owner["metadata"]
        for wanted in claims(self.owner, ordinal):
            name = wanted["metadata"]["name"]
            found = existing.get(name, meta["namespace"])
            refs = owners(self.owner, found or wanted, leaving)
            if found is None and leaving is None:
                what = f"Claim {name} Pod {meta['name']}-{ordinal} in StatefulSet {meta['name']}"
                created = Note(self.owner, "SuccessfulCreate", f"create {what} success")
                new = wanted | {"metadata": wanted["metadata"] | ({"ownerReferences": refs} if refs else {})}
                self.result.create("persistentvolumeclaims", new, created)
            elif found is not None and refs != found["metadata"].get("ownerReferences", []):
                patch = {"metadata": {"uid": found["metadata"]["uid"], "ownerReferences": refs}}
                self.result.patch("persistentvolumeclaims", found, patch)


def _report(result: Plan, owner: Object, pods: dict[int, Object], version: Versions, now: float) -> None:
    spec, old = owner["spec"], owner.get("status", {})
    update, current = (item["metadata"]["name"] for item in version)
    running = [pod for pod in pods.values() if phase(pod) == "Running"]
    waits = [seconds_until_available(pod, spec.get("minReadySeconds", 0), now) for pod in running]
    revisions = [labels_of(pod).get(REVISION) for pod in pods.values() if not is_deleting(pod)]
    ready, updated = sum(wait is not None for wait in waits), revisions.count(update)
    if updated == len(pods) == ready == spec.get("replicas", 1):
        current = update
    counts = {"readyReplicas": ready, "currentReplicas": revisions.count(current), "updatedReplicas": updated}
    status = {"replicas": len(pods)} | {name: count for name, count in counts.items() if count}
    status |= {"availableReplicas": sum(wait == 0 for wait in waits), "collisionCount": 0}
    status |= {"currentRevision": current, "updateRevision": update}
    status["observedGeneration"] = owner["metadata"].get("generation", 0)
    kept = {"conditions": old["conditions"]} if "conditions" in old else {}
    result.status("statefulsets", owner, status | kept)


CONTROLLER = Controller(
    "statefulset-controller",
    plan,
    {
        "statefulsets": itself,
        "pods": owner_or_adopters("statefulsets", "StatefulSet"),
        "controllerrevisions": nobody,
        "persistentvolumeclaims": nobody,
    },
)
