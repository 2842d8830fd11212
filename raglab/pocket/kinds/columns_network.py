"""The columns of services and what stands behind and before them."""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.cells import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    field,
    first_few,
    map_of_labels,
    selector,
    wide,
)
from raglab.pocket.kinds.paths import find, get


def _cluster_ip(service: Object, now: float) -> str:
    addresses = get(service, "spec.clusterIPs") or [get(service, "spec.clusterIP")]
    return addresses[0] or NONE


def _external_ip(service: Object, now: float) -> str:
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    external = list(spec.get("externalIPs") or ())
    if spec.get("type") == "LoadBalancer":
        points = find(service, "status.loadBalancer.ingress[]")
        return (
            ",".join([*(point.get("ip") or point.get("hostname", "") for point in points), *external])
            or "<pending>"
        )
    return ",".join(external) or NONE


def _ports(service: Object, now: float) -> str:
    def text(port: Object) -> str:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        return f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}"

    return ",".join(map(text, find(service, "spec.ports[]"))) or NONE


SERVICE = [
    NAME,
    Column("Type", field("spec.type")),
    Column("Cluster-IP", _cluster_ip),
    Column("External-IP", _external_ip),
    Column("Port(s)", _ports),
    AGE,
    wide("Selector", map_of_labels("spec.selector")),
]


def _endpoints(obj: Object, now: float) -> str:
    listed = []
    for subset in obj.get("subsets") or ():
        addresses = [item["ip"] for item in subset.get("addresses") or ()]
        ports: Iterable[Object] = subset.get("ports") or ({},)
        for port in ports:
            suffix = f":{port['port']}" if "port" in port else ""
            listed += [f"{f'[{ip}]' if ':' in ip and suffix else ip}{suffix}" for ip in addresses]
    return first_few(listed, NONE)


ENDPOINTS = [NAME, Column("Endpoints", _endpoints), AGE]


def _slice_ports(obj: Object, now: float) -> str:
    return first_few((str(port.get("port", "*")) for port in obj.get("ports") or ()), UNSET)


def _slice_endpoints(obj: Object, now: float) -> str:
    return first_few((ip for item in obj.get("endpoints") or () for ip in item.get("addresses") or ()), UNSET)


ENDPOINT_SLICE = [
    NAME,
    Column("AddressType", field("addressType")),
    Column("Ports", _slice_ports),
    Column("Endpoints", _slice_endpoints),
    AGE,
]


def _hosts(ingress: Object, now: float) -> str:
    return first_few((rule["host"] for rule in find(ingress, "spec.rules[]") if rule.get("host")), "*")


def _addresses(ingress: Object, now: float) -> str:
    points = find(ingress, "status.loadBalancer.ingress[]")
    return ",".join(point.get("ip") or point.get("hostname", "") for point in points)


INGRESS = [
    NAME,
    Column("Class", field("spec.ingressClassName", NONE)),
    Column("Hosts", _hosts),
    Column("Address", _addresses),
    Column("Ports", lambda ingress, now: "80, 443" if get(ingress, "spec.tls") else "80"),
    AGE,
]


def _parameters(obj: Object, now: float) -> str:
    given = get(obj, "spec.parameters")
    if not given:
        return NONE
    group = f".{given['apiGroup']}" if given.get("apiGroup") else ""
    return f"{given.get('kind')}{group}/{given.get('name')}"


INGRESS_CLASS = [NAME, Column("Controller", field("spec.controller")), Column("Parameters", _parameters), AGE]
NETWORK_POLICY = [NAME, Column("Pod-Selector", selector("spec.podSelector")), AGE]
