"""How a GPU node becomes one: features become labels, labels bring components, components make the GPUs usable."""

from __future__ import annotations

from drawing import GPU, Drawing

STEPS = (
    (["node-feature-discovery", "finds a PCI device", "of vendor 10de"], "pci-10de.present"),
    (["gpu-operator", "labels the node", "for its components"], "gpu.deploy.…"),
)
COMPONENTS = (
    ["container toolkit", "driver into containers"],
    ["device plugin", "nvidia.com/gpu: 4"],
    ["gpu-feature-discovery", "product, memory, count"],
    ["dcgm-exporter", "metrics on port 9400"],
    ["operator-validator", "adds two vectors"],
)


def draw() -> Drawing:
    """Discovery, operator and components from left to right, the labels on the arrows between them."""
    d = Drawing(
        900, 330, "From a node to a GPU node",
        "From left to right. First node-feature-discovery finds a PCI device of vendor 10de and labels the node. The "
        "gpu-operator sees that label and adds labels for its components. Five components follow these labels onto the "
        "node: container toolkit, device plugin, gpu-feature-discovery, dcgm-exporter and operator-validator. "
        "All are stand-ins on the pocket cluster, so their borders are dashed.",
    )  # fmt: skip
    for column, (lines, label) in enumerate(STEPS):
        x = 15 + 345 * column
        d.box((x, 125), (215, 80), lines, GPU)
        d.text(x + 215 + (62 if column == 0 else 48), 155, label)
    d.arrow([(230, 165), (358, 165)])
    for row, lines in enumerate(COMPONENTS):
        y = 15 + 62 * row
        d.box((690, y), (195, 50), lines, GPU)
        d.arrow([(575, 165), (670, 165), (670, y + 25), (688, y + 25)])
    return d
