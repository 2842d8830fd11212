"""The validations of nvidia-operator-validator, each a real check of what the pocket node offers.

Every one waits until it holds, tells what it waits for, and leaves a file that other components wait for.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import yaml

from raglab.gpus import inventory, usage
from raglab.gpus.exporter.workloads import CHECKPOINT, DEVICE_PLUGINS
from raglab.gpus.inventory import RESOURCE
from raglab.gpus.operator.labelling import NODES
from raglab.incluster import Api, mounted

VALIDATIONS = "/run/nvidia/validations"
"""Folder of the node with one file for each validation that holds."""
PATIENCE = 1.0
"""Seconds between two looks."""
WORKLOAD = {"app": "nvidia-cuda-validator"}

log = logging.getLogger(__name__)


class NotYet(Exception):
    """The validation does not hold; the message says why."""


def driver(api: Api) -> str:
    """A process can publish its work in the driver folder, and others can read it."""
    folder, card = usage.driver_folder(), inventory.load().uuids[0]
    with usage.Hold("driver-validation", usage.BusyClock(), {usage.DEVICES: card, usage.FOLDER: str(folder)}):
        if not any(process.pid == os.getpid() and process.alive for process in usage.read(folder)):
            raise NotYet("what a process publishes in the driver folder cannot be read")
    return "the driver folder works (simulated driver)"


def toolkit(api: Api) -> str:
    """The nvidia-smi that containers get sees all devices."""
    cards = inventory.load()
    environ = os.environ | {usage.DEVICES: ",".join(cards.uuids)}
    command = [sys.executable, "-m", "raglab.gpus.smi", "-L"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    if done.returncode or any(uuid not in done.stdout for uuid in cards.uuids):
        raise NotYet(f"nvidia-smi does not list the {len(cards.uuids)} devices: {done.stderr.strip()}")
    return f"nvidia-smi lists {len(cards.uuids)} devices (simulated)"


def plugin(api: Api) -> str:
    """The kubelet has the devices and the API offers as many."""
    node, cards = os.environ["NODE_NAME"], inventory.load().uuids
    registered = json.loads((mounted(DEVICE_PLUGINS) / CHECKPOINT).read_text())["Data"]["RegisteredDevices"]
    offered = int(api.get(f"{NODES}/{node}")["status"]["allocatable"].get(RESOURCE, 0))
    if set(registered.get(RESOURCE, ())) != set(cards) or offered != len(cards):
        raise NotYet(f"{RESOURCE} of node {node}: {offered} allocatable, {len(cards)} expected")
    return f"node {node} offers {offered} {RESOURCE}"


def cuda(api: Api) -> str:
    """A pod adds vectors on a device, outside the scheduler's account, as the real validation does."""
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    for old in api.get(pods, labelSelector="app=nvidia-cuda-validator")["items"]:
        api.delete(f"{pods}/{old['metadata']['name']}")
    name = api.create(pods, _workload(api))["metadata"]["name"]
    while (phase := api.get(f"{pods}/{name}")["status"].get("phase")) not in ("Succeeded", "Failed"):
        log.info("pod %s is %s", name, phase)
        time.sleep(PATIENCE)
    if phase == "Failed":
        raise NotYet(f"pod {name} has failed: kubectl logs {name} -n {api.namespace} -c cuda-validation")
    return f"pod {name} has verified a vector addition"


def _workload(api: Api) -> dict[str, Any]:
    """The pod, on this node; it goes when the validator's DaemonSet goes."""
    pod: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("cuda_validator.yaml").read_text())
    pod["metadata"] |= {"labels": WORKLOAD, "ownerReferences": [owner(api)]}
    pod["spec"]["nodeName"] = os.environ["NODE_NAME"]
    variables = {usage.DEVICES: inventory.load().uuids[0], usage.FOLDER: usage.DRIVER}
    pod["spec"]["initContainers"][0]["env"] = [
        {"name": key, "value": value} for key, value in variables.items()
    ]
    return pod


def owner(api: Api) -> dict[str, Any]:
    """Reference to what controls this program's own pod."""
    own = api.get(f"/api/v1/namespaces/{api.namespace}/pods/{os.environ['POD_NAME']}")
    found: dict[str, Any] = own["metadata"]["ownerReferences"][0]
    return {key: found[key] for key in ("apiVersion", "kind", "name", "uid")}


STEPS: dict[str, Callable[[Api], str]] = {
    "driver": driver,
    "toolkit": toolkit,
    "cuda": cuda,
    "plugin": plugin,
}


def validate(api: Api, name: str) -> None:
    """Wait until the validation holds, then say so to those who wait for it."""
    while True:
        try:
            log.info("%s", STEPS[name](api))
            break
        except (NotYet, OSError) as error:
            log.info("waiting: %s", error)
            time.sleep(PATIENCE)
    (mounted(VALIDATIONS) / f"{name}-ready").write_text("")
