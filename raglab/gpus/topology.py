"""The matrix of `nvidia-smi topo -m`: reading it, writing it, and what its links can carry.

A cell names the longest way between two devices. From near to far: NV# (# NVLinks), PIX (at most one PCIe switch), PXB
(several switches), PHB (the CPU's host bridge), NODE (between host bridges of one memory node), SYS (between sockets).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, permutations
from pathlib import Path

ORDER = ("NV", "PIX", "PXB", "PHB", "NODE", "SYS")
"""Kinds of links, nearest first."""
MEANING = {
    "SYS": "PCIe, and the connection between the CPU sockets (QPI/UPI and the like)",
    "NODE": "PCIe, and the connection between host bridges of one NUMA node",
    "PHB": "PCIe, and a PCIe host bridge, which is usually the CPU",
    "PXB": "several PCIe switches, but no host bridge",
    "PIX": "one PCIe switch at most",
    "NV#": "a bonded set of # NVLinks",
}
NVLINK = {3: 25.0, 4: 25.0, 5: 50.0}
"""GB/s of one NVLink per direction, by generation: A100 has 12 of generation 3 (600 GB/s in both directions together),
H100 and H200 have 18 of generation 4 (900), B200 has 18 of generation 5 (1,800). NVIDIA's data sheets; 25 GB/s is also
what `nvidia-smi nvlink -s` shows for generations 3 and 4."""
PCIE = {3: 16.0, 4: 32.0, 5: 64.0}
"""GB/s of a PCIe slot with 16 lanes per direction, by generation: lanes x transfer rate (8, 16, 32 GT/s) / 8, rounded
as usual. An upper limit: what the way from GPU to GPU gives also depends on the bridges it shares."""
_FACT = re.compile(r"# (\w+): (.*)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class TopologyError(Exception):
    """The text is no such matrix; the message says where it goes wrong."""


@dataclass(frozen=True)
class Topology:
    """A machine's devices and the links between them.

    `links` has every ordered pair of different devices; `cpus` and `numa` have the affinities of each GPU as text.
    """

    names: tuple[str, ...]
    links: Mapping[tuple[str, str], str]
    cpus: Mapping[str, str]
    numa: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)
    """What a capture's first lines say: machine, source, and the generations of its nvlink and pcie."""

    @property
    def gpus(self) -> tuple[str, ...]:
        """The GPUs' names in order."""
        return tuple(name for name in self.names if name.startswith("GPU"))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every pair of GPUs, once."""
        return list(combinations(self.gpus, 2))

    def bandwidth(self, one: str, other: str) -> float:
        """GB/s that the link can carry per direction, by specification: NVLinks add up, PCIe counts as one slot."""
        link = self.links[one, other]
        if link.startswith("NV"):
            return int(link[2:]) * NVLINK[int(self.facts["nvlink"])]
        return PCIE[int(self.facts["pcie"])]

    def distance(self, one: str, other: str) -> tuple[int, int]:
        """Smaller is nearer: kind of link first, then fewer NVLinks, then another memory node."""
        link = self.links[one, other]
        kind = "NV" if link.startswith("NV") else link
        links = int(link[2:]) if kind == "NV" else 0
        return ORDER.index(kind), -links + (self.numa.get(one) != self.numa.get(other))

    def islands(self) -> list[tuple[str, ...]]:
        """Groups of GPUs that NVLink joins, directly or through one another, in order."""
        found: list[set[str]] = []
        for gpu in self.gpus:
            near = {other for other in self.gpus if other != gpu and self.links[gpu, other].startswith("NV")}
            joined = [group for group in found if group & near]
            found = [group for group in found if group not in joined] + [{gpu}.union(*joined)]
        return sorted(tuple(gpu for gpu in self.gpus if gpu in group) for group in found)


def parse(text: str) -> Topology:
    """Read the tool's output, or a capture of it. Columns may be divided by tabs or by spaces. Raises TopologyError."""
    lines = _ESCAPES.sub("", text).splitlines()
    facts = {match[1]: match[2] for line in lines if (match := _FACT.match(line))}
    header = next(
        (line.split() for line in lines if line.split()[:1] == ["GPU0"] and "X" not in line.split()), None
    )
    if header is None or "CPU" not in header:
        raise TopologyError(
            "no line with the devices' names and CPU Affinity: is this the output of topo -m?"
        )
    names = tuple(header[: header.index("CPU")])
    rows = {
        words[0]: words[1:]
        for line in lines
        if (words := line.split()) and words[0] in names and "X" in words
    }
    if missing := [name for name in names if len(rows.get(name, ())) < len(names)]:
        raise TopologyError(f"the rows of {', '.join(missing)} are missing or too short")
    links = {(a, b): link for a in names for b, link in zip(names, rows[a], strict=False) if a != b}
    beyond = {name: [*rows[name][len(names) :], "N/A", "N/A"] for name in names if name.startswith("GPU")}
    cpus, numa = ({name: rest[column] for name, rest in beyond.items()} for column in (0, 1))
    return Topology(names, links, cpus, numa, facts)


def read(file: str | Path) -> Topology:
    """A capture file, such as those in ``data/topology``."""
    return parse(Path(file).read_text())


def render(topology: Topology) -> str:
    """The matrix as driver 550 writes it: columns divided by tabs, two before the last, spaces around X."""
    names = topology.names
    lines = ["\t" + "\t".join(names) + "\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID"]
    for name in names:
        cells = [" X " if other == name else topology.links[name, other] for other in names]
        ends = [topology.cpus[name], topology.numa[name], "", "N/A"] if name in topology.cpus else [""] * 4
        lines.append("\t".join([name, *cells, *ends]))
    return "\n".join(lines) + "\n"


def joined(gpus: Iterable[str], groups: Iterable[Iterable[str]], links: int) -> dict[tuple[str, str], str]:
    """Links of a machine whose `groups` of GPUs are joined by so many NVLinks and by SYS beyond."""
    owner = {gpu: str(number) for number, group in enumerate(groups) for gpu in group}
    near = {(a, b): owner.get(a, a) == owner.get(b, b) for a, b in permutations(gpus, 2)}
    return {pair: f"NV{links}" if bridged else "SYS" for pair, bridged in near.items()}
