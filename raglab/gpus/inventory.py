"""The simulated GPUs of the pocket node, as data for the cluster and for the lessons."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import yaml

RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Inventory:
    """Four equal cards. `memory_mib` is per card; `uuids` are in index order."""

    product: str
    memory_mib: int
    driver: str
    cuda: str
    uuids: tuple[str, ...]

    def node_labels(self) -> dict[str, str]:
        """The labels GPU Feature Discovery would put on the node, and one that says they are made up."""
        return {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.count": str(len(self.uuids)),
            "nvidia.com/gpu.product": self.product.replace(" ", "-"),
            "nvidia.com/gpu.memory": str(self.memory_mib),
            "raglab.dev/gpus": "simulated",
        }

    def devices(self) -> dict[str, dict[str, object]]:
        """The extended resource for the node agent: ids to hand out, and the variable that carries them."""
        return {RESOURCE: {"ids": list(self.uuids), "env": "NVIDIA_VISIBLE_DEVICES"}}


def load() -> Inventory:
    """The inventory that ships with the package."""
    raw = yaml.safe_load(files(__package__).joinpath("inventory.yaml").read_text())
    uuids = tuple(device["uuid"] for device in raw.pop("devices"))
    return Inventory(uuids=uuids, **raw)
