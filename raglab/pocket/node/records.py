"""What the node remembers of its pods when the cluster process ends: folder, address and devices of each.

One JSON file, replaced as a whole on every change (it is a few kilobytes for a full node).
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raglab.pocket.files import read_json, write_private


class NoAddress(Exception):
    """Every pod address of the node is taken."""


class Records:
    """One record per pod uid: ``{"dir": "1f2e3d4c", "ip": "127.10.0.2", "devices": {container: {resource: ids}}}``."""

    def __init__(
        self, folder: Path, pod_cidr: str, saved: Callable[[Mapping[str, dict[str, Any]]], None] | None = None
    ) -> None:
        """`saved` is told all records by pod uid whenever they were written down."""
        self._folder, self._file, self._saved = folder, folder / "records.json", saved
        self._addresses = ipaddress.IPv4Network(pod_cidr)
        self._next = 2
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._pods: dict[str, dict[str, Any]] = read_json(self._file, {})
        taken = (ipaddress.IPv4Address(record["ip"]) for record in self._pods.values())
        self._next = max((int(ip) - int(self._addresses[0]) + 1 for ip in taken), default=self._next)

    def __contains__(self, uid: str) -> bool:
        return uid in self._pods

    def __iter__(self) -> Any:
        return iter(list(self._pods))

    def admit(self, uid: str) -> dict[str, Any]:
        """The record of a pod, made on first sight. Folder names are short: UNIX socket paths end at 107 bytes."""
        if uid not in self._pods:
            self._pods[uid] = {"dir": secrets.token_hex(4), "ip": self._free_address(), "devices": {}}
            self.save()
        return self._pods[uid]

    def folder(self, uid: str) -> Path:
        """The pod's own folder (0700: what a pod writes is nobody else's business)."""
        folder = self._folder / self._pods[uid]["dir"]
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def forget(self, uid: str) -> None:
        """Give up everything a pod held."""
        if self._pods.pop(uid, None):
            self.save()

    def release_devices(self, uid: str) -> None:
        """Give a pod's devices back."""
        self._pods[uid]["devices"] = {}
        self.save()

    def discard(self, uid: str) -> None:
        """Forget a pod and remove its folder."""
        shutil.rmtree(self.folder(uid), ignore_errors=True)
        self.forget(uid)

    def devices_in_use(self, resource: str) -> set[str]:
        """Ids of `resource` that some container holds."""
        held = (given.get(resource, []) for pod in self._pods.values() for given in pod["devices"].values())
        return {device for ids in held for device in ids}

    def save(self) -> None:
        """Write everything down, all or nothing."""
        write_private(self._file, json.dumps(self._pods).encode())
        if self._saved is not None:
            self._saved(self._pods)

    def _free_address(self) -> str:
        """The next address never used, then the lowest free one: a fresh pod should not answer for an old one."""
        taken = {record["ip"] for record in self._pods.values()}
        size = self._addresses.num_addresses
        for offset in (*range(self._next, size - 1), *range(2, min(self._next, size - 1))):
            address = str(self._addresses[offset])
            if address not in taken:
                self._next = offset + 1
                return address
        raise NoAddress(
            f"failed to allocate for range 0: no IP addresses available in range set: {self._addresses}"
        )
