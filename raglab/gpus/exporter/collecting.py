"""The collector: once per interval it measures all devices and writes the exposition that scrapes get until the next.

So values change at the interval and not at the scrape, as with DCGM, however often Prometheus asks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from raglab.gpus import physics
from raglab.gpus.exporter import exposition
from raglab.gpus.exporter.readings import Reading
from raglab.gpus.exporter.workloads import Workload
from raglab.gpus.inventory import Device, Inventory
from raglab.gpus.sampling import Load, Sampler

FIRST = 1.0
"""Seconds that the first measurement lasts, so that an exporter with a long interval has something to tell soon."""


class Collector:
    """The devices of `inventory`, as seen in the driver folder. `workloads` tells who holds them."""

    def __init__(
        self,
        inventory: Inventory,
        driver: Path,
        hostname: str,
        workloads: Callable[[], Mapping[str, Workload]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Give `now` only in tests: it must be the clock that publishers use."""
        self._inventory, self._hostname, self._workloads = inventory, hostname, workloads
        self._sampler, self._now = Sampler(driver, inventory.uuids, now), now
        self._at = now()
        self._energy = dict.fromkeys(inventory.uuids, 0.0)
        self.page = ""
        """The newest exposition; empty before the first collection."""

    def collect(self) -> None:
        """Measure from the last collection until now."""
        loads, now = self._sampler.sample(), self._now()
        period, self._at = now - self._at, now
        holders = self._workloads()
        rows = []
        for device in self._inventory.devices:
            reading = self._reading(device, loads[device.uuid], period)
            rows.append((self._labels(device, holders.get(device.uuid)), reading))
        self.page = exposition.write(rows)

    def run(self, interval: float, stop: threading.Event) -> None:
        """Collect every `interval` seconds until `stop` is set, at fixed times so that no error adds up."""
        due = self._now() + min(FIRST, interval)
        while not stop.wait(max(0.0, due - self._now())):
            self.collect()
            due = max(due + interval, self._now())

    def _reading(self, device: Device, load: Load, period: float) -> Reading:
        power = physics.state(
            load.utilisation, load.memory
        ).power  # the mean one, as it is linear in the load
        self._energy[device.uuid] += 1000 * power * period
        return Reading(load, self._inventory.memory, round(self._energy[device.uuid]))

    def _labels(self, device: Device, holder: Workload | None) -> dict[str, str]:
        labels = {
            "gpu": str(device.index),
            "UUID": device.uuid,
            "pci_bus_id": device.pci_bus_id,
            "device": f"nvidia{device.index}",
            "modelName": self._inventory.product,
            "Hostname": self._hostname,
            "DCGM_FI_DRIVER_VERSION": self._inventory.driver,
        }
        return labels | (asdict(holder) if holder else {})
