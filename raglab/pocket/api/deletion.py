"""What deleting means: at once, after a grace period, or when every finalizer has had its turn."""

from __future__ import annotations

from dataclasses import dataclass

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import conflict, forbidden
from raglab.pocket.kinds.catalogue import Kind

DEPENDENTS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
"""Finalizers that ask the garbage collector to deal with dependents first."""
UNDELETABLE = frozenset({"default", "kube-system", "kube-public"})


@dataclass(frozen=True)
class DeleteOptions:
    """``meta.k8s.io/v1`` DeleteOptions; `grace` in seconds, `uid` and `resource_version` are preconditions."""

    dry_run: bool = False
    propagation: str = ""
    grace: int | None = None
    uid: str = ""
    resource_version: str = ""


def check(kind: Kind, obj: Object, options: DeleteOptions) -> None:
    """Refuse when a precondition does not hold, or the object may not be deleted."""
    meta = obj["metadata"]
    for name, wanted, found in (
        ("UID", options.uid, meta["uid"]),
        ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
    ):
        if wanted and wanted != found:
            why = f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {found}"
            raise conflict(kind.plural, kind.group, meta["name"], why)
    if kind.plural == "namespaces" and meta["name"] in UNDELETABLE:
        text = f'namespaces "{meta["name"]}" is forbidden: this namespace may not be deleted'
        raise forbidden(text, "namespaces", "", meta["name"])


def marked(kind: Kind, obj: Object, options: DeleteOptions, now: float) -> Object:
    """`obj` itself when it can go at once, else a copy that says since when and how it is being deleted."""
    finalizers = _finalizers(obj, options)
    grace = _grace(kind, obj, options)
    waits = bool(finalizers) or grace > 0 or bool(_namespace_finalizers(kind, obj))
    if not waits:
        return obj
    meta = obj["metadata"] | ({"finalizers": finalizers} if finalizers else {})
    before = meta.get("deletionGracePeriodSeconds")
    if "deletionTimestamp" not in meta or (before is not None and grace < before):
        meta |= {"deletionTimestamp": timestamp(now + grace), "deletionGracePeriodSeconds": grace}
        if kind.plural == "namespaces":
            meta.pop("deletionGracePeriodSeconds")
        elif "generation" in meta and "deletionTimestamp" not in obj["metadata"]:
            meta["generation"] += 1
    doomed = obj | {"metadata": meta}
    if kind.plural == "namespaces":
        doomed["status"] = obj.get("status", {}) | {"phase": "Terminating"}
    return doomed


def is_over(kind: Kind, obj: Object) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    meta = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers") or _namespace_finalizers(kind, obj):
        return False
    return not meta.get("deletionGracePeriodSeconds")


def _finalizers(obj: Object, options: DeleteOptions) -> list[str]:
    """Those of the object, with the one that the propagation policy asks for."""
    kept = [name for name in obj["metadata"].get("finalizers", ()) if name not in DEPENDENTS.values()]
    if not options.propagation:
        return list(obj["metadata"].get("finalizers", ()))
    asked = DEPENDENTS.get(options.propagation)
    return [*kept, asked] if asked else kept


def _grace(kind: Kind, obj: Object, options: DeleteOptions) -> int:
    """Only a pod that is on a node and has not ended needs time; the node agent ends it and deletes with grace 0."""
    if kind.plural != "pods":
        return 0
    if not obj["spec"].get("nodeName") or obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace is not None:
        return max(options.grace, 0)
    usual: int = obj["spec"].get("terminationGracePeriodSeconds", 30)
    return usual


def _namespace_finalizers(kind: Kind, obj: Object) -> list[str]:
    return obj.get("spec", {}).get("finalizers", []) if kind.plural == "namespaces" else []
