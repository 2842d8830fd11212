"""Addresses and ports for Services, handed out when a Service is written and taken back when it goes."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError, invalid

Cause = tuple[str, str, str]
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
FIRST_RANDOM = 2
"""Addresses before this place in the range are never chosen: 0 names the network, 1 is Service ``kubernetes``."""


class Allocator:
    """Knows which ClusterIPs and node ports are taken."""

    def __init__(self, settings: Settings, services: Iterable[Object]) -> None:
        self._network = ipaddress.ip_network(settings.service_cidr)
        self._ports = range(settings.node_port_range[0], settings.node_port_range[1] + 1)
        self._unchosen = {*self._ports[: _static_band(len(self._ports))], *settings.node_ports_named}
        self._taken_ips: set[str] = set()
        self._taken_ports: set[int] = set()
        for service in services:
            self.record(service, None)

    def keep(self, new: Object, old: Object) -> None:
        """What an update leaves out it does not give up: the ClusterIP, and the node ports of ports that stay."""
        spec, before = new["spec"], old["spec"]
        if "ExternalName" not in (spec.get("type"), before.get("type")):
            _keep_address(spec, before)
        if before.get("type") not in WITH_NODE_PORTS:
            return
        if spec.get("type") in WITH_NODE_PORTS:
            _keep_ports(spec.get("ports", ()), before.get("ports", ()))
        else:
            _drop_outward(spec, before)

    def complete(self, new: Object, old: Object | None) -> None:
        """Fill in addresses and ports in place; 422 when one that the client names is taken. Takes nothing yet."""
        causes = [*self._complete_ip(new, old), *self._complete_ports(new, old)]
        if causes:
            raise invalid("Service", "", new["metadata"]["name"], causes)

    def record(self, new: Object, old: Object | None) -> None:
        """`new` has been stored: what it names is taken, what only `old` named is free."""
        if old is not None:
            self.release(old)
        self._taken_ips |= _ips(new)
        self._taken_ports |= _node_ports(new)

    def release(self, service: Object) -> None:
        """Take back what a Service held."""
        self._taken_ips -= _ips(service)
        self._taken_ports -= _node_ports(service)

    def _complete_ip(self, service: Object, old: Object | None) -> Iterable[Cause]:
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
            return
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs", ())), "")
        if asked and asked != "None" and not (old and asked in _ips(old)):
            yield from self._check_ip(asked)
        spec["clusterIP"] = asked or self._free_ip(service)
        spec["clusterIPs"] = [spec["clusterIP"], *spec.get("clusterIPs", ())[1:]]

    def _check_ip(self, asked: str) -> Iterable[Cause]:
        try:
            inside = ipaddress.ip_address(asked) in self._network
        except ValueError:
            return  # validation says what is wrong with it
        if not inside:
            why = f"the provided IP ({asked}) is not in the valid range. The range of valid IPs is {self._network}"
        elif asked in self._taken_ips:
            why = "provided IP is already allocated"
        else:
            return
        text = f'Invalid value: ["{asked}"]: failed to allocate IP {asked}: {why}'
        yield "FieldValueInvalid", "spec.clusterIPs", text

    def _free_ip(self, service: Object) -> str:
        meta = service["metadata"]
        if (meta["namespace"], meta["name"]) == ("default", "kubernetes"):
            return str(self._network[1])
        last = self._network.num_addresses - 1  # broadcast
        if len(self._taken_ips) >= last - FIRST_RANDOM:
            raise _exhausted("a serviceIP")
        while True:
            address = str(self._network[random.randrange(FIRST_RANDOM, last)])
            if address not in self._taken_ips:
                return address

    def _complete_ports(self, service: Object, old: Object | None) -> Iterable[Cause]:
        spec = service["spec"]
        if spec.get("type") not in WITH_NODE_PORTS:
            return
        own = _node_ports(old) if old else set()
        asked = _node_ports(service)
        for index, port in enumerate(spec.get("ports", ())):
            number = port.get("nodePort")
            if not number:
                port["nodePort"] = self._free_port(asked)
                asked.add(port["nodePort"])
            elif number not in own and (why := self._refusal(number)):
                text = f"Invalid value: {number}: {why}"
                yield "FieldValueInvalid", f"spec.ports[{index}].nodePort", text

    def _refusal(self, number: int) -> str:
        if number not in self._ports:
            valid = f"{self._ports[0]}-{self._ports[-1]}"
            return f"provided port is not in the valid range. The range of valid ports is {valid}"
        return "provided port is already allocated" if number in self._taken_ports else ""

    def _free_port(self, asked: set[int]) -> int:
        free = [port for port in self._ports if port not in self._taken_ports and port not in asked]
        if not free:
            raise _exhausted("a nodePort")
        return random.choice([port for port in free if port not in self._unchosen] or free)


def _static_band(size: int) -> int:
    """How many ports at the beginning of the range are left to those who name one, while there are others
    (KEP-3668, "Reserve nodeport ranges for dynamic and static allocation")."""
    return min(max(16, size // 32), 128) if size > 16 else 0


def _keep_address(spec: Object, before: Object) -> None:
    if not spec.get("clusterIP"):
        spec["clusterIP"] = before["clusterIP"]
    if spec["clusterIP"] == before["clusterIP"]:
        spec.setdefault("clusterIPs", before["clusterIPs"])
    elif spec.get("clusterIPs", before["clusterIPs"]) == before["clusterIPs"]:
        spec["clusterIPs"] = [spec["clusterIP"]]  # one was changed and the other only repeated


def _keep_ports(ports: Iterable[Object], before: Iterable[Object]) -> None:
    """A port is known by its name (k8s.io/kubernetes/pkg/registry/core/service/storage, patchAllocatedValues)."""
    known = {port.get("name", ""): port.get("nodePort") for port in before}
    used = {port.get("nodePort") for port in ports}
    for port in ports:
        number = known.get(port.get("name", ""))
        if number and not port.get("nodePort") and number not in used:
            port["nodePort"] = number
            used.add(number)


def _drop_outward(spec: Object, before: Object) -> None:
    """A Service that turns inward loses what only outward ones have, unless the client has just set it."""
    for name in ("externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort"):
        if name in spec and spec[name] == before.get(name):
            del spec[name]
    held = {port.get("nodePort") for port in before.get("ports", ())}
    for port in spec.get("ports", ()):
        if port.get("nodePort") in held:
            port.pop("nodePort", None)


def _ips(service: Object) -> set[str]:
    address = service["spec"].get("clusterIP")
    return {address} if address and address != "None" else set()


def _node_ports(service: Object) -> set[int]:
    return {port["nodePort"] for port in service["spec"].get("ports", ()) if port.get("nodePort")}


def _exhausted(what: str) -> StatusError:
    text = f"Internal error occurred: failed to allocate {what}: range is full"
    return StatusError(500, "InternalError", text)
