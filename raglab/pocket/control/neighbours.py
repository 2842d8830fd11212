"""Which pods want to be near each other or apart: affinity between pods, and spreading over parts of the cluster.

Rules: Kubernetes documentation, "Assigning Pods to Nodes" (inter-pod affinity and anti-affinity) and "Pod Topology
Spread Constraints". A topology is a label of nodes; nodes with the same value are one domain.
"""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.control.snapshot import Snapshot
from raglab.pocket.kinds.paths import get
from raglab.pocket.objects import is_deleting, labels_of, selects

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def required(pod: Object, kind: str) -> list[Object]:
    """The terms of ``podAffinity`` or ``podAntiAffinity`` that must hold."""
    return get(pod["spec"], f"affinity.{kind}.{REQUIRED}") or []


def cares(pod: Object) -> bool:
    """Whether where a pod fits depends on other pods than those of the node."""
    affinity = pod["spec"].get("affinity") or {}
    return bool(
        affinity.keys() & {"podAffinity", "podAntiAffinity"} or pod["spec"].get("topologySpreadConstraints")
    )


def is_meant(term: Object, owner: Object, other: Object, cluster: Snapshot) -> bool:
    """Whether a term of `owner` speaks of the pod `other`: by its namespace and its labels."""
    selector = _complete(term, owner)
    return _in_namespace(term, owner, other, cluster) and selects(selector, labels_of(other))


def _in_namespace(term: Object, owner: Object, other: Object, cluster: Snapshot) -> bool:
    """Those named, those selected, and without either the owner's own."""
    where, named = other["metadata"]["namespace"], term.get("namespaces") or ()
    if "namespaceSelector" in term:
        found = selectors.matches(
            selectors.from_object(term["namespaceSelector"] or {}), cluster.namespaces.get(where, {})
        )
        return found or where in named
    return where in (named or (owner["metadata"]["namespace"],))


def _complete(rule: Object, owner: Object) -> Object | None:
    """The label selector of a term or constraint, with the owner's own values of ``matchLabelKeys``."""
    selector, own = rule.get("labelSelector"), labels_of(owner)
    added = [
        {"key": key, "operator": operator, "values": [own[key]]}
        for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
        for key in rule.get(field) or ()
        if key in own
    ]
    if selector is None or not added:
        return selector
    return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or ()), *added]}


def domains_with(term: Object, owner: Object, cluster: Snapshot) -> dict[str, int]:
    """How many pods that a term means there are in each domain of its topology."""
    key, found = term["topologyKey"], dict[str, int]()
    for node, other in cluster.placed():
        domain = labels_of(node).get(key)
        if domain is not None and is_meant(term, owner, other, cluster):
            found[domain] = found.get(domain, 0) + 1
    return found


def misses_company(pod: Object, node: Object, cluster: Snapshot) -> bool:
    """Whether a node lacks pods that `pod` must be with. The first of a group that likes itself may go anywhere."""
    terms = required(pod, "podAffinity")
    found = [domains_with(term, pod, cluster) for term in terms]
    here = [labels_of(node).get(term["topologyKey"]) for term in terms]
    if all(place is not None and place in counts for place, counts in zip(here, found, strict=True)):
        return False
    is_first = not any(found) and all(is_meant(term, pod, pod, cluster) for term in terms)
    return not (is_first and None not in here)


def meets_unwanted(pod: Object, node: Object, cluster: Snapshot) -> bool:
    """Whether a node's domains hold pods that `pod` must not be with."""
    labels = labels_of(node)
    return any(
        labels.get(term["topologyKey"]) in domains_with(term, pod, cluster)
        for term in required(pod, "podAntiAffinity")
    )


def is_unwanted(pod: Object, node: Object, cluster: Snapshot) -> bool:
    """Whether pods in the node's domains must not be with `pod`."""
    here = labels_of(node)
    return any(
        term["topologyKey"] in here
        and labels_of(place).get(term["topologyKey"]) == here[term["topologyKey"]]
        and is_meant(term, other, pod, cluster)
        for place, other in cluster.placed()
        for term in required(other, "podAntiAffinity")
    )


def constraints(pod: Object, when: str) -> list[Object]:
    """The spread constraints that are kept to strictly (``DoNotSchedule``) or tried (``ScheduleAnyway``)."""
    listed = pod["spec"].get("topologySpreadConstraints") or ()
    return [item for item in listed if item["whenUnsatisfiable"] == when]


def matching(constraint: Object, pod: Object, cluster: Snapshot, nodes: Iterable[Object]) -> dict[str, int]:
    """How many pods of the constraint's kind there are in each domain that `nodes` make up."""
    selector, found = _complete(constraint, pod), dict[str, int]()
    for node in nodes:
        domain = labels_of(node).get(constraint["topologyKey"])
        if domain is None:
            continue
        count = sum(
            other["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and not is_deleting(other)
            and selects(selector, labels_of(other))
            for other in cluster.on(node)
        )
        found[domain] = found.get(domain, 0) + count
    return found


def skew(constraint: Object, pod: Object, node: Object, cluster: Snapshot, nodes: Iterable[Object]) -> int:
    """By how many pods the node's domain would be ahead of the emptiest one, with `pod` on it."""
    found = matching(constraint, pod, cluster, nodes)
    few = len(found) < constraint.get("minDomains", 1)
    least = 0 if few else min(found.values(), default=0)
    itself = selects(_complete(constraint, pod), labels_of(pod))
    return found.get(labels_of(node)[constraint["topologyKey"]], 0) + itself - least
