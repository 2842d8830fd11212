"""PersistentVolumeClaim: it is not removed while a pod on a node uses it."""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting

FINALIZER = "kubernetes.io/pvc-protection"


def plan(view: View, key: Key, now: float) -> Plan:
    """Keep the finalizer on a living claim, take it from a deleted one that nobody uses."""
    result = Plan()
    claim = view["persistentvolumeclaims"].get(key[1], key[0])
    if claim is None:
        return result
    finalizers = claim["metadata"].get("finalizers", [])
    used = any(key in _claims(view, pod) for pod in view["pods"].list(key[0]) if pod["spec"].get("nodeName"))
    if not is_deleting(claim) and FINALIZER not in finalizers:
        result.patch("persistentvolumeclaims", claim, {"metadata": {"finalizers": [*finalizers, FINALIZER]}})
    elif is_deleting(claim) and FINALIZER in finalizers and not used:
        kept = [item for item in finalizers if item != FINALIZER]
        result.patch("persistentvolumeclaims", claim, {"metadata": {"finalizers": kept}})
    return result


def _claims(view: View, pod: Object) -> Iterable[Key]:
    """The claims a pod uses."""
    sources = (volume.get("persistentVolumeClaim") for volume in pod["spec"].get("volumes") or ())
    return [(pod["metadata"]["namespace"], source["claimName"]) for source in sources if source]


CONTROLLER = Controller(
    "pvc-protection-controller", plan, {"persistentvolumeclaims": itself, "pods": _claims}
)
