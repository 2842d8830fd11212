"""The simulated GPUs of the pocket node, as data for the cluster and for the lessons."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from raglab.gpus import usage

RESOURCE = "nvidia.com/gpu"
PROGRAMS = "/opt/nvidia/bin"
"""Where pods that hold a GPU find `nvidia-smi`."""


@dataclass(frozen=True, slots=True)
class Device:
    """One card. `pci_bus_id` is written as `nvidia-smi` does; `numa` and `cpus` are what it is attached to."""

    index: int
    uuid: str
    pci_bus_id: str
    numa: int
    cpus: str


@dataclass(frozen=True, slots=True)
class NvLink:
    """Bridges: so many links of one generation join the cards of each of the `pairs` (indices)."""

    generation: int
    links: int
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Four equal cards, in index order. `memory_mib` is per card."""

    product: str
    memory_mib: int
    driver: str
    cuda: str
    nvlink: NvLink
    pcie: int
    devices: tuple[Device, ...]

    @property
    def uuids(self) -> tuple[str, ...]:
        """The cards' UUIDs in index order."""
        return tuple(device.uuid for device in self.devices)

    @property
    def memory(self) -> int:
        """Bytes per card."""
        return self.memory_mib * 1024 * 1024

    def node_labels(self) -> dict[str, str]:
        """The label that says the cards are made up; GPU Feature Discovery puts those that describe them."""
        return {"raglab.dev/gpus": "simulated"}

    def resources(self) -> dict[str, dict[str, Any]]:
        """The extended resource for the node agent: ids to hand out, and what a container that gets some finds.

        As NVIDIA's container toolkit brings the driver into a container, so this brings the simulated one.
        """
        return {
            RESOURCE: {
                "ids": list(self.uuids),
                "groups": [[self.uuids[index] for index in pair] for pair in self.nvlink.pairs],
                "env": usage.DEVICES,
                "variables": {usage.FOLDER: usage.DRIVER, "RAGLAB_PYTHON": sys.executable},
                "path": [PROGRAMS],
                "mounts": {str(Path(__file__).parent / "bin"): PROGRAMS},
                "shared": {usage.DRIVER: usage.DRIVER},
            }
        }


def load() -> Inventory:
    """The inventory that ships with the package."""
    raw = yaml.safe_load(files(__package__).joinpath("inventory.yaml").read_text())
    devices = tuple(Device(**device) for device in raw.pop("devices"))
    bridges = raw.pop("nvlink")
    nvlink = NvLink(pairs=tuple(map(tuple, bridges.pop("pairs"))), **bridges)
    return Inventory(devices=devices, nvlink=nvlink, **raw)
