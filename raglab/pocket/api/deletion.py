"""What deleting means: at once, after a grace period, or when every finalizer has had its turn."""

from __future__ import annotations

from dataclasses import dataclass

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import conflict, forbidden
from raglab.pocket.kinds.catalogue import Kind

DEPENDENTS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
"""Finalizers that ask the garbage collector to deal with dependents first, by propagation policy."""
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""Finalizer that keeps a CustomResourceDefinition until the last of its objects is gone."""
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
    """Refuse when a precondition does not hold (409), or the object may not be deleted (403)."""
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


def marked(kind: Kind, obj: Object, options: DeleteOptions, now: float) -> tuple[Object, bool]:
    """`obj` with since when and how it is being deleted, and whether it can go at once.

    A second deletion may shorten the grace period of the first, never lengthen it.
    """
    meta, grace = dict(obj["metadata"]), _grace(kind, obj, options)
    meta["finalizers"] = _finalizers(meta, options)
    if not meta["finalizers"]:
        del meta["finalizers"]
    began = "deletionTimestamp" in meta
    if not began or grace < meta.get("deletionGracePeriodSeconds", 0):
        meta |= {"deletionTimestamp": timestamp(now + grace), "deletionGracePeriodSeconds": grace}
    if not began and "generation" in meta:
        meta["generation"] += 1
    doomed = obj | {"metadata": meta}
    if kind.plural == "customresourcedefinitions" and not began:
        meta["finalizers"] = [*meta.get("finalizers", ()), CLEANUP]
    if kind.plural == "namespaces":
        meta.pop("deletionGracePeriodSeconds", None)
        doomed["status"] = obj.get("status", {}) | {"phase": "Terminating"}
    return doomed, is_over(kind, doomed)


def is_over(kind: Kind, obj: Object) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    meta = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    if kind.plural == "namespaces":
        return not obj.get("spec", {}).get("finalizers")
    return not meta.get("deletionGracePeriodSeconds")


def _finalizers(meta: Object, options: DeleteOptions) -> list[str]:
    """Those of the object, with the one that the propagation policy asks for instead of the one of another policy."""
    finalizers: list[str] = meta.get("finalizers", [])
    if not options.propagation:
        return finalizers
    kept = [name for name in finalizers if name not in DEPENDENTS.values()]
    asked = DEPENDENTS.get(options.propagation)
    return [*kept, asked] if asked else kept


def _grace(kind: Kind, obj: Object, options: DeleteOptions) -> int:
    """Only a pod that is on a node and has not ended needs time; the node agent ends it and deletes with grace 0."""
    if kind.plural != "pods" or not obj["spec"].get("nodeName"):
        return 0
    if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    usual: int = obj["spec"].get("terminationGracePeriodSeconds", 30)
    return max(usual if options.grace is None else options.grace, 0)
