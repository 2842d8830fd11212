"""Whether a StatefulSet's volume claims outlive it, or the pods that a smaller one no longer has.

What is not to outlive something is owned by it, so that it goes with it. Source:
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention.
"""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.objects import owner_reference


def owners(owner: Object, claim: Object, pod: Object | None) -> list[Object]:
    """The owner references that a claim should have. `pod` is the one it belongs to if the set has become too small
    for that.
    """
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    kept = [ref for ref in claim["metadata"].get("ownerReferences", ()) if not _is_ours(ref, owner)]
    if pod is not None and policy.get("whenScaled") == "Delete":
        return [*kept, owner_reference(pod)]
    return [*kept, owner_reference(owner)] if policy.get("whenDeleted") == "Delete" else kept


def _is_ours(ref: Object, owner: Object) -> bool:
    """References that the policy decides about: to the set itself, and to pods of its name."""
    of_pod = ref["kind"] == "Pod" and ref["name"].startswith(owner["metadata"]["name"] + "-")
    return of_pod or ref["uid"] == owner["metadata"]["uid"]
