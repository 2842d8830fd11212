"""What clients may not decide: identity, versions, who owns which part of an object, and what must exist beforehand."""

from __future__ import annotations

import random
import uuid

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import StatusError, bad_request, conflict, forbidden, invalid, not_found, qualified
from raglab.pocket.kinds.catalogue import Kind

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, so that no words appear (k8s.io/apimachinery/pkg/util/rand)."""
SUFFIX_LENGTH, LONGEST_BASE = 5, 58

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}
NO_GENERATION = frozenset(
    {
        "configmaps",
        "endpoints",
        "events",
        "namespaces",
        "nodes",
        "persistentvolumeclaims",
        "persistentvolumes",
    }
    | {
        "secrets",
        "serviceaccounts",
        "services",
        "endpointslices",
        "leases",
        "storageclasses",
        "resourcequotas",
    }
    | {"limitranges", "roles", "rolebindings", "clusterroles", "clusterrolebindings", "controllerrevisions"}
    | {"horizontalpodautoscalers"}
)
"""Kinds whose `metadata.generation` a real server leaves out."""
IMMUTABLE_METADATA = ("name", "namespace", "uid", "creationTimestamp")
SERVER_METADATA = ("generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def as_version(kind: Kind, obj: Object) -> Object:
    """The stored object under the version it was asked for (kinds that are served twice share one shelf)."""
    if obj.get("apiVersion") == kind.api_version:
        return obj
    return obj | {"apiVersion": kind.api_version, "kind": kind.kind}


def prepare_create(kind: Kind, namespace: str, obj: Object, now: float) -> None:
    """Give a new object its identity, in place."""
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    meta = obj.setdefault("metadata", {})
    _settle_namespace(kind, namespace, meta)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = generate_name(meta["generateName"])
    if not meta.get("name"):
        text = "Required value: name or generateName is required"
        raise invalid(kind.kind, kind.group, "", [("FieldValueRequired", "metadata.name", text)])
    if meta.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    for key in (*SERVER_METADATA, "managedFields"):
        meta.pop(key, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(now)}
    if kind.plural not in NO_GENERATION:
        meta["generation"] = 1
    if kind.plural in FINALIZERS:
        meta["finalizers"] = [*meta.get("finalizers", ()), FINALIZERS[kind.plural]]
    if "status" in kind.subresources:
        obj.pop("status", None)


def _settle_namespace(kind: Kind, namespace: str, meta: Object) -> None:
    if not kind.namespaced:
        meta.pop("namespace", None)
    elif meta.setdefault("namespace", namespace) != namespace:
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise bad_request(text)


def generate_name(base: str) -> str:
    """``base`` and five random letters."""
    return base[:LONGEST_BASE] + "".join(random.choices(ALPHABET, k=SUFFIX_LENGTH))


def require_namespace(kind: Kind, obj: Object, found: Object | None, namespace: str) -> None:
    """404 where there is no such namespace, 403 where it is going away."""
    if found is None:
        raise not_found("namespaces", "", namespace)
    if found.get("status", {}).get("phase") == "Terminating":
        name = obj["metadata"]["name"]
        text = f"unable to create new content in namespace {namespace} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        details = {"name": name, "group": kind.group, "kind": kind.plural, "causes": [cause]}
        message = f'{qualified(kind.plural, kind.group)} "{name}" is forbidden: {text}'
        raise StatusError(403, "Forbidden", message, {key: value for key, value in details.items() if value})


def no_service_account(pod: Object, namespace: str, account: str) -> StatusError:
    """403 for a pod whose service account does not exist (yet)."""
    name = pod["metadata"]["name"]
    why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
    return forbidden(f'pods "{name}" is forbidden: {why}', "pods", "", name)


def choose_storage_class(claim: Object, classes: list[Object]) -> None:
    """A claim that names no class gets the default one, as the admission plugin DefaultStorageClass does it."""
    spec = claim.setdefault("spec", {})
    if "storageClassName" in spec or "volume.beta.kubernetes.io/storage-class" in _annotations(claim):
        return
    chosen = [item for item in classes if _annotations(item).get(DEFAULT_CLASS) == "true"]
    if chosen:
        newest = max(chosen, key=lambda item: item["metadata"]["creationTimestamp"])
        spec["storageClassName"] = newest["metadata"]["name"]


def _annotations(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def prepare_update(kind: Kind, obj: Object, current: Object, subresource: str) -> Object:
    """The object to store: what the client sent where it has a say, what is stored where it has not."""
    _refuse_outdated(kind, obj, current)
    if subresource == "status":
        # Labels and annotations may be changed together with a status; a spec may not.
        part = {key: current[key] for key in current if key not in ("status", "metadata")}
        status = {"status": obj["status"]} if "status" in obj else {}
        return part | {"metadata": _metadata(kind, obj, current)} | status
    new = {key: value for key, value in obj.items() if key != "status"} if _has_status(kind) else dict(obj)
    if _has_status(kind) and "status" in current:
        new["status"] = current["status"]
    if kind.plural == "namespaces" and subresource != "finalize":
        new["spec"] = current.get("spec", {})
    return new | {
        "apiVersion": current["apiVersion"],
        "kind": current["kind"],
        "metadata": _metadata(kind, obj, current),
    }


def _has_status(kind: Kind) -> bool:
    return "status" in kind.subresources


def _refuse_outdated(kind: Kind, obj: Object, current: Object) -> None:
    sent, stored = obj["metadata"], current["metadata"]
    if sent.get("resourceVersion") and sent["resourceVersion"] != stored["resourceVersion"]:
        raise conflict(kind.plural, kind.group, stored["name"])
    if sent.get("uid") and sent["uid"] != stored["uid"]:
        why = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {stored['uid']}"
        raise conflict(kind.plural, kind.group, stored["name"], why)
    for key in ("name", "namespace"):
        if sent.get(key) and sent[key] != stored.get(key):
            raise bad_request(
                f"the {key} of the object ({sent[key]}) does not match the {key} on the URL ({stored.get(key)})"
            )


def _metadata(kind: Kind, obj: Object, current: Object) -> Object:
    """The client's labels, annotations, owners and finalizers; the server's everything else."""
    stored = current["metadata"]
    meta = {key: value for key, value in obj["metadata"].items() if key not in SERVER_METADATA}
    meta.pop("managedFields", None)
    for key in (*IMMUTABLE_METADATA, *SERVER_METADATA, "resourceVersion"):
        if key in stored:
            meta[key] = stored[key]
    if "deletionTimestamp" in stored:  # no new reason to stay once the end has begun
        kept = [name for name in meta.get("finalizers", ()) if name in stored.get("finalizers", ())]
        meta = {key: value for key, value in meta.items() if key != "finalizers"} | (
            {"finalizers": kept} if kept else {}
        )
    return meta


def count_generation(kind: Kind, new: Object, current: Object) -> None:
    """One more generation when the wanted state has changed, in place."""
    if "generation" not in current["metadata"]:
        return
    changed = any(new.get(key) != current.get(key) for key in {*new, *current} - {"metadata", "status"})
    if changed:
        new["metadata"]["generation"] = current["metadata"]["generation"] + 1


def bound(pod: Object, binding: Object, now: float) -> Object:
    """The pod on the node that `binding` names."""
    meta, spec = pod["metadata"], pod["spec"]
    if spec.get("nodeName"):
        why = f'pod {meta["name"]} is already assigned to node "{spec["nodeName"]}"'
        raise conflict("pods/binding", "", meta["name"], why)
    if meta.get("deletionTimestamp"):
        raise conflict(
            "pods/binding",
            "",
            meta["name"],
            f"pod {meta['name']} is being deleted, cannot be assigned to a host",
        )
    status = pod.get("status", {})
    others = [item for item in status.get("conditions", ()) if item["type"] != "PodScheduled"]
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
    }
    if "generation" in meta:
        scheduled["observedGeneration"] = meta["generation"]
    return pod | {
        "metadata": dict(meta),
        "spec": spec | {"nodeName": binding["target"]["name"]},
        "status": status | {"conditions": [*others, scheduled]},
    }
