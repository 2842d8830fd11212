"""PersistentVolume: it is not removed while a claim is bound to it."""

from __future__ import annotations

from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting, phase

FINALIZER = "kubernetes.io/pv-protection"


def plan(view: View, key: Key, now: float) -> Plan:
    """Keep the finalizer on a living volume, take it from a deleted one that is not bound."""
    result = Plan()
    volume = view["persistentvolumes"].get(key[1])
    if volume is None:
        return result
    finalizers = volume["metadata"].get("finalizers", [])
    claim = view["persistentvolumeclaims"].by_uid((volume["spec"].get("claimRef") or {}).get("uid", ""))
    if not is_deleting(volume) and FINALIZER not in finalizers:
        result.patch("persistentvolumes", volume, {"metadata": {"finalizers": [*finalizers, FINALIZER]}})
    elif is_deleting(volume) and FINALIZER in finalizers and not (phase(volume) == "Bound" and claim):
        kept = [item for item in finalizers if item != FINALIZER]
        result.patch("persistentvolumes", volume, {"metadata": {"finalizers": kept}})
    return result


CONTROLLER = Controller(
    "pv-protection-controller",
    plan,
    {
        "persistentvolumes": itself,
        "persistentvolumeclaims": lambda _, claim: [("", claim["spec"].get("volumeName", ""))],
    },
)
