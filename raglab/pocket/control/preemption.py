"""Whom a more important pod may displace: on which node, and as few and as unimportant pods as possible.

Rules: Kubernetes documentation, "Pod Priority and Preemption"; the order in which candidates are compared is that of
the real scheduler.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.budgets import covers, disrupted
from raglab.pocket.control.filters import Refusal, refusal
from raglab.pocket.control.snapshot import Snapshot, priority
from raglab.pocket.objects import condition, is_deleting, seconds

HELPLESS = "Preemption is not helpful for scheduling."
NO_VICTIMS = "No preemption victims found for incoming pod."
PREEMPTED = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}


class Candidate(NamedTuple):
    """A node that would take the pod if `victims` (the most important first) were gone from it."""

    node: Object
    victims: list[Object]
    violations: int
    """How many victims a disruption budget would keep."""


def best(
    pod: Object, verdicts: Iterable[tuple[Object, Refusal]], cluster: Snapshot, budgets: Iterable[Object]
) -> Candidate | list[str]:
    """The node where least is lost, or why there is none, node by node."""
    candidates, reasons = list[Candidate](), list[str]()
    budgets = list(budgets)
    for node, verdict in verdicts:
        found = (HELPLESS,) if verdict.lasting else _on(pod, node, cluster, budgets)
        if isinstance(found, Candidate):
            candidates.append(found)
        else:
            reasons += found
    return min(candidates, key=_loss) if candidates else reasons


def _on(pod: Object, node: Object, cluster: Snapshot, budgets: list[Object]) -> Candidate | tuple[str, ...]:
    """The victims on one node, or why that is of no use."""
    weaker = sorted((item for item in cluster.on(node) if priority(item) < priority(pod)), key=importance)
    if not weaker:
        return (NO_VICTIMS,)
    if still := refusal(pod, node, cluster.without(node, weaker)):
        return still.reasons
    kept, others = _split(weaker, budgets)
    victims = weaker
    for item in [
        *kept,
        *others,
    ]:  # spare all who can be spared: first those with a budget, then the more important
        fewer = [other for other in victims if other is not item]
        if refusal(pod, node, cluster.without(node, fewer)) is None:
            victims = fewer
    return Candidate(node, victims, sum(item in victims for item in kept))


def _split(pods: list[Object], budgets: list[Object]) -> tuple[list[Object], list[Object]]:
    """Pods whose loss a disruption budget does not allow, and the others."""
    left = {id(item): item.get("status", {}).get("disruptionsAllowed", 0) for item in budgets}
    kept, others = list[Object](), list[Object]()
    for pod in pods:
        covering = [item for item in budgets if _covers(item, pod)]
        for budget in covering:
            left[id(budget)] -= 1
        (kept if any(left[id(item)] < 0 for item in covering) else others).append(pod)
    return kept, others


def _covers(budget: Object, pod: Object) -> bool:
    """Whether a budget counts the pod, and has not been told of its end already."""
    return covers(budget, pod) and pod["metadata"]["name"] not in disrupted(budget)


def is_awaited(pod: Object, cluster: Snapshot) -> bool:
    """Whether pods that were displaced for `pod` have not ended yet."""
    promised = pod.get("status", {}).get("nominatedNodeName")
    return any(
        is_deleting(item)
        and priority(item) < priority(pod)
        and (condition(item, PREEMPTED["type"]) or {}).get("reason") == PREEMPTED["reason"]
        for item in cluster.pods.get(promised, ())
    )


def _loss(candidate: Candidate) -> tuple[float, ...]:
    victims = candidate.victims
    ranks = [priority(item) for item in victims]
    first = [item for item in victims if priority(item) == max(ranks)]
    latest = min(_started(item) for item in first)
    return candidate.violations, max(ranks), sum(rank + 2**31 for rank in ranks), len(victims), -latest


def importance(pod: Object) -> tuple[int, float]:
    """Sorts the more important pods to the front: by priority, then those that have run longer."""
    return -priority(pod), _started(pod)


def _started(pod: Object) -> float:
    return seconds(pod.get("status", {}).get("startTime") or pod["metadata"]["creationTimestamp"])
