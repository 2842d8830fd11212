"""The pods of a DaemonSet: on which nodes they belong, and what they look like there.

Rules and tolerations: Kubernetes documentation, "DaemonSet", sections "How Daemon Pods are scheduled" and
"Taints and tolerations".
"""

from __future__ import annotations

from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.fitting import is_selected, tolerates
from raglab.pocket.objects import annotations_of, labels_of, owner_reference

HASH = "controller-revision-hash"
GENERATION, COUNTED = "pod-template-generation", "deprecated.daemonset.template.generation"
"""Label of the pods, and the annotation of the DaemonSet it is taken from."""
_NODE_TROUBLE = {"not-ready": "NoExecute", "unreachable": "NoExecute"} | dict.fromkeys(
    ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"), "NoSchedule"
)
_ON_HOST_NETWORK = {"network-unavailable": "NoSchedule"}


class Verdict(NamedTuple):
    """Whether a pod may be started on a node, and whether one that is there may stay."""

    start: bool
    stay: bool


def verdict(owner: Object, node: Object) -> Verdict:
    """What the template's node name, selector, affinity and tolerations say about `node`."""
    spec = owner["spec"]["template"]["spec"]
    pod = {"spec": spec | {"tolerations": _tolerations(spec)}}
    name = node["metadata"]["name"]
    if spec.get("nodeName", name) != name or not is_selected(pod, node):
        return Verdict(False, False)
    taints = (item for item in node["spec"].get("taints") or () if not tolerates(pod, item))
    effects = {item["effect"] for item in taints}
    return Verdict(effects.isdisjoint(("NoSchedule", "NoExecute")), "NoExecute" not in effects)


def node_of(pod: Object) -> str:
    """The node that a pod runs on or was made for; "" if it says neither."""
    if on := pod["spec"].get("nodeName"):
        return str(on)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for rule in term.get("matchFields") or ():
            if rule["key"] == "metadata.name" and rule["operator"] == "In":
                return str(rule["values"][0])
    return ""


def pod(owner: Object, node: str, revision: Object) -> Object:
    """The pod for `node`, of the version that `revision` keeps, which is the owner's template."""
    template = owner["spec"]["template"]
    meta, spec = template.get("metadata", {}), template["spec"]
    version = {HASH: labels_of(revision)[HASH], GENERATION: annotations_of(owner).get(COUNTED, "1")}
    metadata = {key: meta[key] for key in ("annotations", "finalizers") if key in meta}
    metadata |= {
        "generateName": owner["metadata"]["name"] + "-",
        "namespace": owner["metadata"]["namespace"],
        "labels": (meta.get("labels") or {}) | version,
        "ownerReferences": [owner_reference(owner)],
    }
    spec = spec | {"affinity": _only_on(node, spec.get("affinity")), "tolerations": _tolerations(spec)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _only_on(node: str, affinity: Object | None) -> Object:
    """`affinity` with one certain node in the place of whatever it asks of nodes: that was seen to already."""
    rule = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [rule]}]}
    others = (affinity or {}).get("nodeAffinity") or {}
    here = others | {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return (affinity or {}) | {"nodeAffinity": here}


def _tolerations(spec: Object) -> list[Object]:
    """The template's, and those that let a daemon run on a node in trouble."""
    result = list(spec.get("tolerations") or ())
    trouble = _NODE_TROUBLE | (_ON_HOST_NETWORK if spec.get("hostNetwork") else {})
    for name, effect in trouble.items():
        added = {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
        if added not in result:
            result.append(added)
    return result
