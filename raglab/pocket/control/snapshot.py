"""What one scheduling decision sees: the nodes, and the pods that are on each or have been promised a place there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from raglab.pocket.client import Object
from raglab.pocket.control.copies import View
from raglab.pocket.objects import is_finished, labels_of

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Snapshot:
    """`pods` by the name of their node; `namespaces` are the labels of each."""

    nodes: tuple[Object, ...]
    pods: Mapping[str, tuple[Object, ...]]
    namespaces: Mapping[str, Labels]

    def on(self, node: Object) -> tuple[Object, ...]:
        """The pods that count on a node."""
        return self.pods.get(node["metadata"]["name"], ())

    def placed(self) -> Iterator[tuple[Object, Object]]:
        """Every node with each of its pods."""
        return ((node, pod) for node in self.nodes for pod in self.on(node))

    def without(self, node: Object, victims: Iterable[Object]) -> Snapshot:
        """How it would be if `victims` were gone from `node`."""
        gone = {id(pod) for pod in victims}
        left = tuple(pod for pod in self.on(node) if id(pod) not in gone)
        return replace(self, pods={**self.pods, node["metadata"]["name"]: left})


def take(view: View, pod: Object) -> Snapshot:
    """What `pod` has to reckon with: all pods on nodes, and those no less important that wait for a promised place."""
    pods: dict[str, list[Object]] = {}
    for other in view["pods"]:
        name = other["spec"].get("nodeName") or _promised(other, pod)
        if name and not is_finished(other):
            pods.setdefault(name, []).append(other)
    return Snapshot(
        tuple(view["nodes"]),
        {name: tuple(found) for name, found in pods.items()},
        {item["metadata"]["name"]: labels_of(item) for item in view["namespaces"]},
    )


def _promised(other: Object, pod: Object) -> str:
    """The node that was promised to `other`, if `pod` has to respect that."""
    name: str = other.get("status", {}).get("nominatedNodeName", "")
    return name if name and other is not pod and priority(other) >= priority(pod) else ""


def priority(pod: Object) -> int:
    """How important a pod is; 0 if nobody said."""
    return int(pod["spec"].get("priority") or 0)
