"""The ``scale`` subresource: the number of replicas of a workload, as an ``autoscaling/v1`` Scale."""

from __future__ import annotations

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.errors import bad_request, invalid

SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def of(obj: Object) -> Object:
    """The Scale of a Deployment, ReplicaSet, StatefulSet or ReplicationController."""
    meta, spec = obj["metadata"], obj["spec"]
    status: Object = {"replicas": obj.get("status", {}).get("replicas", 0)}
    if selector := _selector(spec.get("selector") or {}):
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in SHOWN_METADATA if key in meta},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": status,
    }


def applied(obj: Object, wanted: Object) -> Object:
    """`obj` with the number of replicas of the Scale `wanted`, which may carry a resourceVersion to insist on."""
    replicas = (wanted.get("spec") or {}).get("replicas") or 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        found = (
            "bool" if isinstance(replicas, bool) else "number" if isinstance(replicas, float) else "string"
        )
        why = f"json: cannot unmarshal {found} into Go struct field ScaleSpec.spec.replicas of type int32"
        raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: {why}')
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = ("FieldValueInvalid", "spec.replicas", text)
        raise invalid("Scale", "autoscaling", obj["metadata"]["name"], [cause])
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    meta = obj["metadata"] | ({"resourceVersion": version} if version else {})
    return obj | {"metadata": meta, "spec": obj["spec"] | {"replicas": replicas}}


def _selector(selector: Object) -> str:
    """As text, for clients that list the pods; a ReplicationController's selector is a plain map."""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}
    return selectors.to_text(selectors.from_object(selector))
