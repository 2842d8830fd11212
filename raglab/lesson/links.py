"""Pictures of machines for lesson 01: GPUs in a ring, a line for every link, and the words that say the same."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from raglab.gpus.topology import Topology

STYLES = {
    "NV": ("#1f7a35", "-", 3.5, "NVLink"),
    "PIX": ("#3a6a99", "-", 2.2, "one PCIe switch"),
    "PXB": ("#3a6a99", "--", 1.8, "several PCIe switches"),
    "PHB": ("#8a3fc0", "--", 1.6, "the CPU's host bridge"),
    "NODE": ("#8a3fc0", ":", 1.4, "one NUMA node"),
    "SYS": ("#c2362e", ":", 1.1, "between sockets"),
}
"""Colour (as in ``figures/gpu-links.svg``), line, width and meaning by kind; line and width tell kinds apart."""


def picture(*machines: Topology) -> Any:
    """A matplotlib figure with a drawing of each machine's GPUs and their links, side by side."""
    import matplotlib.pyplot as plt

    plot, axes = plt.subplots(1, len(machines), figsize=(3.3 * len(machines), 3.4), squeeze=False)
    for machine, place in zip(machines, axes[0], strict=True):
        _draw(machine, place)
    used = {_kind(machine.links[pair]) for machine in machines for pair in machine.pairs}
    lines = [_line(plt, kind) for kind in STYLES if kind in used]
    plot.legend(handles=lines, loc="lower center", ncols=len(lines), frameon=False, fontsize=8)
    plot.subplots_adjust(left=0, right=1, bottom=0.08, top=0.92, wspace=0)
    plt.close(plot)
    return plot


def describe(machine: Topology) -> str:
    """The machine's links in words: how many pairs of GPUs are joined by what."""
    count: dict[str, int] = defaultdict(int)
    for pair in machine.pairs:
        count[machine.links[pair]] += 1
    parts = (f"{number} pairs by {link}" for link, number in sorted(count.items()))
    return f"{len(machine.gpus)} GPUs, {' and '.join(parts)}"


def _kind(link: str) -> str:
    return "NV" if link.startswith("NV") else link


def _line(plt: Any, kind: str) -> Any:
    colour, line, width, meaning = STYLES[kind]
    return plt.Line2D([], [], color=colour, linestyle=line, linewidth=width, label=f"{kind}: {meaning}")


def _draw(machine: Topology, axes: Any) -> None:
    turn = 2 * math.pi / len(machine.gpus)
    spots = {
        gpu: (math.cos(number * turn + math.pi / 4), math.sin(number * turn + math.pi / 4))
        for number, gpu in enumerate(machine.gpus)
    }
    for one, other in sorted(machine.pairs, key=lambda pair: machine.distance(*pair), reverse=True):
        colour, line, width, _ = STYLES[_kind(machine.links[one, other])]
        (x1, y1), (x2, y2) = spots[one], spots[other]
        axes.plot([x1, x2], [y1, y2], color=colour, linestyle=line, linewidth=width, zorder=1)
    for gpu, (x, y) in spots.items():
        label = f"{gpu}\nNUMA {machine.numa[gpu]}"
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "#555555"}
        axes.text(x, y, label, ha="center", va="center", fontsize=8, bbox=box, zorder=2)
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.25, 1.25), aspect="equal")
    axes.set_title(machine.facts.get("machine", "this node").split(",")[0], fontsize=9)
    axes.axis("off")
