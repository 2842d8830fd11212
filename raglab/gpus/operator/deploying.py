"""The operator's decision: which nodes get which of its components.

A node with an NVIDIA device (so says node-feature-discovery) is labelled; the components' DaemonSets select these
labels. A label that somebody has set to another value is left alone: ``nvidia.com/gpu.deploy.dcgm-exporter=false``
keeps that component off a node, as with the real operator.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from raglab.gpus.kubernetes import Api
from raglab.gpus.operator.features import GPU_PRESENT
from raglab.gpus.operator.labelling import NODES, OWNED

PRESENT = "nvidia.com/gpu.present"
DEPLOY = "nvidia.com/gpu.deploy."
WRITERS = "app.kubernetes.io/part-of=gpu-operator"
"""Label of the pods that write node labels."""
END_LIMIT = 60.0
"""Seconds that these pods get to end."""
COMPONENTS = (
    "container-toolkit",
    "dcgm-exporter",
    "device-plugin",
    "gpu-feature-discovery",
    "operator-validator",
)

log = logging.getLogger(__name__)


def change(node: Mapping[str, Any]) -> dict[str, str | None]:
    """Labels to set on `node`, or to take back (None) where there is no device any more."""
    labels = node["metadata"].get("labels", {})
    names = [PRESENT, *(DEPLOY + component for component in COMPONENTS)]
    if labels.get(GPU_PRESENT) == "true":
        return {name: "true" for name in names if name not in labels}
    return {name: None for name in names if name in labels}


def deploy(api: Api) -> str:
    """Label all nodes; returns the version of the nodes that were seen."""
    listed = api.get(NODES)
    for node in listed["items"]:
        name = node["metadata"]["name"]
        if labels := change(node):
            api.patch(f"{NODES}/{name}", {"metadata": {"labels": labels}})
            log.info("node %s: %s", name, ", ".join(f"{key}={value}" for key, value in labels.items()))
    version: str = listed["metadata"]["resourceVersion"]
    return version


def clean_up(api: Api) -> None:
    """Take all labels back that the operator and node-feature-discovery have given to nodes, once they are gone."""
    _wait_for_the_end(api)
    for node in api.get(NODES)["items"]:
        meta = node["metadata"]
        owned = {*meta.get("annotations", {}).get(OWNED, "").split(","), PRESENT}
        given = [key for key in meta.get("labels", {}) if key in owned or key.startswith(DEPLOY)]
        patch = {"labels": dict.fromkeys(given), "annotations": {OWNED: None}}
        api.patch(f"{NODES}/{meta['name']}", {"metadata": patch})
        log.info("node %s: %d labels removed", meta["name"], len(given))


def _wait_for_the_end(api: Api) -> None:
    """Wait for the programs that would write the labels anew."""
    deadline = time.monotonic() + END_LIMIT
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    while api.get(pods, labelSelector=WRITERS)["items"] and time.monotonic() < deadline:
        time.sleep(0.2)
