"""The ReplicaSets of a Deployment as versions of its pod template: how they are named, numbered and told
apart.
"""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.rollout import Limits
from raglab.pocket.objects import annotations_of, labels_of, owner_reference, seconds, stable_hash

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED, MOST = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
NOT_INHERITED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision-history",
    REVISION,
    DESIRED,
    MOST,
}
"""Annotations of the Deployment that its ReplicaSets do not get."""


def is_of(replica_set: Object, template: Object) -> bool:
    """Whether the ReplicaSet makes pods from this template."""
    found = replica_set["spec"]["template"]
    labels = {key: value for key, value in labels_of(found).items() if key != HASH}
    return bool(found | {"metadata": found["metadata"] | {"labels": labels}} == template)


def size(replica_set: Object) -> int:
    """Replicas asked for."""
    return int(replica_set["spec"].get("replicas", 1))


def revision(replica_set: Object | None) -> int:
    """The number in ``kubectl rollout history``; 0 for None."""
    return int(annotations_of(replica_set).get(REVISION, 0)) if replica_set else 0


def next_revision(new: Object | None, old: list[Object]) -> int:
    """One more than any older version; a rollback makes an old ReplicaSet the newest version."""
    return max([revision(new), *(revision(item) + 1 for item in old), 1])


def age(replica_set: Object) -> tuple[float, str]:
    """Sorts the oldest first."""
    meta = replica_set["metadata"]
    return seconds(meta["creationTimestamp"]), meta["name"]


def sized_for(limits: Limits) -> dict[str, str]:
    """Annotations that say for which Deployment size a ReplicaSet got its own."""
    return {DESIRED: str(limits.replicas), MOST: str(limits.most)}


def inherited(deployment: Object, number: int) -> dict[str, str]:
    """Annotations of the newest ReplicaSet: the Deployment's, and its number."""
    kept = {key: value for key, value in annotations_of(deployment).items() if key not in NOT_INHERITED}
    return kept | {REVISION: str(number)}


def new_replica_set(deployment: Object, replicas: int, annotations: dict[str, str]) -> Object:
    """A ReplicaSet for the template as it is now. Its name follows from the template and the collisions so
    far.
    """
    meta, spec = deployment["metadata"], deployment["spec"]
    template, selector = spec["template"], spec["selector"]
    digest = stable_hash([template, deployment.get("status", {}).get("collisionCount", 0)])
    mark = {HASH: digest}
    labels = labels_of(template) | mark
    metadata = {
        "name": f"{meta['name']}-{digest}",
        "namespace": meta["namespace"],
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": [owner_reference(deployment)],
    }
    body = {
        "replicas": replicas,
        "selector": selector | {"matchLabels": selector.get("matchLabels", {}) | mark},
        "template": template | {"metadata": template["metadata"] | {"labels": labels}},
    }
    body |= {key: spec[key] for key in ("minReadySeconds",) if key in spec}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": body}
