"""The Kubernetes objects that stand for a Prometheus: Secret, ConfigMap, governing Service, StatefulSet."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from raglab.services.addons.prometheus_operator import names, pods

Object = dict[str, Any]
INPUT_HASH = "prometheus-operator-input-hash"
"""Annotation that tells whether the StatefulSet was made from something else than is wanted now."""
MANAGED = {"managed-by": "prometheus-operator"}


def config_secret(prometheus: Object, packed: bytes) -> Object:
    """The configuration, compressed."""
    data = {names.CONFIG_KEY: base64.b64encode(packed).decode()}
    name = names.prefixed(prometheus["metadata"]["name"])
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(prometheus, name, MANAGED), "data": data}


def rules_map(prometheus: Object, files: Mapping[str, str]) -> Object:
    """The rule files."""
    name = prometheus["metadata"]["name"]
    labels = MANAGED | {"prometheus-name": name}
    meta = _meta(prometheus, names.rules(name), labels)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(files)}


def governing_service(prometheus: Object) -> Object:
    """The headless Service that gives the pods their names."""
    meta = _meta(prometheus, names.SERVICE, {"operated-prometheus": "true"} | MANAGED)
    port = {"name": pods.port_name(prometheus), "port": pods.PORT, "targetPort": pods.port_name(prometheus)}
    spec = {
        "clusterIP": "None",
        "ports": [port],
        "selector": {"app.kubernetes.io/name": "prometheus"},
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def stateful_set(prometheus: Object) -> Object:
    """The pods."""
    name, spec = prometheus["metadata"]["name"], prometheus["spec"]
    claim = ((spec.get("storage") or {}).get("volumeClaimTemplate") or {}).get("spec")
    claims = [{"metadata": {"name": names.database(name)}, "spec": claim}] if claim else []
    labels = (prometheus["metadata"].get("labels") or {}) | pods.selector(name)
    wanted = {
        "serviceName": names.SERVICE,
        "replicas": replicas(prometheus),
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": pods.selector(name)},
        "template": pods.template(prometheus),
        "volumeClaimTemplates": claims,
    }
    meta = _meta(prometheus, names.prefixed(name), labels)
    meta["annotations"] = {INPUT_HASH: hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": wanted}


def replicas(prometheus: Object) -> int:
    """How many pods are wanted."""
    wanted = prometheus["spec"].get("replicas", 1)
    return 0 if prometheus["spec"].get("paused") else int(wanted)


def _meta(prometheus: Object, name: str, labels: Mapping[str, str]) -> Object:
    """Metadata of something that ends with its Prometheus."""
    meta = prometheus["metadata"]
    owner = {
        "apiVersion": prometheus["apiVersion"],
        "kind": prometheus["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "name": name,
        "namespace": meta["namespace"],
        "labels": dict(labels),
        "ownerReferences": [owner],
    }
