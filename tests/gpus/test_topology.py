"""Topology matrices: every capture is consistent, reading and writing agree, and links have the specified speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from raglab import paths
from raglab.gpus import topology
from raglab.gpus.smi.matrix import machine
from raglab.gpus.smi.view import view
from raglab.gpus.topology import Topology, TopologyError

CAPTURES = sorted((paths.CHECKOUT / "data" / "topology").glob("*.txt"))
OURS = "azure-nc96ads-a100-v4"


def capture(name: str) -> Topology:
    return topology.read(paths.CHECKOUT / "data" / "topology" / f"{name}.txt")


def matrix(text: str) -> str:
    """A capture without its facts and its legend."""
    lines = [line for line in text.split("\n\n")[0].splitlines() if not line.startswith("#")]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("file", CAPTURES, ids=lambda file: file.stem)
def test_captures_say_where_they_come_from_and_are_symmetric(file: Path) -> None:
    found = topology.read(file)
    assert {"machine", "source", "pcie"} <= found.facts.keys()
    assert all(found.links[a, b] == found.links[b, a] for a, b in found.links)
    assert {link.rstrip("0123456789") for link in found.links.values()} <= set(topology.ORDER)
    assert all(found.bandwidth(a, b) > 0 for a, b in found.pairs)


@pytest.mark.parametrize("file", [f for f in CAPTURES if f.stem != "pcie-8x4090"], ids=lambda file: file.stem)
def test_what_is_read_is_written_the_same(file: Path) -> None:
    assert topology.render(topology.read(file)) == matrix(file.read_text())


def test_the_node_has_the_matrix_of_the_capture() -> None:
    file = paths.CHECKOUT / "data" / "topology" / f"{OURS}.txt"
    assert topology.render(machine(view({}))) == matrix(file.read_text())


def test_speeds_follow_the_specification() -> None:
    ours = capture(OURS)
    assert ours.bandwidth("GPU0", "GPU1") == 300  # 12 links of 25 GB/s
    assert ours.bandwidth("GPU1", "GPU2") == 32
    assert capture("dgx-h100").bandwidth("GPU0", "GPU7") == 450


@pytest.mark.parametrize(
    ("name", "islands"),
    [(OURS, [("GPU0", "GPU1"), ("GPU2", "GPU3")]), ("pcie-8x4090", [(f"GPU{n}",) for n in range(8)])],
)
def test_islands_of_nvlink(name: str, islands: list[tuple[str, ...]]) -> None:
    assert capture(name).islands() == islands
    assert len(capture("dgx-a100").islands()) == 1


def test_nearer_is_smaller() -> None:
    found = capture("pcie-8x4090")
    assert found.distance("GPU0", "GPU1") < found.distance("GPU0", "GPU4")  # SYS both, but one memory node
    ours = capture(OURS)
    assert ours.distance("GPU2", "GPU3") < ours.distance("GPU1", "GPU2")
    h100 = capture("dgx-h100")
    assert h100.distance("GPU0", "NIC0") < h100.distance("GPU0", "NIC1") < h100.distance("GPU0", "NIC6")


def test_pasted_with_spaces_and_escapes() -> None:
    text = """
        \x1b[4mGPU0    GPU1    CPU Affinity    NUMA Affinity\x1b[0m
GPU0     X      PHB     0-15            N/A
GPU1    PHB      X      0-15            N/A

Legend:
  X    = Self
"""
    found = topology.parse(text)
    assert (found.links["GPU0", "GPU1"], found.cpus["GPU1"], found.numa["GPU1"]) == ("PHB", "0-15", "N/A")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no line with the devices' names"),
        ("No devices were found", "no line with the devices' names"),
        ("\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tSYS\t0-3\n", "rows of GPU1 are missing"),
        (
            "\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \nGPU1\tSYS\t X \t0-3\n",
            "rows of GPU0 are missing or too short",
        ),
    ],
)
def test_what_is_no_matrix_is_refused(text: str, says: str) -> None:
    with pytest.raises(TopologyError, match=says):
        topology.parse(text)
