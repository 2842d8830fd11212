"""What this process may see: the devices it was given, or all of the node where it stands outside of pods."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raglab.gpus import inventory, usage
from raglab.gpus.inventory import Device, Inventory


@dataclass(frozen=True, slots=True)
class View:
    """The node's inventory, the devices of it that are visible, and the driver folder."""

    inventory: Inventory
    devices: tuple[Device, ...]
    driver: Path


def view(environ: Mapping[str, str] = os.environ) -> View:
    """What `environ` shows: without the variable that names visible devices (or with ``all``), every one."""
    everything = inventory.load()
    given = environ.get(usage.DEVICES, "all")
    chosen = everything.devices
    if given != "all":
        chosen = tuple(device for device in chosen if device.uuid in given.split(","))
    return View(everything, chosen, usage.driver_folder(environ))
