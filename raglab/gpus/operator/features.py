"""What node-feature-discovery and gpu-feature-discovery find out about a node, as labels.

Names are upstream's. The node's own features are read from this machine; the GPU's come from the inventory.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

from raglab.gpus.inventory import Inventory

NFD = "feature.node.kubernetes.io/"
GPU_PRESENT = NFD + "pci-10de.present"
"""Says that the node has a PCI device of vendor 10de, NVIDIA."""
CPU_FLAGS = {"avx": "AVX", "avx2": "AVX2", "avx512f": "AVX512F", "fma": "FMA3", "aes": "AESNI"}
"""The instruction sets that programs of this lab profit from: name in /proc/cpuinfo → name in the label."""
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


def of_node(inventory: Inventory, cpuinfo: str, kernel: str, release: dict[str, str]) -> dict[str, str]:
    """Features of the processor, the kernel and the system, and whether there are GPUs."""
    flags = set(next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "").split())
    major, minor = re.findall(r"\d+", kernel)[:2]
    found = {f"cpu-cpuid.{label}": "true" for flag, label in CPU_FLAGS.items() if flag in flags}
    found |= {"kernel-version.full": kernel, "kernel-version.major": major, "kernel-version.minor": minor}
    found |= {f"system-os_release.{key}": release.get(key, "") for key in ("ID", "VERSION_ID")}
    found |= {"pci-10de.present": "true"} if inventory.devices else {}
    return {NFD + name: value for name, value in found.items() if value and _LABEL_VALUE.fullmatch(value)}


def of_this_node(inventory: Inventory) -> dict[str, str]:
    """`of_node` for the machine this runs on."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    return of_node(inventory, cpuinfo, platform.release(), platform.freedesktop_os_release())


def of_gpus(inventory: Inventory, now: int) -> dict[str, str]:
    """The labels of gpu-feature-discovery for one driver and four equal cards, none of them shared or divided.

    `now` is when the labels were made first, in seconds since 1970.
    """
    driver, cuda = inventory.driver.split("."), inventory.cuda.split(".")
    found = {
        "cuda.driver-version.full": inventory.driver,
        "cuda.driver-version.major": driver[0],
        "cuda.driver-version.minor": driver[1],
        "cuda.driver-version.revision": driver[2],
        "cuda.runtime-version.full": inventory.cuda,
        "cuda.runtime-version.major": cuda[0],
        "cuda.runtime-version.minor": cuda[1],
        "gfd.timestamp": str(now),
        "gpu.compute.major": "8",
        "gpu.compute.minor": "0",
        "gpu.count": str(len(inventory.devices)),
        "gpu.family": "ampere",
        "gpu.machine": "simulated",
        "gpu.memory": str(inventory.memory_mib),
        "gpu.mode": "compute",
        "gpu.product": inventory.product.replace(" ", "-"),
        "gpu.replicas": "1",
        "gpu.sharing-strategy": "none",
        "mig.capable": "true",
        "mig.strategy": "single",
    }
    return {f"nvidia.com/{name}": value for name, value in found.items()}
