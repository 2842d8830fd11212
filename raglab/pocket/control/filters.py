"""Whether a node takes a Pod, and in the real scheduler's words why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.fitting import (
    UNSCHEDULABLE,
    Resources,
    allocatable,
    is_selected,
    requests,
    taints,
    tolerates,
    used,
)
from raglab.pocket.control.neighbours import (
    constraints,
    is_unwanted,
    meets_unwanted,
    misses_company,
    skew,
)
from raglab.pocket.control.snapshot import Snapshot
from raglab.pocket.objects import condition, labels_of

ANY = "0.0.0.0"
"""All addresses of a node."""
NOBODY = Snapshot((), {}, {})


class Refusal(NamedTuple):
    """Why a node does not take a Pod. `lasting`: it would not, even if nothing else ran there."""

    reasons: tuple[str, ...]
    lasting: bool = True


Filter = Callable[[Object, Object, Snapshot], Refusal | None]


def refusal(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    """Why `node` does not take `pod` as things stand in the `cluster`; None if it does.

    The checks stand in the real scheduler's order and have its words; the first that fails is told.
    """
    return next((found for check in FILTERS if (found := check(pod, node, cluster))), None)


def _cordoned(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    if node["spec"].get("unschedulable") and not tolerates(pod, UNSCHEDULABLE):
        return Refusal(("node(s) were unschedulable",))
    return None


def _tainted(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    if all(tolerates(pod, taint) for taint in taints(node, "NoSchedule", "NoExecute")):
        return None
    return Refusal(("node(s) had untolerated taint(s)",))


def _unselected(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    if is_selected(pod, node):
        return None
    return Refusal(("node(s) didn't match Pod's node affinity/selector",))


def _unready(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    ready = condition(node, "Ready")
    if ready is None or ready.get("status") != "True":
        return Refusal(("node(s) were not ready",))
    return None


def _taken_ports(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    wanted = host_ports(pod)
    if wanted and any(
        _clash(one, other) for item in cluster.on(node) for one in host_ports(item) for other in wanted
    ):
        return Refusal(("node(s) didn't have free ports for the requested pod ports",), False)
    return None


def _full(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    return _lack(requests(pod), allocatable(node), used(cluster.on(node)))


def _uneven(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    strict = constraints(pod, "DoNotSchedule")
    text = "node(s) didn't match pod topology spread constraints"
    if any(item["topologyKey"] not in labels_of(node) for item in strict):
        return Refusal((f"{text} (missing required label)",))
    for item in strict:
        nodes = [other for other in cluster.nodes if _counts(item, pod, other)]
        if skew(item, pod, node, cluster, nodes) > item["maxSkew"]:
            return Refusal((text,), False)
    return None


def _counts(constraint: Object, pod: Object, node: Object) -> bool:
    """Whether a node is one over which the constraint spreads."""
    if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not is_selected(pod, node):
        return False
    return constraint.get("nodeTaintsPolicy", "Ignore") == "Ignore" or not _tainted(pod, node, NOBODY)


def _bad_company(pod: Object, node: Object, cluster: Snapshot) -> Refusal | None:
    if misses_company(pod, node, cluster):
        return Refusal(("node(s) didn't match pod affinity rules",))
    if meets_unwanted(pod, node, cluster):
        return Refusal(("node(s) didn't match pod anti-affinity rules",), False)
    if is_unwanted(pod, node, cluster):
        return Refusal(("node(s) didn't satisfy existing pods anti-affinity rules",), False)
    return None


FILTERS: tuple[Filter, ...] = (
    _cordoned,
    _tainted,
    _unselected,
    _unready,
    _taken_ports,
    _full,
    _uneven,
    _bad_company,
)


def _lack(need: Resources, have: Resources, used: Resources) -> Refusal | None:
    """Resources of which too little is left; lasting if there would be too little even on an idle node."""
    reasons, lasting = [], False
    for name, amount in need.items():
        limit = have.get(name, 0)
        if amount and amount + used.get(name, 0) > limit:
            reasons.append("Too many pods" if name == "pods" else f"Insufficient {name}")
            lasting = lasting or amount > limit
    return Refusal(tuple(reasons), lasting) if reasons else None


def host_ports(pod: Object) -> list[tuple[str, str, int]]:
    """Ports of the node itself that a Pod takes: address, protocol, number."""
    return [
        (port.get("hostIP") or ANY, port.get("protocol", "TCP"), port["hostPort"])
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


def _clash(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or ANY in (one[0], other[0]))
