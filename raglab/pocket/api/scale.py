"""The ``scale`` subresource: the number of replicas of a workload, as an ``autoscaling/v1`` Scale."""

from __future__ import annotations

from typing import Any

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.errors import invalid
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.kinds.custom import ScalePaths

SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def of(kind: Kind, obj: Object) -> Object:
    """The Scale of a workload, or of a custom resource whose definition says where its replicas stand."""
    meta, paths = obj["metadata"], _paths(kind)
    replicas = _at(obj, paths.replicas) or 0
    status: Object = {"replicas": _at(obj, paths.current) or 0}
    if selector := _at(obj, paths.selector) if kind.custom else _selector(obj["spec"].get("selector") or {}):
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in SHOWN_METADATA if key in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _paths(kind: Kind) -> ScalePaths:
    return kind.custom.scale if kind.custom else ScalePaths()


def _at(value: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if steps else None


def _with(value: Any, steps: tuple[str, ...], new: Any) -> Any:
    """A copy of `value` with `new` at the end of `steps`."""
    if not steps:
        return new
    inner = value if isinstance(value, dict) else {}
    return inner | {steps[0]: _with(inner.get(steps[0]), steps[1:], new)}


def applied(kind: Kind, obj: Object, wanted: Object) -> Object:
    """`obj` with the number of replicas of `wanted`, a decoded Scale that may carry a resourceVersion to insist on."""
    replicas = wanted["spec"].get("replicas") or 0
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = ("FieldValueInvalid", "spec.replicas", text)
        raise invalid("Scale", "autoscaling", obj["metadata"]["name"], [cause])
    version = wanted["metadata"].get("resourceVersion")
    meta = obj["metadata"] | ({"resourceVersion": version} if version else {})
    scaled: Object = _with(obj | {"metadata": meta}, _paths(kind).replicas, replicas)
    return scaled


def _selector(selector: Object) -> str:
    """As text, for clients that list the pods; a ReplicationController's selector is a plain map."""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}
    return selectors.to_text(selectors.from_object(selector))
