"""The kinds of links in a topology matrix, nearest first, and what lies on the way from one GPU to the other."""

from __future__ import annotations

from drawing import GPU, Drawing, Kind

NVLINK, PCIE, BRIDGE, SOCKETS = (Kind(colour, stand_in=True) for colour in ("green", "blue", "purple", "red"))
ROWS = (
    ("NV#", (("NVLinks, # of them", NVLINK),)),
    ("PIX", (("PCIe switch", PCIE),)),
    ("PXB", (("PCIe switch", PCIE), ("PCIe switch", PCIE))),
    ("PHB", (("PCIe host bridge (the CPU)", BRIDGE),)),
    ("NODE", (("host bridge", BRIDGE), ("bridge, same NUMA node", BRIDGE))),
    ("SYS", (("host bridge", BRIDGE), ("socket to socket", SOCKETS), ("host bridge", BRIDGE))),
)
HEIGHT = 52


def draw() -> Drawing:
    """One row per kind of link: GPU, what is passed, GPU."""
    d = Drawing(
        900, 45 + HEIGHT * len(ROWS), "Ways between two GPUs",
        "Six rows, from near to far, each with two GPUs and what lies between them. NV#: NVLinks alone. PIX: one PCIe "
        "switch. PXB: several PCIe switches. PHB: the CPU's PCIe host bridge. NODE: two host bridges of one NUMA "
        "node. SYS: a host bridge, the link between the CPU sockets, and another host bridge.",
    )  # fmt: skip
    d.text(40, 26, "cell")
    d.text(490, 26, "what lies on the way, nearest first")
    for row, (code, ways) in enumerate(ROWS):
        _row(d, 40 + HEIGHT * row, code, ways)
    return d


def _row(d: Drawing, y: float, code: str, ways: tuple[tuple[str, Kind], ...]) -> None:
    d.text(40, y + 24, code, "title")
    d.box((90, y), (75, 38), ["GPU"], GPU)
    d.box((810, y), (75, 38), ["GPU"], GPU)
    width, left = 645 / len(ways), 165.0
    for number, (label, kind) in enumerate(ways):
        x = 165 + width * number + 15
        d.arrow([(left, y + 19), (x - 2, y + 19)])
        d.box((x, y), (width - 30, 38), [label], kind)
        left = x + width - 30
    d.arrow([(left, y + 19), (808, y + 19)])
