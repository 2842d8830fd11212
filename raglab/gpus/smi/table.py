"""The table that `nvidia-smi` prints without arguments, in the layout of driver 550, and its list `-L`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from raglab.gpus import physics
from raglab.gpus.smi.view import NOTE, Reading, View

_RULE = "+-----------------------------------------+------------------------+----------------------+"
_HEAD = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI {driver:<18}     Driver Version: {driver:<14} CUDA Version: {cuda:<8} |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|"""
_PROCESSES = """\

+-----------------------------------------------------------------------------------------+
| Processes:                                                                              |
|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|"""
_NONE = "|  No running processes found                                                             |"
_END = "+-----------------------------------------------------------------------------------------+"
_SOURCE = "Utilisation and memory are those of the pods' processes; the rest is derived from them."


def table(seen: View, readings: Sequence[Reading], now: datetime) -> str:
    """Everything, with a last line that says what it is."""
    inventory = seen.inventory
    lines = [f"{now:%a %b %e %H:%M:%S %Y}       ", _HEAD.format(driver=inventory.driver, cuda=inventory.cuda)]
    for reading in readings:
        lines += _device(reading, inventory.product, inventory.memory_mib)
    processes = [line for reading in readings for line in _processes(reading)]
    return "\n".join([*lines, _PROCESSES, *(processes or [_NONE]), _END, NOTE, _SOURCE]) + "\n"


def listing(seen: View) -> str:
    """One line per device."""
    product = seen.inventory.product
    return "".join(f"GPU {d.index}: {product} (UUID: {d.uuid})\n" for d in seen.devices)


def _device(reading: Reading, product: str, total: int) -> list[str]:
    device, load, state = reading.device, reading.load, reading.state
    first = f"|{device.index:>4}  {product:<29}  On  |   {device.pci_bus_id} Off |                    0 |"
    power = f"{state.power:>15.0f}W /{physics.POWER_LIMIT:>5.0f}W "
    memory = f"{load.memory // physics.MIB:>8}MiB /{total:>7}MiB "
    second = f"| N/A   {state.temperature:>2}C    P{state.performance_state}{power}|{memory}"
    third = f"|{'':41}|{'':24}|             Disabled |"
    return [first, f"{second}|{load.utilisation:>8.0%}      Default |", third, _RULE]


def _processes(reading: Reading) -> list[str]:
    return [
        f"|{reading.device.index:>5}   N/A  N/A{process.pid:>10}      C   {process.program[:40]:<41}"
        f"{process.memory // physics.MIB:>8}MiB |"
        for process in reading.load.processes
    ]
