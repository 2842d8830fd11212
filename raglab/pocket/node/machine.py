"""The Node object: what this machine has, that it is healthy, and a lease that says it still is."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from raglab import __version__
from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock, micro_timestamp, timestamp
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.events import EventRecorder
from raglab.pocket.node.sources import find
from raglab.pocket.objects import is_ready

RENEWALS = 4
"""Of a lease in the time that it lasts, as the kubelet does it."""
STATUS_SECONDS = 300.0
MAX_PODS = 110
LEASES = "kube-node-lease"
KUBELET_VERSION = "v1.36.2"
"""Version whose behaviour this node follows (the recordings were made with it)."""

log = logging.getLogger(__name__)

HEALTH = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
STARTED = (
    ("Starting", "Starting kubelet."),
    ("NodeHasSufficientMemory", "Node {name} status is now: NodeHasSufficientMemory"),
    ("NodeHasNoDiskPressure", "Node {name} status is now: NodeHasNoDiskPressure"),
    ("NodeHasSufficientPID", "Node {name} status is now: NodeHasSufficientPID"),
    ("NodeAllocatableEnforced", "Updated Node Allocatable limit across pods"),
    ("NodeReady", "Node {name} status is now: NodeReady"),
)


def capacity(settings: Settings) -> dict[str, str]:
    """What the machine has, as resource quantities; extended resources as configured."""
    disk = shutil.disk_usage(settings.state)
    found = {
        "cpu": str(psutil.cpu_count() or 1),
        "ephemeral-storage": f"{disk.total // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{psutil.virtual_memory().total // 1024}Ki",
        "pods": str(MAX_PODS),
    }
    return found | {name: str(len(device["ids"])) for name, device in settings.devices.items()}


def system_uuid(settings: Settings) -> str:
    """Tells nodes apart, whatever they are called: each has a state folder of its own."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(settings.state)))


class Machine:
    """Keeps the Node object of this machine true."""

    def __init__(
        self,
        settings: Settings,
        client: Client,
        clock: Clock,
        recorder: EventRecorder,
        runtime: str,
        port: int,
        found_again: Callable[[], None],
    ) -> None:
        """`port` is where the kubelet answers; `found_again` is called when the node had been given up."""
        self._settings, self._client, self._clock, self._recorder = settings, client, clock, recorder
        self._name, self._runtime, self._port = settings.node_name, runtime, port
        self._found_again, self._written = found_again, 0.0
        self._cordoned = False
        self.capacity = capacity(settings)

    async def register(self) -> None:
        """Create the Node or bring it up to date, and tell that it is here.

        The events come first, as a kubelet's do: the node controller's follows on the Node.
        """
        present = await find(self._client, "nodes", "", self._name)
        labels = {
            "beta.kubernetes.io/arch": _arch(),
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": _arch(),
        }
        labels |= {
            "kubernetes.io/hostname": self._name,
            "kubernetes.io/os": "linux",
            **self._settings.node_labels,
        }
        annotations = {
            "node.alpha.kubernetes.io/ttl": "0",
            "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        }
        metadata = {"name": self._name, "labels": labels, "annotations": annotations}
        await self._announce({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        if present is None:
            spec: Object = {}
            if not self._settings.guest:
                spec = {"podCIDR": self._settings.pod_cidr, "podCIDRs": [self._settings.pod_cidr]}
            if self._settings.node_taints:
                spec["taints"] = list(self._settings.node_taints)
            present = await self._client.create(
                "nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}
            )
        else:
            await self._client.patch("nodes", self._name, "", {"metadata": metadata})
        await self._write_status(present)

    async def _announce(self, node: Object) -> None:
        """Events about a node name it by its name instead of its uid, as the kubelet's do."""
        for reason, text in STARTED:
            await self._tell(node, reason, text.format(name=self._name))

    async def _tell(self, node: Object, reason: str, text: str) -> None:
        about = {**node, "metadata": {**node["metadata"], "uid": self._name}}
        await self._recorder.event(about, "Normal", reason, text)

    async def heartbeat(self) -> None:
        """Renew the lease for ever, and now and then the status."""
        while True:
            try:
                await self._renew()
                await self._report()
            except (StatusError, OSError) as error:
                log.warning("heartbeat of node %s failed: %s", self._name, error)
            await self._clock.sleep(self._settings.node_lease_seconds / RENEWALS)

    async def _report(self) -> None:
        """Write the status when it is time, or when somebody has given this node up."""
        node = await self._client.get("nodes", self._name)
        lost = not is_ready(node)
        if lost or self._clock.time() - self._written > STATUS_SECONDS:
            await self._write_status(node)
        if lost:
            await self._tell(node, "NodeReady", f"Node {self._name} status is now: NodeReady")
            self._found_again()
        await self._tell_if_cordoned(node)

    async def _tell_if_cordoned(self, node: Object) -> None:
        """Once per change: whether new pods may come."""
        cordoned = bool(node["spec"].get("unschedulable"))
        if cordoned != self._cordoned:
            self._cordoned = cordoned
            reason = "NodeNotSchedulable" if cordoned else "NodeSchedulable"
            await self._tell(node, reason, f"Node {self._name} status is now: {reason}")

    async def _renew(self) -> None:
        now = micro_timestamp(self._clock.time())
        lasts = self._settings.node_lease_seconds
        spec = {"holderIdentity": self._name, "leaseDurationSeconds": lasts, "renewTime": now}
        if await find(self._client, "leases", LEASES, self._name) is not None:
            await self._client.patch("leases", self._name, LEASES, {"spec": spec})
            return
        node = await self._client.get("nodes", self._name)
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": node["metadata"]["uid"]}
        metadata = {"name": self._name, "namespace": LEASES, "ownerReferences": [owner]}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        await self._client.create("leases", lease)

    async def _write_status(self, node: Object) -> None:
        now = timestamp(self._clock.time())
        before = {entry.get("type"): entry for entry in node.get("status", {}).get("conditions") or ()}
        conditions = []
        for kind, value, reason, message in HEALTH:
            same = before.get(kind, {}).get("status") == value
            since = before[kind]["lastTransitionTime"] if same else now
            entry = {"type": kind, "status": value, "reason": reason, "message": message}
            conditions.append(entry | {"lastHeartbeatTime": now, "lastTransitionTime": since})
        status = {
            "addresses": [
                {"type": "InternalIP", "address": self._settings.node_ip},
                {"type": "Hostname", "address": self._name},
            ],
            "capacity": self.capacity,
            "allocatable": self.capacity,
            "conditions": conditions,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._port}},
            "nodeInfo": self._info(),
        }
        await self._client.patch("nodes", self._name, "", {"status": status}, subresource="status")
        self._written = self._clock.time()

    def _info(self) -> dict[str, Any]:
        system = os.uname()
        return {
            "architecture": _arch(),
            "bootID": str(uuid.uuid5(uuid.NAMESPACE_OID, str(psutil.boot_time()))),
            "containerRuntimeVersion": f"pocket://{__version__}+{self._runtime}",
            "kernelVersion": system.release,
            "kubeProxyVersion": "",
            "kubeletVersion": KUBELET_VERSION,
            "machineID": uuid.uuid5(uuid.NAMESPACE_OID, str(self._settings.state)).hex,
            "operatingSystem": "linux",
            "osImage": _os_name(),
            "systemUUID": system_uuid(self._settings),
        }


def _arch() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _os_name() -> str:
    if not Path("/etc/os-release").exists():
        return platform.platform()
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
