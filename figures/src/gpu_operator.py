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
        "node: container toolkit, device plugin, gpu-feature-discovery, dcgm-exporter and operator-validator.",
    )  # fmt: skip
    for column, (lines, label, colour) in enumerate(STEPS):
        x = 15 + 300 * column
        d.box((x, 125), (185, 80), lines, colour)
        if column == 0:
            d.arrow([(x + 185, 165), (x + 298, 165)], label)
    for row, (lines, colour) in enumerate(COMPONENTS):
        y = 15 + 62 * row
        d.box((645, y), (200, 50), lines, colour)
        d.arrow([(500, 165), (575, 165), (575, y + 25), (643, y + 25)], STEPS[1][1] if row == 0 else "")
    return d
