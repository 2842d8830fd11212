"""Loopback addresses of a lab: one number chooses the ranges of its pods, its Services and its node.

Every lab on a machine shares 127.0.0.0/8, so two labs need different numbers. Number 0 is the default and gives the
node 127.0.0.1. A cluster keeps the number it was made with, because its Services own addresses from that range.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from raglab.pocket.claims import claim, is_claimed

LAST = 85
"""Highest number: pods use 127.10 to 127.95, Services 127.96 to 127.181."""
LISTEN = "0A"  # the state TCP_LISTEN in /proc/net/tcp (include/net/tcp_states.h)


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses that belong to one number."""

    number: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.number <= LAST:
            raise ValueError(f"network {self.number} does not exist: choose a number from 0 to {LAST}")

    @property
    def pod_cidr(self) -> str:
        return f"127.{10 + self.number}.0.0/16"

    @property
    def service_cidr(self) -> str:
        return f"127.{96 + self.number}.0.0/16"

    @property
    def node_ip(self) -> str:
        """Where NodePorts answer."""
        return f"127.0.{self.number}.1"

    def in_use(self) -> list[str]:
        """Addresses from the pod and Service ranges, as ``ip:port``, on which some program listens now.

        The pod range itself comes last, if a cluster or a node has it.
        """
        ranges = [ipaddress.ip_network(cidr) for cidr in (self.pod_cidr, self.service_cidr)]
        found = [f"{ip}:{port}" for ip, port in listening() if any(ip in one for one in ranges)]
        return found + [self.pod_cidr] * is_claimed(self.pod_cidr)

    def taken_ports(self, ports: tuple[int, ...]) -> list[int]:
        """Which of `ports` cannot be had on the node's address."""
        return [port for port in ports if not can_bind(self.node_ip, port)]


def listening() -> list[tuple[ipaddress.IPv4Address, int]]:
    """Every IPv4 address and TCP port of this machine that accepts connections, whoever owns it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [_address(row[1]) for row in rows if row[3] == LISTEN]


def _address(text: str) -> tuple[ipaddress.IPv4Address, int]:
    """``0100007F:1F90`` (address in the machine's byte order, little-endian) as 127.0.0.1 and 8080."""
    address, port = text.split(":")
    return ipaddress.IPv4Address(bytes.fromhex(address)[::-1]), int(port, 16)


def can_bind(address: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


@contextmanager
def reserved() -> Iterator[Network]:
    """A network that nobody uses, kept from other callers of this function until the block ends.

    The reservation is a `claim`: visible to all users of the machine, gone with the process.
    """
    for number in range(1, LAST + 1):
        with claim(f"raglab-network-{number}") as ours:
            if ours and not Network(number).in_use():
                yield Network(number)
                return
    raise RuntimeError(f"all {LAST} networks are in use")
