"""Extended resources: which device ids a container holds.

The scheduler counts; the node decides which ones. An assignment lasts as long as the pod (restarts of a container and
of the whole cluster keep it) and is what makes two pods never share a device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.node.isolation import Bind
from raglab.pocket.node.records import Records
from raglab.pocket.node.volumes import host_path


class NotEnoughDevices(Exception):
    """The pod was bound to this node although its devices are taken; the kubelet fails such a pod on admission."""


def assign(devices: Mapping[str, Mapping[str, Any]], records: Records, pod: Object) -> None:
    """Give every container of `pod` the devices its limits ask for, unless it already holds them."""
    given = records.admit(pod["metadata"]["uid"])["devices"]
    containers = pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
    for container in containers:
        for resource, description in devices.items():
            wanted = int(container.get("resources", {}).get("limits", {}).get(resource, 0))
            held = given.setdefault(container["name"], {}).setdefault(resource, [])
            if wanted > len(held):
                used = records.devices_in_use(resource)
                held += _pick(resource, description, used, wanted - len(held))
    records.save()


def _pick(resource: str, description: Mapping[str, Any], used: set[str], count: int) -> list[str]:
    """Free ids in order; where one of the description's `groups` has as many free, from that group."""
    free = [str(device) for device in description["ids"] if str(device) not in used]
    if len(free) < count:
        raise NotEnoughDevices(
            f"Allocate failed due to requested number of devices unavailable for {resource}. "
            f"Requested: {count}, Available: {len(free)}, which is unexpected"
        )
    groups = [[device for device in free if device in group] for group in description.get("groups", ())]
    return next((group for group in groups if len(group) == count > 1), free)[:count]


@dataclass(frozen=True)
class Injection:
    """What the drivers of a container's devices bring into it."""

    variables: Mapping[str, str]
    path: tuple[str, ...]
    binds: tuple[Bind, ...]


def injection(
    devices: Mapping[str, Mapping[str, Any]], given: Mapping[str, list[str]], node_root: Path
) -> Injection:
    """What a container finds of the devices `given` to it: their ids, and their drivers' variables and files."""
    variables: dict[str, str] = {}
    path: list[str] = []
    binds: list[Bind] = []
    for resource, description in devices.items():
        if not (ids := given.get(resource)):
            continue
        variables |= {description["env"]: ",".join(ids)} if description.get("env") else {}
        variables |= description.get("variables", {})
        path += description.get("path", ())
        binds += [Bind(Path(source), target) for source, target in description.get("mounts", {}).items()]
        for source, target in description.get("shared", {}).items():
            folder = host_path(node_root, source, "DirectoryOrCreate")
            folder.chmod(0o1777)  # as /tmp: programs that gave up root share it too
            binds.append(Bind(folder, target, writable=True))
    return Injection(variables, tuple(path), tuple(binds))
