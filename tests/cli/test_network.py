"""Loopback addresses by number: disjoint, checked against what listens, and given to one taker at a time."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import sys
from itertools import combinations

import pytest

from raglab.pocket.config import Settings
from raglab.targets.network import LAST, Network, listening, reserved


def test_number_0_has_the_default_addresses(tmp_path):
    network, settings = Network(0), Settings(tmp_path)
    assert (network.pod_cidr, network.service_cidr) == (settings.pod_cidr, settings.service_cidr)
    assert network.node_ip == settings.node_ip


def test_networks_never_overlap():
    networks = [Network(number) for number in range(LAST + 1)]
    ranges = [ipaddress.ip_network(cidr) for n in networks for cidr in (n.pod_cidr, n.service_cidr)]
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
    assert len({network.node_ip for network in networks}) == LAST + 1


@pytest.mark.parametrize("number", [-1, LAST + 1])
def test_other_numbers_are_refused(number: int):
    with pytest.raises(ValueError, match=f"0 to {LAST}"):
        Network(number)


def test_listener_is_seen_and_ports_are_tried():
    with reserved() as network:
        address = network.pod_cidr.replace("0.0/16", "3.4")
        with socket.create_server((address, 0)) as server:
            port = server.getsockname()[1]
            assert (ipaddress.IPv4Address(address), port) in listening()
            assert network.in_use() == [f"{address}:{port}"]
        assert network.in_use() == []
        with socket.create_server((network.node_ip, 0)) as server:
            port = server.getsockname()[1]
            assert network.taken_ports((port,)) == [port]


def test_a_claimed_range_is_in_use_until_its_holder_ends():
    with reserved() as network:
        hold = "import sys; from raglab.pocket.claims import claimed\nwith claimed(sys.argv[1]): print(); input()"
        start = [sys.executable, "-c", hold, network.pod_cidr]
        pipe = subprocess.PIPE
        with subprocess.Popen(start, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            assert network.in_use() == [network.pod_cidr]
            other = subprocess.run(start, capture_output=True, text=True, timeout=30)
            assert other.returncode == 1 and f"has the addresses {network.pod_cidr}" in other.stderr
            holder.kill()
        assert network.in_use() == []


def test_two_takers_get_different_networks():
    with reserved() as one, reserved() as other:
        assert one != other
