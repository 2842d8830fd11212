"""Service: the addresses of its pods as one Endpoints object, the older form that people still read."""

from __future__ import annotations

import hashlib
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.control.addresses import (
    Backend,
    backends,
    hostname,
    inherited_labels,
    is_selecting,
    selecting_services,
    target_reference,
)
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting, labels_of

MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


def plan(view: View, key: Key, now: float) -> Plan:
    """Make the object of the Service's name say which pods are behind it, or remove it with the Service."""
    result = Plan()
    service, old = view["services"].get(key[1], key[0]), view["endpoints"].get(key[1], key[0])
    if service is None or is_deleting(service):
        if old is not None and MANAGED_BY.items() <= labels_of(old).items():
            result.delete("endpoints", old)
        return result
    if not is_selecting(service):
        return result
    new = _endpoints(service, backends(view, service))
    if old is None:
        result.create("endpoints", new)
    elif (old.get("subsets") or []) != new["subsets"] or labels_of(old) != new["metadata"]["labels"]:
        metadata = old["metadata"] | {"labels": new["metadata"]["labels"]}
        result.update("endpoints", old | new | {"metadata": metadata})
    return result


def _endpoints(service: Object, found: list[Backend]) -> Object:
    meta = service["metadata"]
    labels = inherited_labels(service) | MANAGED_BY
    early = service["spec"].get("publishNotReadyAddresses", False)
    by_ports: dict[Any, list[Backend]] = {}
    for backend in found:
        if early or not is_deleting(backend.pod):
            by_ports.setdefault(backend.ports, []).append(backend)
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": labels},
        "subsets": [_subset(ports, group, service) for ports, group in by_ports.items()],
    }


def _subset(ports: tuple[tuple[str, int, str, str], ...], group: list[Backend], service: Object) -> Object:
    subset = {
        "addresses": [_address(item.pod, service) for item in group if item.ready],
        "notReadyAddresses": [_address(item.pod, service) for item in group if not item.ready],
        "ports": [_port(*port) for port in sorted(ports, key=lambda port: _order(*port))],
    }
    return {part: entries for part, entries in subset.items() if entries}


def _order(name: str, number: int, protocol: str, application: str) -> bytes:
    """Ports stand in the order of a hash of Go's print of them (endpoints/util.go, ``DeepHashObject``)."""
    pointer = application or "<nil>"
    text = f"Name:(string){name} Port:(int32){number} Protocol:(v1.Protocol){protocol} AppProtocol:(*string){pointer}"
    return hashlib.md5(f"(v1.EndpointPort){{{text}}}".encode(), usedforsecurity=False).digest()


def _port(name: str, number: int, protocol: str, application: str) -> Object:
    named = ({"name": name} if name else {}) | ({"appProtocol": application} if application else {})
    return named | {"port": number, "protocol": protocol}


def _address(pod: Object, service: Object) -> Object:
    node = {"nodeName": pod["spec"]["nodeName"]} if "nodeName" in pod["spec"] else {}
    return {"ip": pod["status"]["podIP"], "targetRef": target_reference(pod)} | hostname(pod, service) | node


CONTROLLER = Controller(
    "endpoint-controller",
    plan,
    {"services": itself, "pods": selecting_services, "endpoints": itself},
)
