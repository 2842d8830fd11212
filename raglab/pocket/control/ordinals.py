"""Pods and volume claims with fixed names: what belongs to position 0, 1, 2 ... of a StatefulSet."""

from __future__ import annotations

import re

from raglab.pocket.client import Object
from raglab.pocket.control.revisions import template_of
from raglab.pocket.objects import labels_of, owner_reference

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"


def ordinal_of(owner: Object, pod: Object) -> int | None:
    """The position in a pod's name, None if it is not named like the owner's pods."""
    match = re.fullmatch(re.escape(owner["metadata"]["name"]) + r"-(0|[1-9]\d*)", pod["metadata"]["name"])
    return int(match[1]) if match else None


def _claim_name(owner: Object, template: Object, ordinal: int) -> str:
    return f"{template['metadata'].get('name', '')}-{owner['metadata']['name']}-{ordinal}"


def claims(owner: Object, ordinal: int) -> list[Object]:
    """The volume claims of a position."""
    spec, made = owner["spec"], []
    for template in spec.get("volumeClaimTemplates") or ():
        labels = labels_of(template) | (spec["selector"].get("matchLabels") or {})
        name = {"name": _claim_name(owner, template, ordinal), "namespace": owner["metadata"]["namespace"]}
        metadata = template["metadata"] | name | {"labels": labels}
        kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        made.append(kind | {"metadata": metadata, "spec": template["spec"]})
    return made


def pod(owner: Object, ordinal: int, revision: Object) -> Object:
    """The pod of a position, from the template that `revision` keeps."""
    template, name = template_of(revision), f"{owner['metadata']['name']}-{ordinal}"
    identity = {POD_INDEX: str(ordinal), REVISION: revision["metadata"]["name"], POD_NAME: name}
    metadata = {
        "name": name,
        "generateName": owner["metadata"]["name"] + "-",
        "namespace": owner["metadata"]["namespace"],
        "labels": labels_of(template) | identity,
        "annotations": template["metadata"].get("annotations", {}),
        "ownerReferences": [owner_reference(owner)],
    }
    spec = template["spec"] | {"hostname": name, "subdomain": owner["spec"].get("serviceName", "")}
    if volumes := _volumes(owner, ordinal, template["spec"].get("volumes", [])):
        spec["volumes"] = volumes
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _volumes(owner: Object, ordinal: int, others: list[Object]) -> list[Object]:
    """The claims of the position as volumes, then those volumes of the template that they do not replace."""
    claimed = {
        template["metadata"].get("name", ""): {"claimName": _claim_name(owner, template, ordinal)}
        for template in owner["spec"].get("volumeClaimTemplates") or ()
    }
    mine = [{"name": name, "persistentVolumeClaim": source} for name, source in claimed.items()]
    return mine + [volume for volume in others if volume["name"] not in claimed]
