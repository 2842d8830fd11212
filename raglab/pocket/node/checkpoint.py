"""The file in which the node says which container holds which devices, in the place and shape of the kubelet's.

Programs that tell devices by pod (monitoring agents, mostly) read it there. It is replaced as a whole: mount its
folder, not the file. Nothing is ever read back from it; the node's own memory are its `Records`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLACE = "var/lib/kubelet/device-plugins/kubelet_internal_checkpoint"
"""In the node's file system."""
NO_NUMA = "-1"
"""Stands for devices whose plugin tells no memory node."""


def write(
    node_root: Path, devices: Mapping[str, Mapping[str, Any]], pods: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the devices of all `pods` (the node's records by uid), unless the file says that already."""
    file = node_root / PLACE
    text = json.dumps(_document(devices, pods))
    if not devices or (file.exists() and file.read_text() == text):
        return
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    new.replace(file)


def _document(
    devices: Mapping[str, Mapping[str, Any]], pods: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    entries = [
        {"PodUID": uid, "ContainerName": container, "ResourceName": resource, "DeviceIDs": {NO_NUMA: ids}}
        for uid, record in pods.items()
        for container, given in record["devices"].items()
        for resource, ids in given.items()
        if ids
    ]
    registered = {name: list(map(str, description["ids"])) for name, description in devices.items()}
    data = {"PodDeviceEntries": entries, "RegisteredDevices": registered}
    return {"Data": data, "Checksum": zlib.crc32(json.dumps(data).encode())}  # the kubelet sums another way
