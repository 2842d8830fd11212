"""From features to node labels: those who find features publish them, the master writes the labels.

Upstream hands features over in NodeFeature objects; here they are ConfigMaps with the same label that names the node.
Which labels of a node are the master's own stands in an annotation of the node, so that it takes back what nobody
publishes any more and touches nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from raglab.gpus.operator.seeing import Seen
from raglab.incluster import Api, ApiError

NODE_LABEL = "nfd.node.kubernetes.io/node-name"
"""Label of published features: the node they are about."""
OWNED = "nfd.node.kubernetes.io/feature-labels"
"""Annotation of a node: the labels that came from features, comma separated."""
NODES = "/api/v1/nodes"

log = logging.getLogger(__name__)


def path(namespace: str) -> str:
    """Where features are published."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


def publish(api: Api, source: str, node: str, labels: Mapping[str, str], owner: Mapping[str, Any]) -> None:
    """Tell the master what `source` has found on `node`. It is withdrawn when the `owner` (a reference) is deleted."""
    name = f"{source}-features-{node}"
    body = {
        "metadata": {"name": name, "labels": {NODE_LABEL: node}, "ownerReferences": [owner]},
        "data": {key.replace("/", ".."): value for key, value in labels.items()},  # keys may not have a slash
    }
    try:
        api.create(path(api.namespace), {"apiVersion": "v1", "kind": "ConfigMap", **body})
    except ApiError as error:
        if error.code != 409:
            raise
        if api.get(f"{path(api.namespace)}/{name}").get("data") == body["data"]:
            return
        api.patch(f"{path(api.namespace)}/{name}", body)
    log.info("%d features of node %s published in ConfigMap %s", len(labels), node, name)


def published(api: Api) -> tuple[dict[str, dict[str, str]], str]:
    """Labels by node that are published now, and the version of the list."""
    listed = api.get(path(api.namespace), labelSelector=NODE_LABEL)
    found: dict[str, dict[str, str]] = {}
    for item in listed["items"]:
        node = item["metadata"]["labels"][NODE_LABEL]
        found.setdefault(node, {}).update(
            {key.replace("..", "/"): value for key, value in item.get("data", {}).items()}
        )
    return found, listed["metadata"]["resourceVersion"]


def change(node: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """Merge patch that gives `node` the `wanted` labels and takes back those of earlier features; empty if right."""
    meta = node["metadata"]
    labels, noted = meta.get("labels", {}), meta.get("annotations", {}).get(OWNED, "")
    owned = set(noted.split(",")) - {""}
    patch: dict[str, str | None] = {key: value for key, value in wanted.items() if labels.get(key) != value}
    patch |= {key: None for key in owned - wanted.keys() if key in labels}
    note = ",".join(sorted(wanted)) or None
    if not patch and (note or "") == noted:
        return {}
    return {"metadata": {"labels": patch, "annotations": {OWNED: note}}}


def label(api: Api) -> Seen:
    """Bring all nodes' labels up to date."""
    features, version = published(api)
    for node in api.get(NODES)["items"]:
        name = node["metadata"]["name"]
        if patch := change(node, features.get(name, {})):
            api.patch(f"{NODES}/{name}", patch)
            log.info("node %s: %d labels changed", name, len(patch["metadata"]["labels"]))
    return Seen(version)


def collect_garbage(api: Api) -> None:
    """Delete features of nodes that are gone."""
    nodes = {node["metadata"]["name"] for node in api.get(NODES)["items"]}
    for item in api.get(path(api.namespace), labelSelector=NODE_LABEL)["items"]:
        if item["metadata"]["labels"][NODE_LABEL] not in nodes:
            api.delete(f"{path(api.namespace)}/{item['metadata']['name']}")
            log.info("ConfigMap %s deleted: its node is gone", item["metadata"]["name"])
