"""What clients may not decide about an object: its identity, its versions, and the parts that belong to others."""

from __future__ import annotations

import random
import uuid
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import bad_request, conflict, invalid
from raglab.pocket.kinds.catalogue import Kind

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, so that no words appear (k8s.io/apimachinery/pkg/util/rand)."""
SUFFIX_LENGTH, LONGEST_BASE = 5, 58
GENERATIONS = frozenset(
    {
        "/pods",
        "/replicationcontrollers",
        "apiextensions.k8s.io/customresourcedefinitions",
        "apps/daemonsets",
        "apps/deployments",
        "apps/replicasets",
        "apps/statefulsets",
        "batch/cronjobs",
        "batch/jobs",
        "discovery.k8s.io/endpointslices",
        "networking.k8s.io/ingressclasses",
        "networking.k8s.io/ingresses",
        "networking.k8s.io/networkpolicies",
        "policy/poddisruptionbudgets",
        "scheduling.k8s.io/priorityclasses",
    }
)
"""Shelves whose objects count generations, as those of custom resources do; on others the field is left out."""
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Annotation with the number of changes of a DaemonSet's template; its pods carry it as a label."""
FROM_STORE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Metadata that an update cannot change."""
NODES = "/nodes"
APART = ("managedFields", "selfLink")
"""Metadata that an update does not take from what was sent: `ownership` decides about the first, none has the other."""


def as_created(kind: Kind, obj: Object) -> Object:
    """What counts of a new object: its status is left to others, except that a node registers together with one."""
    if "status" not in kind.subresources or kind.storage_key == NODES:
        return obj
    return {key: part for key, part in obj.items() if key != "status"}


def prepare_create(kind: Kind, namespace: str, obj: Object, now: float) -> None:
    """Give a new object its identity, in place."""
    meta = obj.setdefault("metadata", {})
    _settle_namespace(kind, namespace, meta)
    if meta.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = generate_name(meta["generateName"])
    if not meta.get("name"):
        text = "Required value: name or generateName is required"
        raise invalid(kind.kind, kind.group, "", [("FieldValueRequired", "metadata.name", text)])
    for key in (
        "selfLink",
        "resourceVersion",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ):
        meta.pop(key, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(now)}
    if kind.custom or kind.storage_key in GENERATIONS:
        meta["generation"] = 1
    if kind.plural == "daemonsets":
        meta["annotations"] = (meta.get("annotations") or {}) | {TEMPLATE_GENERATION: "1"}


def blank(kind: Kind, name: str, config: Object) -> Object:
    """What an apply begins with where there is no object of this `name` yet."""
    wanted = (config.get("metadata") or {}).get("name") or name
    if wanted != name:
        raise bad_request(f"the name of the object ({wanted}) does not match the name on the URL ({name})")
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}


def _settle_namespace(kind: Kind, namespace: str, meta: Object) -> None:
    if not kind.namespaced:
        meta.pop("namespace", None)
    elif (meta.get("namespace") or namespace) != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    else:
        meta["namespace"] = namespace


def generate_name(base: str) -> str:
    """``base`` and five random letters."""
    return base[:LONGEST_BASE] + "".join(random.choices(ALPHABET, k=SUFFIX_LENGTH))


def prepare_update(kind: Kind, obj: Object, current: Object, subresource: str) -> Object:
    """The object to store: what the client sent where it has a say, what is stored where it has not."""
    _refuse_outdated(kind, obj, current)
    head = {key: current[key] for key in ("apiVersion", "kind")} | {"metadata": _metadata(kind, obj, current)}
    if subresource == "status":
        # Labels and annotations may be changed together with a status, a spec may not.
        return current | head | _part(obj, "status")
    if kind.plural == "namespaces" and subresource != "finalize":
        obj = obj | _part(current, "spec")
    if "status" in kind.subresources:
        obj = {key: value for key, value in obj.items() if key != "status"} | _part(current, "status")
    return obj | head


def _part(obj: Object, name: str) -> Object:
    return {name: obj[name]} if name in obj else {}


def _refuse_outdated(kind: Kind, obj: Object, current: Object) -> None:
    sent, stored = obj["metadata"], current["metadata"]
    for key in ("name", "namespace"):
        if sent.get(key) and sent[key] != stored.get(key):
            where = f"does not match the {key} on the URL ({stored.get(key)})"
            raise bad_request(f"the {key} of the object ({sent[key]}) {where}")
    if sent.get("uid") and sent["uid"] != stored["uid"]:
        why = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {stored['uid']}"
        raise conflict(kind.plural, kind.group, stored["name"], why)
    if sent.get("resourceVersion") and sent["resourceVersion"] != stored["resourceVersion"]:
        raise conflict(kind.plural, kind.group, stored["name"])
    created = sent.get("creationTimestamp")
    if created and created != stored["creationTimestamp"]:
        text = f'Invalid value: "{created}": field is immutable'
        cause = ("FieldValueInvalid", "metadata.creationTimestamp", text)
        raise invalid(kind.kind, kind.group, stored["name"], [cause])


def _metadata(kind: Kind, obj: Object, current: Object) -> Object:
    """The client's labels, annotations, owners and finalizers; the server's everything else."""
    sent, stored = obj["metadata"], current["metadata"]
    meta = {key: value for key, value in sent.items() if key not in FROM_STORE and key not in APART}
    meta |= {key: stored[key] for key in FROM_STORE if key in stored}
    if "deletionTimestamp" in stored:
        _refuse_new_finalizers(kind, meta, stored)
    return meta


def _refuse_new_finalizers(kind: Kind, meta: Object, stored: Object) -> None:
    """Once the end has begun there can be no new reasons to wait."""
    new = [name for name in meta.get("finalizers", ()) if name not in stored.get("finalizers", ())]
    if new:
        listed = ", ".join(f'"{name}"' for name in new)
        why = "no new finalizers can be added if the object is being deleted, found new finalizers []string"
        cause = ("FieldValueForbidden", "metadata.finalizers", f"Forbidden: {why}{{{listed}}}")
        raise invalid(kind.kind, kind.group, stored["name"], [cause])


def count_generation(kind: Kind, new: Object, current: Object) -> None:
    """One more generation when the wanted state has changed, in place."""
    if "generation" in current["metadata"] and _wanted(kind, new) != _wanted(kind, current):
        new["metadata"]["generation"] = current["metadata"]["generation"] + 1
    if kind.plural == "daemonsets":
        _count_template(new, current)


def _count_template(new: Object, current: Object) -> None:
    number = int((current["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, 0))
    changed = new["spec"]["template"] != current["spec"]["template"]
    counted = {TEMPLATE_GENERATION: str(number + changed)}
    new["metadata"]["annotations"] = (new["metadata"].get("annotations") or {}) | counted


def _wanted(kind: Kind, obj: Object) -> Any:
    """The wanted state; for Deployments the annotations belong to it (they carry what ``rollout undo`` restores).

    In a custom resource the status belongs to it unless it is a subresource.
    """
    others = ("metadata",) if kind.custom and "status" not in kind.subresources else ("metadata", "status")
    spec = {key: value for key, value in obj.items() if key not in others}
    return spec, obj["metadata"].get("annotations") if kind.plural == "deployments" else None


def misbound(binding: Object) -> list[tuple[str, str, str]]:
    """What is wrong with a binding, as causes of a 422."""
    target = binding.get("target") or {}
    causes = []
    if (kind := target.get("kind") or "Node") != "Node":
        causes.append(
            (
                "FieldValueNotSupported",
                "target.kind",
                f'Unsupported value: "{kind}": supported values: "Node", ""',
            )
        )
    if not target.get("name"):
        causes.append(("FieldValueRequired", "target.name", "Required value"))
    return causes


def bound(pod: Object, binding: Object, now: float) -> Object:
    """The pod on the node that `binding` names."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if "deletionTimestamp" in meta:
        why = f"pod {meta['name']} is being deleted, cannot be assigned to a host"
        raise conflict("pods/binding", "", meta["name"], why)
    if spec.get("nodeName"):
        why = f'pod {meta["name"]} is already assigned to node "{spec["nodeName"]}"'
        raise conflict("pods/binding", "", meta["name"], why)
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
        "observedGeneration": meta["generation"],
    }
    others = [item for item in status.get("conditions", ()) if item.get("type") != "PodScheduled"]
    kept = {key: part for key, part in status.items() if key != "nominatedNodeName"}
    return pod | {
        "spec": spec | {"nodeName": binding["target"]["name"]},
        "status": kept | {"conditions": [*others, scheduled]},
    }
