"""How a GPU node becomes one: features become labels, labels bring components, components make the GPUs usable."""

from __future__ import annotations

from drawing import Drawing

STEPS = (
    (["node-feature-discovery", "finds a PCI device", "of vendor 10de"], "pci-10de.present", "grey"),
    (["gpu-operator", "labels the node", "for its components"], "gpu.deploy.…", "blue"),
)
COMPONENTS = (
    (["container toolkit", "driver into containers"], "green"),
    (["device plugin", "nvidia.com/gpu: 4"], "green"),
    (["gpu-feature-discovery", "product, memory, count"], "green"),
    (["dcgm-exporter", "metrics on port 9400"], "red"),
    (["operator-validator", "adds two vectors"], "yellow"),
)


def draw() -> Drawing:
    """Discovery, operator and components from left to right, the labels on the arrows between them."""
    d = Drawing(
        860, 330, "From a node to a GPU node",
        "From left to right. First node-feature-discovery finds a PCI device of vendor 10de and labels the node. The "
        "gpu-operator sees that label and adds labels for its components. Five components follow these labels onto the "
        "node: container toolkit, device plugin, gpu-feature-discovery, dcgm-exporter and operator-validator. "
        "All are stand-ins on the pocket cluster, so their borders are dashed.",
    )  # fmt: skip
    for column, (lines, label, colour) in enumerate(STEPS):
        x = 10 + 315 * column
        d.box((x, 125), (205, 80), lines, colour, simulated=True)
        d.text(x + 258, 155, label, "small")
    d.arrow([(215, 165), (323, 165)])
    for row, (lines, colour) in enumerate(COMPONENTS):
        y = 15 + 62 * row
        d.box((660, y), (190, 50), lines, colour, simulated=True)
        d.arrow([(530, 165), (635, 165), (635, y + 25), (658, y + 25)])
    return d
