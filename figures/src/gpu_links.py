"""The kinds of links in a topology matrix, nearest first, and what lies on the way from one GPU to the other."""

from __future__ import annotations

from drawing import Drawing

ROWS = (
    ("NV#", (("NVLinks, # of them", "green"),)),
    ("PIX", (("PCIe switch", "blue"),)),
    ("PXB", (("PCIe switch", "blue"), ("PCIe switch", "blue"))),
    ("PHB", (("PCIe host bridge (the CPU)", "yellow"),)),
    ("NODE", (("host bridge", "yellow"), ("host bridge, same NUMA node", "yellow"))),
    ("SYS", (("host bridge", "yellow"), ("socket to socket", "red"), ("host bridge", "yellow"))),
)
HEIGHT = 52


def draw() -> Drawing:
    """One row per kind of link: GPU, what is passed, GPU."""
    d = Drawing(
        860, 50 + HEIGHT * len(ROWS), "Ways between two GPUs",
        "Six rows, from near to far, each with two GPUs and what lies between them. NV#: NVLinks alone. PIX: one PCIe "
        "switch. PXB: several PCIe switches. PHB: the CPU's PCIe host bridge. NODE: two host bridges of one NUMA "
        "node. SYS: a host bridge, the link between the CPU sockets, and another host bridge.",
    )  # fmt: skip
    d.text(40, 26, "cell", "small")
    d.text(490, 26, "what lies on the way, nearest first", "small")
    for row, (code, ways) in enumerate(ROWS):
        y = 40 + HEIGHT * row
        d.text(40, y + 24, code, "title")
        d.box((100, y), (70, 38), ["GPU"], "grey")
        d.box((770, y), (70, 38), ["GPU"], "grey")
        width = 540 / len(ways)
        left = 170.0
        for number, (label, colour) in enumerate(ways):
            x = 200 + width * number + 15
            d.arrow([(left, y + 19), (x - 2, y + 19)])
            d.box((x, y), (width - 30, 38), [label], colour)
            left = x + width - 30
        d.arrow([(left, y + 19), (768, y + 19)])
    return d
