"""What a new object needs from others: its namespace, a service account, a storage class, and room.

These are the admission plugins NamespaceLifecycle, ServiceAccount, LimitRanger, Priority, DefaultStorageClass and
ResourceQuota of a real server.
"""

from __future__ import annotations

from raglab.pocket.api import limits, priorities, quotas
from raglab.pocket.api.definitions import SHELF
from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, not_admitted, not_found
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.store import Store

LIMITED = frozenset(("/pods", "/persistentvolumeclaims"))
"""Shelves of what a LimitRange speaks of."""
GROWING = frozenset(("/persistentvolumeclaims", "/services"))
"""Shelves of what may come to cost more after it was created."""
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def admit(store: Store, kind: Kind, obj: Object) -> None:
    """Complete `obj` in place, or refuse it (403, 404)."""
    if kind.custom:
        _definition(store, kind)
    if kind.namespaced:
        _namespace(store, kind, obj)
    if kind.storage_key == "/pods":
        _service_account(store, obj)
        limits.complete(store, obj)
        priorities.complete(store, obj)
    if kind.storage_key == "/persistentvolumeclaims":
        _storage_class(store, obj)


def finish(store: Store, kind: Kind, obj: Object, old: Object | None) -> None:
    """Refuse (403) a complete and valid object that the policies of its namespace have no room for."""
    if kind.storage_key == priorities.SHELF:
        priorities.check(store, kind, obj)
    if old is not None and (kind.storage_key not in GROWING or "deletionTimestamp" in obj["metadata"]):
        return
    if kind.storage_key in LIMITED:
        limits.check(store, kind, obj)
    quotas.check(store, kind, obj, old)


def _namespace(store: Store, kind: Kind, obj: Object) -> None:
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    found = store.get("/namespaces", "", namespace)
    if found is None:
        raise not_found("namespaces", "", namespace)
    if "deletionTimestamp" not in found.object["metadata"]:
        return
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    error = not_admitted(kind.plural, kind.group, name, why)
    text = f"namespace {namespace} is being terminated"
    error.details["causes"] = [
        {"reason": "NamespaceTerminating", "message": text, "field": "metadata.namespace"}
    ]
    raise error


def _definition(store: Store, kind: Kind) -> None:
    """Nothing new of a kind whose definition is being deleted."""
    found = store.get(SHELF, "", f"{kind.plural}.{kind.group}")
    if found is None or "deletionTimestamp" in found.object["metadata"]:
        text = "create not allowed while custom resource definition is terminating"
        raise StatusError(405, "MethodNotAllowed", text)


def _service_account(store: Store, pod: Object) -> None:
    meta = pod["metadata"]
    account = pod["spec"].get("serviceAccountName") or "default"
    if store.get("/serviceaccounts", meta["namespace"], account) is None:
        where = f"{meta['namespace']}/{account}"
        why = f'error looking up service account {where}: serviceaccount "{account}" not found'
        raise not_admitted("pods", "", meta["name"], why)


def _storage_class(store: Store, claim: Object) -> None:
    """A claim that names no class gets the newest of those marked as default; the empty name asks for none."""
    if "storageClassName" in claim["spec"]:
        return
    classes = [record.object for record in store.records("storage.k8s.io/storageclasses")]
    marked = [
        item for item in classes if item["metadata"].get("annotations", {}).get(DEFAULT_CLASS) == "true"
    ]
    if marked:
        newest = max(marked, key=lambda item: item["metadata"]["creationTimestamp"])
        claim["spec"]["storageClassName"] = newest["metadata"]["name"]
