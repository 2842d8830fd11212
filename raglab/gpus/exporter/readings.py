"""What each device shows: measured load, and what follows from it, under the names that ``fields.yaml`` uses."""

from __future__ import annotations

from dataclasses import dataclass

from raglab.gpus import physics
from raglab.gpus.sampling import Load

_BANDWIDTH, _TENSOR_PEAK = 1935e9, 312e12
"""Bytes and half-precision operations per second of an A100 80GB PCIe: NVIDIA's data sheet."""
_INTENSITY = 1.0
"""Operations per byte when one sequence is generated at a time: a weight of two bytes is read for one multiply-add.
Servers that batch lie above it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One device over one interval. `total` is its memory in bytes, `energy` millijoules since the exporter's start."""

    load: Load
    total: int
    energy: int

    @property
    def state(self) -> physics.State:
        return physics.state(self.load.utilisation, self.load.memory)

    @property
    def utilisation_percent(self) -> int:
        """Share of the interval in which work was running."""
        return round(100 * self.load.utilisation)

    @property
    def memory_percent(self) -> int:
        """Share of the interval in which memory was read or written."""
        return round(100 * self.state.memory_utilisation)

    @property
    def tensor_active(self) -> float:
        """Share of the tensor cores' peak that this memory traffic can feed (roofline model, Williams et al. 2009)."""
        return self.state.memory_utilisation * _BANDWIDTH * _INTENSITY / _TENSOR_PEAK

    @property
    def mib_used(self) -> int:
        return self.load.memory // physics.MIB

    @property
    def mib_reserved(self) -> int:
        return physics.RESERVED // physics.MIB

    @property
    def mib_free(self) -> int:
        return self.total // physics.MIB - self.mib_used - self.mib_reserved
