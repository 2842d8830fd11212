"""Which of the nodes that would take a Pod is best for it.

The scores, 0 to 100 each, and their weights are those of the real scheduler's default profile (Kubernetes
documentation, "Scheduler Configuration"); where images lie is not asked, as none is ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable

from raglab.pocket.client import Object
from raglab.pocket.control.fitting import allocatable, requests, taints, term_holds, tolerates
from raglab.pocket.control.neighbours import PREFERRED, constraints, domains_with, matching
from raglab.pocket.control.snapshot import Snapshot
from raglab.pocket.kinds.paths import get
from raglab.pocket.objects import labels_of

Score = Callable[[Object, Object, Snapshot], float]
UNSAID = {"cpu": 100, "memory": 1000 * 200 * 2**20}
"""What a Pod that asks for nothing is thought to take (in thousandths): many of them are not to end up on one node."""
FULL = 100.0


def choose(pod: Object, nodes: list[Object], cluster: Snapshot) -> Object:
    """The node with the highest sum of weighted scores; of equals the first by name."""
    if len(nodes) == 1:
        return nodes[0]
    totals = [0.0] * len(nodes)
    for weight, score, rule in SCORES:
        found = rule([score(pod, node, cluster) for node in nodes])
        totals = [total + weight * value for total, value in zip(totals, found, strict=True)]
    ranked = zip(totals, nodes, strict=True)
    return min(ranked, key=lambda item: (-round(item[0], 6), item[1]["metadata"]["name"]))[1]


def _shares(pod: Object, node: Object, cluster: Snapshot) -> list[float]:
    """The parts of the node's cpu and memory that would be asked for."""
    have = allocatable(node)
    asked = [UNSAID | requests(item) for item in (pod, *cluster.on(node))]
    return [min(sum(item[name] for item in asked) / have[name], 1.0) for name in UNSAID if have.get(name)]


def _room(pod: Object, node: Object, cluster: Snapshot) -> float:
    shares = _shares(pod, node, cluster)
    return FULL * (1 - sum(shares) / len(shares)) if shares else 0.0


def _balance(pod: Object, node: Object, cluster: Snapshot) -> float:
    shares = _shares(pod, node, cluster)
    return FULL * (1 - (max(shares) - min(shares)) / 2) if shares else 0.0


def _liking(pod: Object, node: Object, cluster: Snapshot) -> float:
    terms = get(pod["spec"], f"affinity.nodeAffinity.{PREFERRED}") or ()
    return sum(item["weight"] for item in terms if term_holds(item["preference"], node))


def _taints(pod: Object, node: Object, cluster: Snapshot) -> float:
    return -sum(not tolerates(pod, taint) for taint in taints(node, "PreferNoSchedule"))


def _company(pod: Object, node: Object, cluster: Snapshot) -> float:
    total = 0.0
    for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
        for item in get(pod["spec"], f"affinity.{kind}.{PREFERRED}") or ():
            term = item["podAffinityTerm"]
            here = domains_with(term, pod, cluster).get(labels_of(node).get(term["topologyKey"], ""), 0)
            total += sign * item["weight"] * here
    return total


def _evenness(pod: Object, node: Object, cluster: Snapshot) -> float:
    return -sum(
        matching(item, pod, cluster, cluster.nodes).get(labels_of(node).get(item["topologyKey"], ""), 0)
        for item in constraints(pod, "ScheduleAnyway")
    )


def _as_it_is(values: list[float]) -> list[float]:
    return values


def _stretched(values: list[float]) -> list[float]:
    """The least becomes 0 and the most 100; nothing counts where all are equal."""
    least, most = min(values), max(values)
    return (
        [FULL * (value - least) / (most - least) for value in values] if most > least else [0.0] * len(values)
    )


SCORES: tuple[tuple[int, Score, Callable[[list[float]], list[float]]], ...] = (
    (1, _room, _as_it_is),
    (1, _balance, _as_it_is),
    (2, _liking, _stretched),
    (3, _taints, _stretched),
    (2, _company, _stretched),
    (2, _evenness, _stretched),
)
