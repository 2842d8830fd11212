"""Components that have nothing to install here: they look at what the pocket node does by itself, and tell it."""

from __future__ import annotations

import json
import logging

from raglab.gpus import inventory
from raglab.gpus.exporter.workloads import CHECKPOINT, DEVICE_PLUGINS
from raglab.gpus.inventory import RESOURCE
from raglab.incluster import Api, mounted

log = logging.getLogger(__name__)


def container_toolkit(api: Api) -> None:
    """Tell what the node agent brings into containers that hold a device."""
    brings = inventory.load().resources()[RESOURCE]
    log.info(
        "nothing to install: the pocket node's agent brings the simulated driver into containers by itself"
    )
    log.info("variables: %s", ", ".join([brings["env"], *brings["variables"]]))
    log.info("programs: nvidia-smi in %s", ", ".join(brings["path"]))
    log.info("folders: %s", ", ".join(brings["shared"].values()))


def device_plugin(api: Api) -> None:
    """Tell which devices the node agent has registered."""
    data = json.loads((mounted(DEVICE_PLUGINS) / CHECKPOINT).read_text())["Data"]
    devices = data["RegisteredDevices"].get(RESOURCE, [])
    log.info("nothing to register: the pocket node's agent has %d devices of %s", len(devices), RESOURCE)
    for uuid in devices:
        log.info("device %s (simulated)", uuid)
