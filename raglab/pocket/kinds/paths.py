"""Places inside objects, written as in messages: ``spec.template.spec.containers[]`` means every container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raglab.pocket.kinds.catalogue import Object

POD_SPECS = {
    "Pod": "spec",
    "Deployment": "spec.template.spec",
    "ReplicaSet": "spec.template.spec",
    "StatefulSet": "spec.template.spec",
    "DaemonSet": "spec.template.spec",
    "ReplicationController": "spec.template.spec",
    "Job": "spec.template.spec",
    "CronJob": "spec.jobTemplate.spec.template.spec",
}
"""Where each kind keeps its pod spec."""
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def find(value: Any, path: str) -> Iterator[Object]:
    """Every map at `path` below `value`; nothing where a step is missing. An empty path is `value` itself."""
    if not path:
        if isinstance(value, dict):
            yield value
        return
    step, _, rest = path.partition(".")
    inner = value.get(step.removesuffix("[]")) if isinstance(value, dict) else None
    for item in (inner or ()) if step.endswith("[]") else (inner,):
        if item is not None:
            yield from find(item, rest)


def get(value: Any, path: str) -> Any:
    """The value at a plain `path` of names, or None."""
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def containers(spec: Object) -> Iterator[tuple[str, Object]]:
    """Every container of a pod spec with its place: ``("initContainers[0]", {...})``."""
    for name in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(name) or ()):
            yield f"{name}[{index}]", container
