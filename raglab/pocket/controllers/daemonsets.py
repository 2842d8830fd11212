"""DaemonSet: one pod on every node that fits, replaced node by node when the template changes."""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import claim, itself, nobody, owner_or_adopters
from raglab.pocket.control.daemons import HASH, Verdict, node_of, pod, verdict
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.revisions import forget, versions
from raglab.pocket.control.rollout import share
from raglab.pocket.control.turnover import Place, to_start_beside, to_stop, to_stop_after
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import (
    is_deleting,
    is_finished,
    is_ready,
    labels_of,
    phase,
    seconds,
    seconds_until_available,
)

FAILED_PAUSE = 1.0
"""Seconds that a failed pod is kept at least: a node that refuses pods must not make a new one at once."""


def plan(view: View, key: Key, now: float) -> Plan:
    """Report, then create and delete pods until every node has what it should, then replace old pods."""
    result = Plan()
    owner = view["daemonsets"].get(key[1], key[0])
    if owner is None or is_deleting(owner):
        return result
    known = view["controllerrevisions"].list(key[0])
    revision = versions(owner, known, result, HASH).update
    pods = claim(view, "pods", owner, result)
    look = _Look(view, owner, pods, revision, result, now)
    look.report()
    if not look.settle():
        look.replace()
    used = {labels_of(item).get(HASH) for item in [*pods, revision]}
    in_use = {item["metadata"]["name"] for item in known if labels_of(item).get(HASH) in used}
    forget(owner, known, in_use, result)
    return result


class _Look:
    """One look at a DaemonSet: the pods by node, and the plan being written."""

    def __init__(
        self, view: View, owner: Object, pods: list[Object], revision: Object, result: Plan, now: float
    ) -> None:
        self.owner, self.revision, self.result, self.now = owner, revision, result, now
        self.spec, self.hash = owner["spec"], labels_of(revision)[HASH]
        self.verdicts = {node["metadata"]["name"]: verdict(owner, node) for node in view["nodes"]}
        self.pods: dict[str, list[Object]] = {}
        for item in sorted(pods, key=_age):
            if not (is_deleting(item) and is_finished(item)):
                self.pods.setdefault(node_of(item), []).append(item)
        desired = sum(item.start for item in self.verdicts.values())
        rolling = (self.spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
        self.surge = share(rolling.get("maxSurge", 0), desired, round_up=True)
        self.unavailable = share(rolling.get("maxUnavailable", 1), desired, round_up=True)
        if not self.surge and not self.unavailable:
            self.unavailable = 1

    def settle(self) -> bool:
        """Start what is missing and stop what should not be there; True if there was anything to do."""
        before = len(self.result.actions)
        for name, found in self.verdicts.items():
            if found.start and name not in self.pods:
                self._create(name)
        for name, there in self.pods.items():
            self._tidy(there, self.verdicts.get(name, Verdict(False, False)).stay)
        return len(self.result.actions) > before

    def _tidy(self, there: list[Object], stay: bool) -> None:
        """Only the oldest pod stays on a node, with a surge the oldest of each version; ended ones go."""
        kept: set[bool] = set()
        for item in (item for item in there if not is_deleting(item)):
            which = self.surge > 0 and self._is_new(item)
            if not stay or (which in kept and not is_finished(item)):
                self._delete(item)
            elif is_finished(item):
                self._remove_ended(item)
            else:
                kept.add(which)

    def _remove_ended(self, item: Object) -> None:
        wait = seconds(item["metadata"]["creationTimestamp"]) + FAILED_PAUSE - self.now
        if phase(item) == "Failed" and wait > 0:
            self.result.look_again(wait)
            return
        reason, end = (
            ("FailedDaemonPod", "kill") if phase(item) == "Failed" else ("SucceededDaemonPod", "delete")
        )
        which = f"{item['metadata']['namespace']}/{item['metadata']['name']} on node {node_of(item)}"
        text = f"Found {phase(item).lower()} daemon pod {which}, will try to {end} it"
        self.result.note(Note(self.owner, reason, text, "Warning" if end == "kill" else "Normal"))
        self._delete(item)

    def replace(self) -> None:
        """The next step from old pods to new ones, as far as the update strategy allows."""
        if (self.spec.get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
            return
        places = [self._place(name, there) for name, there in self.pods.items()]
        stop = to_stop_after(places) if self.surge else to_stop(places, self.unavailable)
        for item in (item for name in stop for item in self.pods[name]):
            if not self._is_new(item):
                self._delete(item)
        for name in to_start_beside(places, self.surge) if self.surge else ():
            self._create(name)

    def _place(self, name: str, there: list[Object]) -> Place:
        staying = [item for item in there if not is_deleting(item)]
        new = [item for item in staying if self._is_new(item)]
        old = [item for item in staying if not self._is_new(item)]
        available = any(self._is_available(item) for item in (new or old)[:1])
        return Place(name, bool(old), bool(new), available)

    def _is_new(self, item: Object) -> bool:
        return labels_of(item).get(HASH) == self.hash

    def _is_available(self, item: Object) -> bool:
        wait = seconds_until_available(item, self.spec.get("minReadySeconds", 0), self.now)
        self.result.look_again(wait or None)
        return wait == 0

    def _create(self, node: str) -> None:
        created = Note(self.owner, "SuccessfulCreate", "Created pod: {name}")
        refused = Note(self.owner, "FailedCreate", "Error creating: {error}", "Warning")
        self.result.create("pods", pod(self.owner, node, self.revision), created, refused)

    def _delete(self, item: Object) -> None:
        text = f"Deleted pod: {item['metadata']['name']}"
        self.result.delete("pods", item, Note(self.owner, "SuccessfulDelete", text))

    def report(self) -> None:
        """Counts of nodes, each by its oldest pod."""
        wanted = [name for name, found in self.verdicts.items() if found.start]
        first = [self.pods[name][0] for name in wanted if name in self.pods]
        available = sum(self._is_available(item) for item in first)
        status = {
            "desiredNumberScheduled": len(wanted),
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(
                name in self.pods for name, found in self.verdicts.items() if not found.start
            ),
            "numberReady": sum(map(is_ready, first)),
            "observedGeneration": self.owner["metadata"].get("generation", 0),
        }
        optional = {
            "updatedNumberScheduled": sum(map(self._is_new, first)),
            "numberAvailable": available,
            "numberUnavailable": len(wanted) - available,
        }
        status |= {name: count for name, count in optional.items() if count}
        self.result.status("daemonsets", self.owner, status)


def _age(pod: Object) -> tuple[bool, float, str]:
    """Sorts pods that have a node first, and of these the oldest."""
    meta = pod["metadata"]
    return not pod["spec"].get("nodeName"), seconds(meta["creationTimestamp"]), meta["name"]


def _every_set(view: View, _: Object) -> list[Key]:
    return [key_of(item) for item in view["daemonsets"]]


CONTROLLER = Controller(
    "daemonset-controller",
    plan,
    {
        "daemonsets": itself,
        "nodes": _every_set,
        "pods": owner_or_adopters("daemonsets", "DaemonSet"),
        "controllerrevisions": nobody,
    },
)
