"""What this process may see: the devices it was given, or all of the node where it stands outside of pods."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from raglab.gpus import inventory, physics, usage
from raglab.gpus.inventory import Device, Inventory
from raglab.gpus.physics import State
from raglab.gpus.sampling import Load, Sampler

PERIOD = 0.25
"""Seconds over which utilisation is measured. The real driver looks back over a sixth of a second to a second."""
NOTE = "Simulated: no hardware is behind these GPUs."


@dataclass(frozen=True, slots=True)
class View:
    """The node's inventory, the devices of it that are visible, and the driver folder."""

    inventory: Inventory
    devices: tuple[Device, ...]
    driver: Path


def view(environ: Mapping[str, str] = os.environ) -> View:
    """What `environ` shows: without the variable that names visible devices (or with ``all``), every one.

    They are counted from 0, as the real driver does in a container, whatever their numbers on the node.
    """
    everything = inventory.load()
    given = environ.get(usage.DEVICES, "all")
    chosen = [device for device in everything.devices if given == "all" or device.uuid in given.split(",")]
    devices = tuple(replace(device, index=index) for index, device in enumerate(chosen))
    return View(everything, devices, usage.driver_folder(environ))


@dataclass(frozen=True, slots=True)
class Reading:
    """One device at one moment: what was measured, and what the model of the card derives from it."""

    device: Device
    load: Load
    state: State


def readings(
    seen: View, seconds: float = PERIOD, sleep: Callable[[float], None] = time.sleep
) -> list[Reading]:
    """Measure the visible devices over so many `seconds`."""
    sampler = Sampler(seen.driver, tuple(device.uuid for device in seen.devices))
    sleep(seconds)
    loads = sampler.sample()
    found = ((device, loads[device.uuid]) for device in seen.devices)
    return [Reading(device, load, physics.state(load.utilisation, load.memory)) for device, load in found]
