"""The operator's decision: which nodes get which of its components.

A node with an NVIDIA device (so says node-feature-discovery) is labelled; the components' DaemonSets select these
labels. A label that somebody has set to another value is left alone: ``nvidia.com/gpu.deploy.dcgm-exporter=false``
keeps that component off a node, as with the real operator.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from raglab.gpus.operator.features import GPU_PRESENT
from raglab.gpus.operator.labelling import NODES, OWNED
from raglab.gpus.operator.seeing import Seen
from raglab.incluster import Api

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

POLICIES = "/apis/nvidia.com/v1/clusterpolicies"
READY = "ready"

log = logging.getLogger(__name__)


def change(node: Mapping[str, Any]) -> dict[str, str | None]:
    """Labels to set on `node`, or to take back (None) where there is no device any more."""
    labels = node["metadata"].get("labels", {})
    names = [PRESENT, *(DEPLOY + component for component in COMPONENTS)]
    if labels.get(GPU_PRESENT) == "true":
        return {name: "true" for name in names if name not in labels}
    return {name: None for name in names if name in labels}


def deploy(api: Api) -> Seen:
    """Label all nodes, and tell in the ClusterPolicy how far the components are."""
    listed = api.get(NODES)
    for node in listed["items"]:
        name = node["metadata"]["name"]
        if labels := change(node):
            node["metadata"] = api.patch(f"{NODES}/{name}", {"metadata": {"labels": labels}})["metadata"]
            log.info("node %s: %s", name, ", ".join(f"{key}={value}" for key, value in labels.items()))
    return Seen(listed["metadata"]["resourceVersion"], settled=_report(api, listed["items"]) == READY)


def state(daemon_sets: Iterable[Mapping[str, Any]], nodes: Iterable[Mapping[str, Any]]) -> str:
    """``ready`` if there is a GPU node and every component is ready on all nodes that it selects."""
    labels = [node["metadata"].get("labels", {}) for node in nodes]
    ready = [
        item["status"].get("numberReady", 0) >= sum(_selects(item, each) for each in labels)
        for item in daemon_sets
    ]
    return READY if all(ready) and any(PRESENT in each for each in labels) else "notReady"


def _selects(daemon_set: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted: Mapping[str, str] = daemon_set["spec"]["template"]["spec"].get("nodeSelector", {})
    return wanted.items() <= labels.items()


def _report(api: Api, nodes: Iterable[Mapping[str, Any]]) -> str:
    """Write the components' state into the status of all policies (there is one); returns it."""
    found = state(api.get(f"/apis/apps/v1/namespaces/{api.namespace}/daemonsets")["items"], nodes)
    for policy in api.get(POLICIES)["items"]:
        name = policy["metadata"]["name"]
        if policy.get("status", {}).get("state") != found:
            body = {"status": {"state": found, "namespace": api.namespace}}
            api.patch(f"{POLICIES}/{name}/status", body)
            log.info("ClusterPolicy %s is %s", name, found)
    return found


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
