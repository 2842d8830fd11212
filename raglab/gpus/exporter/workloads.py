"""Which container holds which device: the kubelet's checkpoint tells pods by uid, the API tells their names.

The real exporter asks the kubelet's pod-resources socket; the checkpoint says the same, in a file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raglab.gpus.inventory import RESOURCE
from raglab.incluster import ApiError

DEVICE_PLUGINS = "/var/lib/kubelet/device-plugins"
"""The kubelet's folder that holds the checkpoint."""
CHECKPOINT = "kubelet_internal_checkpoint"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Workload:
    """The container that holds a device."""

    container: str
    namespace: str
    pod: str


def assignments(checkpoint: Path) -> dict[str, tuple[str, str]]:
    """(pod uid, container) by device id; empty where no pod has held a device yet."""
    try:
        entries = json.loads(checkpoint.read_text())["Data"]["PodDeviceEntries"] or []
    except FileNotFoundError:
        return {}
    mine = (entry for entry in entries if entry["ResourceName"] == RESOURCE)
    return {
        device: (entry["PodUID"], entry["ContainerName"])
        for entry in mine
        for devices in entry["DeviceIDs"].values()
        for device in devices
    }


class Workloads:
    """Device id → `Workload`. Pods are asked for only when one holds a device that was not known before."""

    def __init__(self, checkpoint: Path, pods: Callable[[], list[dict[str, Any]]]) -> None:
        self._checkpoint, self._pods = checkpoint, pods
        self._names: dict[str, tuple[str, str]] = {}
        self._complaint = ""

    def by_device(self) -> dict[str, Workload]:
        """Of all devices that pods hold now, without pods whose names cannot be learned: the log tells why."""
        held = assignments(self._checkpoint)
        if any(uid not in self._names for uid, _ in held.values()):
            self._learn()
        return {
            device: Workload(container, *self._names[uid])
            for device, (uid, container) in held.items()
            if uid in self._names
        }

    def _learn(self) -> None:
        try:
            metas = [pod["metadata"] for pod in self._pods()]
        except ApiError as error:
            return self._complain(str(error))
        self._names = {meta["uid"]: (meta["namespace"], meta["name"]) for meta in metas}
        self._complain("")

    def _complain(self, why: str) -> None:
        """Say it once, not at every collection."""
        if why and why != self._complaint:
            log.warning("the pods of this node cannot be listed, their series go without labels: %s", why)
        self._complaint = why
