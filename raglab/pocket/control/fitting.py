"""What a Pod asks of a node: resources, tolerations, labels."""

from __future__ import annotations

import math
from collections.abc import Iterable

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.kinds import resources
from raglab.pocket.kinds.quantity import milli
from raglab.pocket.kinds.remembering import remembered
from raglab.pocket.objects import labels_of

Resources = dict[str, int]
"""Amounts in thousandths, rounded up: what a scheduler counts in."""
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""The taint that a cordoned node counts as having."""


@remembered
def requests(pod: Object) -> Resources:
    """What a Pod takes of a node."""
    asked = resources.total(pod["spec"], "requests")
    return {name: math.ceil(amount.value * 1000) for name, amount in asked.items()} | {"pods": 1000}


def used(pods: Iterable[Object]) -> Resources:
    """What Pods take together."""
    total: Resources = {}
    for pod in pods:
        for name, amount in requests(pod).items():
            total[name] = total.get(name, 0) + amount
    return total


def allocatable(node: Object) -> Resources:
    """What a node has for Pods."""
    listed = node.get("status", {}).get("allocatable") or {}
    return {name: milli(text) for name, text in listed.items()}


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
    return required is None or any(term_holds(term, node) for term in required["nodeSelectorTerms"])


def term_holds(term: Object, node: Object) -> bool:
    """Rules on the node's labels, and on its name, the only field there is; a term without rules holds for none."""
    by_label, by_field = term.get("matchExpressions"), term.get("matchFields")
    fields = {"metadata.name": node["metadata"]["name"]}
    if not by_label and not by_field:
        return False
    return all(
        selectors.matches(selectors.from_object({"matchExpressions": rules}), facts)
        for rules, facts in ((by_label, labels_of(node)), (by_field, fields))
    )


def taints(node: Object, *effects: str) -> list[Object]:
    """The taints of a node that have one of these effects."""
    return [item for item in node["spec"].get("taints") or () if item["effect"] in effects]
