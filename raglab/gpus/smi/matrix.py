"""`nvidia-smi topo -m` and `nvidia-smi nvlink -s`."""

from __future__ import annotations

from raglab.gpus import topology
from raglab.gpus.smi.view import NOTE, View
from raglab.gpus.topology import MEANING, Topology


def machine(seen: View) -> Topology:
    """The links among the visible devices."""
    names = {device.uuid: f"GPU{device.index}" for device in seen.devices}
    order, nvlink = seen.inventory.uuids, seen.inventory.nvlink
    pairs = [[names[order[index]] for index in pair if order[index] in names] for pair in nvlink.pairs]
    return Topology(
        names=tuple(names.values()),
        links=topology.joined(names.values(), pairs, nvlink.links),
        cpus={names[device.uuid]: device.cpus for device in seen.devices},
        numa={names[device.uuid]: str(device.numa) for device in seen.devices},
        facts={"nvlink": str(nvlink.generation), "pcie": str(seen.inventory.pcie)},
    )


def topo(seen: View) -> str:
    """The matrix and its legend."""
    legend = "".join(
        f"  {code:<4} = {meaning}\n" for code, meaning in {"X": "the device itself", **MEANING}.items()
    )
    return f"{topology.render(machine(seen))}\nLegend:\n\n{legend}\n{NOTE}\n"


def nvlink(seen: View) -> str:
    """The speed of each device's links, for devices that have any."""
    bridges, order = seen.inventory.nvlink, seen.inventory.uuids
    bridged = {order[index] for pair in bridges.pairs for index in pair}
    speed = f"{topology.NVLINK[bridges.generation]:g} GB/s"
    lines = []
    for device in seen.devices:
        lines.append(f"GPU {device.index}: {seen.inventory.product} (UUID: {device.uuid})")
        lines += [f"\t Link {link}: {speed}" for link in range(bridges.links) if device.uuid in bridged]
    return "\n".join(lines) + "\n"
