"""Addresses and ports for Services, handed out when a Service is written and taken back when it goes."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError, invalid

WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


class Allocator:
    """Knows which ClusterIPs and node ports are taken. The first address of the range is for the API itself."""

    def __init__(self, settings: Settings, services: Iterable[Object]) -> None:
        self._network = ipaddress.ip_network(settings.service_cidr)
        self._ports = range(settings.node_port_range[0], settings.node_port_range[1] + 1)
        self._taken_ips: set[str] = set()
        self._taken_ports: set[int] = set()
        for service in services:
            self._taken_ips |= _ips(service)
            self._taken_ports |= _node_ports(service)

    def keep(self, new: Object, old: Object) -> None:
        """What an update leaves out it does not give up: the ClusterIP, and node ports of ports that stay."""
        spec, before = new["spec"], old["spec"]
        if spec.get("type") == "ExternalName":
            return
        if before.get("clusterIP") and not spec.get("clusterIP"):
            spec["clusterIP"], spec["clusterIPs"] = (
                before["clusterIP"],
                before.get("clusterIPs", [before["clusterIP"]]),
            )
        if spec.get("type") not in WITH_NODE_PORTS:
            return
        known = {
            (port["port"], port.get("protocol", "TCP")): port.get("nodePort")
            for port in before.get("ports", ())
        }
        asked = {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}
        for port in spec.get("ports", ()):
            number = known.get((port["port"], port.get("protocol", "TCP")))
            if number and not port.get("nodePort") and number not in asked:
                port["nodePort"] = number

    def allocate(self, new: Object, old: Object | None, *, commit: bool) -> None:
        """Complete the spec of a Service in place; 422 when an address or port it names is taken."""
        own_ips, own_ports = (_ips(old), _node_ports(old)) if old else (set(), set())
        causes: list[tuple[str, str, str]] = []
        self._allocate_ip(new, own_ips, causes)
        self._allocate_ports(new, own_ports, causes)
        if causes:
            raise invalid("Service", "", new["metadata"]["name"], causes)
        if commit:
            self._taken_ips = (self._taken_ips - own_ips) | _ips(new)
            self._taken_ports = (self._taken_ports - own_ports) | _node_ports(new)

    def release(self, service: Object) -> None:
        """Take back what a deleted Service held."""
        self._taken_ips -= _ips(service)
        self._taken_ports -= _node_ports(service)

    def _allocate_ip(self, service: Object, own: set[str], causes: list[tuple[str, str, str]]) -> None:
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            spec.pop("clusterIP", None), spec.pop("clusterIPs", None)
            return
        asked = spec.get("clusterIP")
        if asked == "None":
            spec["clusterIPs"] = ["None"]
            return
        if asked and asked not in own:
            self._check_ip(asked, causes)
        spec["clusterIP"] = asked or self._free_ip(service)
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _check_ip(self, asked: str, causes: list[tuple[str, str, str]]) -> None:
        if ipaddress.ip_address(asked) not in self._network:
            valid = f"The range of valid IPs is {self._network}"
            why = f"failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. {valid}"
        elif asked in self._taken_ips:
            why = f"failed to allocate IP {asked}: provided IP is already allocated"
        else:
            return
        causes.append(("FieldValueInvalid", "spec.clusterIPs", f'Invalid value: ["{asked}"]: {why}'))

    def _free_ip(self, service: Object) -> str:
        first = self._network[1]
        if (service["metadata"]["namespace"], service["metadata"]["name"]) == ("default", "kubernetes"):
            return str(first)
        while True:  # the range is far larger than the number of Services a laptop can hold
            address = str(self._network[random.randrange(2, self._network.num_addresses - 1)])
            if address not in self._taken_ips:
                return address

    def _allocate_ports(self, service: Object, own: set[int], causes: list[tuple[str, str, str]]) -> None:
        spec = service["spec"]
        wanted = spec.get("type") in WITH_NODE_PORTS
        chosen: set[int] = {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}
        for index, port in enumerate(spec.get("ports", ())):
            if not wanted:
                port.pop("nodePort", None)
            elif not port.get("nodePort"):
                port["nodePort"] = self._free_port(chosen)
                chosen.add(port["nodePort"])
            elif port["nodePort"] in self._taken_ports - own:
                text = f"Invalid value: {port['nodePort']}: provided port is already allocated"
                causes.append(("FieldValueInvalid", f"spec.ports[{index}].nodePort", text))

    def _free_port(self, chosen: set[int]) -> int:
        free = [port for port in self._ports if port not in self._taken_ports and port not in chosen]
        if not free:
            raise StatusError(
                500, "InternalError", "Internal error occurred: failed to allocate a nodePort: range is full"
            )
        return random.choice(free)


def _ips(service: Object) -> set[str]:
    address = service["spec"].get("clusterIP")
    return {address} if address and address != "None" else set()


def _node_ports(service: Object) -> set[int]:
    return {port["nodePort"] for port in service["spec"].get("ports", ()) if port.get("nodePort")}
