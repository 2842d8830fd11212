"""Which container of a pod a request for logs or a command means, and whether the pod is on a node at all."""

from __future__ import annotations

from typing import Any

from raglab.pocket.errors import bad_request

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def choose(pod: dict[str, Any], wanted: str) -> str:
    """The name of the container; 400 with the real server's text if the name is missing or wrong."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    normal = [container["name"] for container in spec["containers"]]
    init = [container["name"] for container in spec.get("initContainers", [])]
    wanted = wanted or pod["metadata"].get("annotations", {}).get(DEFAULT_CONTAINER, "")
    if not wanted and len(normal) == 1:
        return str(normal[0])
    if not wanted:
        choices = f"choose one of: [{' '.join(normal)}]"
        if init:
            choices += f" or one of the init containers: [{' '.join(init)}]"
        raise bad_request(f"a container name must be specified for pod {name}, {choices}")
    if wanted not in normal + init:
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted


def is_placed(pod: dict[str, Any]) -> bool:
    """Whether a node has the pod: before that nothing of it runs or has run."""
    return bool(pod["spec"].get("nodeName"))
