"""Which pods stand behind a Service, at which ports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.reconcile import View
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import is_deleting, is_finished, is_ready, labels_of, selects


class Backend(NamedTuple):
    """A pod behind a Service and the container ports its Service ports lead to."""

    pod: Object
    ports: tuple[tuple[str, int, str, str], ...]
    """(name, number, protocol, application protocol) per Service port."""
    ready: bool
    """It gets traffic."""
    serving: bool
    """Its containers are ready, even if it is being stopped."""


def is_selecting(service: Object) -> bool:
    """Whether the cluster keeps the Service's addresses (else somebody else does)."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def backends(view: View, service: Object) -> list[Backend]:
    """Pods with an address that the Service selects, ordered by name."""
    spec, found = service["spec"], []
    early = spec.get("publishNotReadyAddresses", False)
    for pod in view["pods"].list(service["metadata"]["namespace"], spec["selector"]):
        if pod.get("status", {}).get("podIP") and not is_finished(pod):
            serving = is_ready(pod)
            ports = tuple(_ports(spec.get("ports") or (), pod))
            found.append(Backend(pod, ports, early or (serving and not is_deleting(pod)), serving))
    return found


def _ports(service_ports: Iterable[Object], pod: Object) -> Iterable[tuple[str, int, str, str]]:
    for port in service_ports:
        protocol = port.get("protocol", "TCP")
        number = _number(port["targetPort"] if "targetPort" in port else port["port"], protocol, pod)
        if number is not None:
            yield port.get("name", ""), number, protocol, port.get("appProtocol", "")


def _number(target: int | str, protocol: str, pod: Object) -> int | None:
    """The container port a target names; None if this pod has no port of that name."""
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def target_reference(pod: Object) -> Object:
    """How an address says which pod it belongs to."""
    meta = pod["metadata"]
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def hostname(pod: Object, service: Object) -> Object:
    """``{"hostname": ...}`` for a pod that has a DNS name of its own under the Service."""
    spec = pod["spec"]
    named = spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]
    return {"hostname": spec["hostname"]} if named else {}


def selecting_services(view: View, pod: Object) -> Iterable[Key]:
    """A trigger: the Services a pod stands behind."""
    for service in view["services"].list(pod["metadata"]["namespace"]):
        if is_selecting(service) and selects({"matchLabels": service["spec"]["selector"]}, labels_of(pod)):
            yield key_of(service)


def inherited_labels(service: Object) -> dict[str, str]:
    """Labels that a Service gives to its address objects."""
    headless = {"service.kubernetes.io/headless": ""} if service["spec"].get("clusterIP") == "None" else {}
    return labels_of(service) | headless
