"""The ``scale`` subresource: the number of replicas of a workload, as an ``autoscaling/v1`` Scale."""

from __future__ import annotations

from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.errors import bad_request, invalid


def of(obj: Object) -> Object:
    """The Scale of a Deployment, ReplicaSet, StatefulSet or ReplicationController."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Object = {"replicas": obj.get("status", {}).get("replicas", 0)}
    if selector := _selector(obj.get("spec", {}).get("selector")):
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": obj["spec"].get("replicas", 1)},
        "status": status,
    }


def applied(obj: Object, wanted: Object) -> Object:
    """`obj` with the number of replicas of the Scale `wanted`, which may carry a resourceVersion to insist on."""
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request(
            'Scale in version "v1" cannot be handled as a Scale: spec.replicas must be a whole number'
        )
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid(
            "Scale", "autoscaling", obj["metadata"]["name"], [("FieldValueInvalid", "spec.replicas", text)]
        )
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    meta = obj["metadata"] | ({"resourceVersion": version} if version else {})
    return obj | {"metadata": meta, "spec": obj["spec"] | {"replicas": replicas}}


def _selector(selector: Any) -> str:
    """A selector as text; a ReplicationController's is a plain map."""
    if not selector:
        return ""
    labels = (
        selector.get("matchLabels", {})
        if "matchLabels" in selector or "matchExpressions" in selector
        else selector
    )
    parts = [f"{key}={value}" for key, value in sorted(labels.items())]
    for rule in selector.get("matchExpressions", ()):
        parts.append(_expression(rule))
    return ",".join(parts)


def _expression(rule: Object) -> str:
    key, values = rule["key"], ",".join(rule.get("values", ()))
    words = {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": key,
        "DoesNotExist": f"!{key}",
    }
    return words[rule["operator"]]
