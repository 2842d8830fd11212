"""Whether a Pod can run on a node, and how full the node would be: what a scheduler has to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.kinds import resources
from raglab.pocket.kinds.quantity import parse
from raglab.pocket.objects import condition, labels_of

Resources = dict[str, Fraction]
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""The taint that a cordoned node counts as having."""


class Refusal(NamedTuple):
    """Why a node does not take a Pod. `lasting`: it would not, even if nothing else ran there."""

    reasons: tuple[str, ...]
    lasting: bool = True


def refusal(pod: Object, node: Object, there: Iterable[Object]) -> Refusal | None:
    """Why `node` does not take `pod` beside the Pods that are `there`; None if it does.

    The checks stand in the real scheduler's order and have its words; the first that fails is told.
    """
    taints = [
        item for item in node["spec"].get("taints") or () if item["effect"] in ("NoSchedule", "NoExecute")
    ]
    if node["spec"].get("unschedulable") and not tolerates(pod, UNSCHEDULABLE):
        return Refusal(("node(s) were unschedulable",))
    if not all(tolerates(pod, taint) for taint in taints):
        return Refusal(("node(s) had untolerated taint(s)",))
    if not is_selected(pod, node):
        return Refusal(("node(s) didn't match Pod's node affinity/selector",))
    ready = condition(node, "Ready")
    if ready is None or ready["status"] != "True":
        return Refusal(("node(s) were not ready",))
    return _lack(requests(pod), _allocatable(node), _used(there))


def load(pod: Object, node: Object, there: Iterable[Object]) -> Fraction:
    """Mean share of the node's cpu and memory that would be asked for with the Pod on it."""
    have, used, need = _allocatable(node), _used(there), requests(pod)
    shares = [
        (used.get(name, Fraction(0)) + need.get(name, Fraction(0))) / have[name]
        for name in ("cpu", "memory")
        if have.get(name)
    ]
    return sum(shares, Fraction(0)) / max(len(shares), 1)


def requests(pod: Object) -> Resources:
    """What a Pod takes of a node."""
    asked = resources.total(pod["spec"], "requests")
    return {name: amount.value for name, amount in asked.items()} | {"pods": Fraction(1)}


def _parsed(listed: Mapping[str, Any] | None) -> Resources:
    return {name: parse(text) for name, text in (listed or {}).items()}


def _plus(*parts: Resources) -> Resources:
    names = {name for part in parts for name in part}
    return {name: sum((part.get(name, Fraction(0)) for part in parts), Fraction(0)) for name in sorted(names)}


def _used(pods: Iterable[Object]) -> Resources:
    return _plus(*map(requests, pods))


def _allocatable(node: Object) -> Resources:
    return _parsed(node.get("status", {}).get("allocatable"))


def _lack(need: Resources, have: Resources, used: Resources) -> Refusal | None:
    """Resources of which too little is left; lasting if there would be too little even on an idle node."""
    reasons, lasting = [], False
    for name, amount in need.items():
        limit = have.get(name, Fraction(0))
        if amount and amount + used.get(name, Fraction(0)) > limit:
            reasons.append("Too many pods" if name == "pods" else f"Insufficient {name}")
            lasting = lasting or amount > limit
    return Refusal(tuple(reasons), lasting) if reasons else None


def tolerates(pod: Object, taint: Object) -> bool:
    """Whether one of the Pod's tolerations covers `taint`."""
    return toleration_of(pod, taint) is not None


def toleration_of(pod: Object, taint: Object) -> Object | None:
    """The first of the Pod's tolerations that covers `taint`."""
    tolerations: list[Object] = pod["spec"].get("tolerations") or []
    return next((item for item in tolerations if _covers(item, taint)), None)


def _covers(toleration: Object, taint: Object) -> bool:
    exists = toleration.get("operator") == "Exists"
    same_effect = toleration.get("effect") in (None, "", taint["effect"])
    same_key = toleration.get("key") == taint["key"] or (exists and not toleration.get("key"))
    return same_effect and same_key and (exists or toleration.get("value", "") == taint.get("value", ""))


def is_selected(pod: Object, node: Object) -> bool:
    """`nodeSelector` and the required node affinity: any of its terms, all rules of a term."""
    if not (pod["spec"].get("nodeSelector") or {}).items() <= labels_of(node).items():
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term_holds(term, node) for term in required["nodeSelectorTerms"])


def _term_holds(term: Object, node: Object) -> bool:
    """Rules on the node's labels, and on its name, the only field there is; a term without rules holds for none."""
    by_label, by_field = term.get("matchExpressions"), term.get("matchFields")
    fields = {"metadata.name": node["metadata"]["name"]}
    if not by_label and not by_field:
        return False
    return all(
        selectors.matches(selectors.from_object({"matchExpressions": rules}), facts)
        for rules, facts in ((by_label, labels_of(node)), (by_field, fields))
    )
