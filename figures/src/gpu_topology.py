"""The lab's node as a graph: its four GPUs and what joins them, from the captured matrix that the node shows."""

from __future__ import annotations

from drawing import GPU, Drawing, Point

from raglab import paths
from raglab.gpus import topology

CAPTURE = paths.CHECKOUT / "data" / "topology" / "azure-nc96ads-a100-v4.txt"
PLACES = {"GPU0": (140, 55), "GPU1": (140, 230), "GPU2": (610, 55), "GPU3": (610, 230)}
SIZE = (150, 60)


def draw() -> Drawing:
    """Two islands: wide lines for NVLink, thin ones for the long way."""
    node = topology.read(CAPTURE)
    near, far = node.bandwidth("GPU0", "GPU1"), node.bandwidth("GPU1", "GPU2")
    near_link, far_link = node.links["GPU0", "GPU1"], node.links["GPU1", "GPU2"]
    d = Drawing(
        900, 310, "The four GPUs of the lab's node and their links",
        f"Two islands. A wide line, {near_link}, joins GPU 0 with GPU 1 and GPU 2 with GPU 3: {near:g} gigabytes "
        f"a second in each direction. Thin lines, {far_link}, join every GPU of one island with every GPU of the "
        f"other: at most {far:g} gigabytes a second. Each GPU belongs to a NUMA node of its own.",
    )  # fmt: skip
    for one, other in node.pairs:
        _link(d, one, other, node.links[one, other].startswith("NV"))
    for name, place in PLACES.items():
        d.box(place, SIZE, [name, f"NUMA node {node.numa[name]}"], GPU)
    for x, style in ((203, "muted end"), (697, "muted left")):
        d.text(x, 168, f"{near_link}: {near:g} GB/s", style)
        d.text(x, 185, "each way", style)
    d.text(450, 40, f"{far_link}: at most {far:g} GB/s, over PCIe and between the sockets")
    return d


def _link(d: Drawing, one: str, other: str, near: bool) -> None:
    ends = [_border(one, other), _border(other, one)]
    d.line(ends, "green" if near else "red", "wide stand-in" if near else "stand-in")


def _border(gpu: str, towards: str) -> Point:
    """Where a line leaves a GPU's box: the middle of a side, or a corner if the other GPU stands diagonally."""
    (x, y), (other_x, other_y), (width, height) = PLACES[gpu], PLACES[towards], SIZE
    return x + width * _share(x, other_x), y + height * _share(y, other_y)


def _share(here: float, there: float) -> float:
    return 0.5 if here == there else float(there > here)
