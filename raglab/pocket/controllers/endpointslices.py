"""Service: the addresses of its pods as EndpointSlices, which the node's service proxy follows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
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
from raglab.pocket.objects import is_controlled_by, is_deleting, labels_of, owner_reference

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io")
LARGEST = 100
"""Endpoints per slice (the real controller's default)."""


def plan(view: View, key: Key, now: float) -> Plan:
    """Make the Service's slices say which pods are behind it."""
    result = Plan()
    service = view["services"].get(key[1], key[0])
    if service is None or is_deleting(service) or not is_selecting(service):
        return result  # slices of a Service that is gone are collected as garbage
    owned = view["endpointslices"].owned(service["metadata"]["uid"])
    existing = [
        item for item in owned if is_controlled_by(item, service) and MANAGED_BY in labels_of(item).items()
    ]
    wanted = list(_slices(service, backends(view, service))) or [_slice(service, [])]
    for old, new in zip_longest(existing, wanted):
        if old is None:
            result.create("endpointslices", new)
        elif new is None:
            result.delete("endpointslices", old)
        elif not _says(old, new):
            metadata = old["metadata"] | {"labels": new["metadata"]["labels"]}
            result.update("endpointslices", old | new | {"metadata": metadata})
    return result


def _says(old: Object, new: Object) -> bool:
    same = all((old.get(part) or []) == new[part] for part in ("endpoints", "ports"))
    return same and labels_of(old) == new["metadata"]["labels"]


def _slices(service: Object, found: list[Backend]) -> Iterable[Object]:
    """Pods whose named ports have different numbers cannot share a slice."""
    by_ports: dict[Any, list[Backend]] = {}
    for backend in found:
        by_ports.setdefault(backend.ports, []).append(backend)
    for group in by_ports.values():
        for start in range(0, len(group), LARGEST):
            yield _slice(service, group[start : start + LARGEST])


def _slice(service: Object, group: list[Backend]) -> Object:
    meta = service["metadata"]
    metadata = {
        "generateName": meta["name"] + "-",
        "namespace": meta["namespace"],
        "labels": inherited_labels(service) | dict([MANAGED_BY]) | {SERVICE_NAME: meta["name"]},
        "ownerReferences": [owner_reference(service)],
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": [_endpoint(backend, service) for backend in group],
        "ports": [_port(*port) for port in group[0].ports] if group else [],
    }


def _port(name: str, number: int, protocol: str, application: str) -> Object:
    port = {"name": name, "port": number, "protocol": protocol}
    return port | ({"appProtocol": application} if application else {})


def _endpoint(backend: Backend, service: Object) -> Object:
    pod = backend.pod
    endpoint = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": backend.ready,
            "serving": backend.serving,
            "terminating": is_deleting(pod),
        },
        "targetRef": target_reference(pod),
    }
    node = {"nodeName": pod["spec"]["nodeName"]} if "nodeName" in pod["spec"] else {}
    return endpoint | hostname(pod, service) | node


def _service_of(view: View, slice: Object) -> Iterable[Key]:
    name = labels_of(slice).get(SERVICE_NAME)
    return [(slice["metadata"]["namespace"], name)] if name else []


CONTROLLER = Controller(
    "endpoint-slice-controller",
    plan,
    {
        "services": itself,
        "pods": selecting_services,
        "endpointslices": _service_of,
    },
)
