"""`--query-gpu` and `--query-compute-apps`: any of the fields below, as CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from raglab.gpus import physics
from raglab.gpus.smi.view import Reading, View
from raglab.gpus.usage import Process


class QueryError(Exception):
    """The query cannot be answered; the message is the tool's own."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its heading, its unit, and how a value is had from (view, reading, process)."""

    name: str
    value: Callable[[View, Reading, Process | None], Any]
    unit: str = ""

    @property
    def heading(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


def _fact(name: str, value: Any) -> Field:
    return Field(name, lambda view, reading, process: value)


def _inventory(name: str, value: Callable[[View], Any], unit: str = "") -> Field:
    return Field(name, lambda view, reading, process: value(view), unit)


def _reading(name: str, value: Callable[[Reading], Any], unit: str = "") -> Field:
    return Field(name, lambda view, reading, process: value(reading), unit)


def _process(name: str, value: Callable[[Process], Any], unit: str = "") -> Field:
    return Field(name, lambda view, reading, process: value(process) if process else "", unit)


def _percent(share: float) -> int:
    return round(100 * share)


_TIMESTAMP = Field("timestamp", lambda view, reading, process: f"{datetime.now():%Y/%m/%d %H:%M:%S.%f}"[:-3])
_RESERVED = physics.RESERVED // physics.MIB
GPU: tuple[Field, ...] = (
    _TIMESTAMP,
    _inventory("driver_version", lambda v: v.inventory.driver),
    _inventory("count", lambda v: len(v.devices)),
    _inventory("name", lambda v: v.inventory.product),
    _reading("uuid", lambda r: r.device.uuid),
    _reading("index", lambda r: r.device.index),
    _reading("pci.bus_id", lambda r: r.device.pci_bus_id),
    _inventory("pcie.link.gen.current", lambda v: v.inventory.pcie),
    _fact("pcie.link.width.current", 16),
    _inventory("pcie.link.gen.max", lambda v: v.inventory.pcie),
    _fact("pcie.link.width.max", 16),
    _fact("persistence_mode", "Enabled"),
    _fact("compute_mode", "Default"),
    _fact("compute_cap", "8.0"),
    _fact("mig.mode.current", "Disabled"),
    _fact("ecc.mode.current", "Enabled"),
    _fact("ecc.errors.corrected.volatile.total", 0),
    _fact("ecc.errors.uncorrected.volatile.total", 0),
    _fact("display_active", "Disabled"),
    _fact("fan.speed", "[N/A]"),
    _fact("serial", "[N/A]"),
    _fact("vbios_version", "[N/A]"),
    _reading("pstate", lambda r: f"P{r.state.performance_state}"),
    _inventory("memory.total", lambda v: v.inventory.memory_mib, "MiB"),
    _inventory("memory.reserved", lambda v: _RESERVED, "MiB"),
    _reading("memory.used", lambda r: r.load.memory // physics.MIB, "MiB"),
    Field(
        "memory.free",
        lambda v, r, p: v.inventory.memory_mib - _RESERVED - r.load.memory // physics.MIB,
        "MiB",
    ),
    _reading("utilization.gpu", lambda r: _percent(r.load.utilisation), "%"),
    _reading("utilization.memory", lambda r: _percent(r.state.memory_utilisation), "%"),
    _reading("utilization.encoder", lambda r: 0, "%"),
    _reading("utilization.decoder", lambda r: 0, "%"),
    _reading("temperature.gpu", lambda r: r.state.temperature),
    _reading("temperature.memory", lambda r: r.state.memory_temperature),
    _reading("power.draw", lambda r: f"{r.state.power:.2f}", "W"),
    *(
        _reading(name, lambda r: f"{physics.POWER_LIMIT:.2f}", "W")
        for name in ("power.limit", "enforced.power.limit", "power.default_limit", "power.max_limit")
    ),
    _reading("clocks.current.graphics", lambda r: r.state.sm_clock, "MHz"),
    _reading("clocks.current.sm", lambda r: r.state.sm_clock, "MHz"),
    _reading("clocks.current.memory", lambda r: r.state.memory_clock, "MHz"),
    _reading("clocks.max.graphics", lambda r: physics.SM_CLOCKS[1], "MHz"),
    _reading("clocks.max.sm", lambda r: physics.SM_CLOCKS[1], "MHz"),
    _reading("clocks.max.memory", lambda r: physics.MEMORY_CLOCK, "MHz"),
)
APPS: tuple[Field, ...] = (
    _TIMESTAMP,
    _inventory("gpu_name", lambda v: v.inventory.product),
    _reading("gpu_bus_id", lambda r: r.device.pci_bus_id),
    _reading("gpu_uuid", lambda r: r.device.uuid),
    _process("pid", lambda p: p.pid),
    _process("process_name", lambda p: p.program),
    _process("used_gpu_memory", lambda p: p.memory // physics.MIB, "MiB"),
)
ALIASES: Mapping[str, str] = {
    "gpu_name": "name",
    "gpu_uuid": "uuid",
    "gpu_bus_id": "pci.bus_id",
    "clocks.gr": "clocks.current.graphics",
    "clocks.sm": "clocks.current.sm",
    "clocks.mem": "clocks.current.memory",
    "clocks.max.gr": "clocks.max.graphics",
    "clocks.max.mem": "clocks.max.memory",
    "gpu_serial": "serial",
    "used_memory": "used_gpu_memory",
    "name": "process_name",
}
"""Short names of fields; where one is a field's own name, that field is meant."""


def csv(view: View, readings: Sequence[Reading], names: str, form: str, known: Sequence[Field] = GPU) -> str:
    """The fields `names` (comma separated) as `form` says: ``csv``, and perhaps ``noheader`` and ``nounits``.

    With `known` being APPS there is a row per process, else a row per device. Raises QueryError.
    """
    fields, options = [_find(name.strip(), known) for name in names.split(",")], form.split(",")
    if options[0] != "csv" or not set(options[1:]) <= {"noheader", "nounits"}:
        raise QueryError(f'"{form}" is not a valid value for --format: csv[,noheader][,nounits]')
    units = "nounits" not in options
    rows = [
        ", ".join(_cell(field, field.value(view, reading, process), units) for field in fields)
        for reading in readings
        for process in (reading.load.processes if known is APPS else (None,))
    ]
    if "noheader" not in options:
        rows.insert(0, ", ".join(field.heading for field in fields))
    return "".join(f"{row}\n" for row in rows)


def needs_load(names: str) -> bool:
    """Whether answering takes a measurement over time."""
    return any(part in names for part in ("utilization", "power", "temperature", "clocks"))


def _find(name: str, known: Sequence[Field]) -> Field:
    by_name = {field.name: field for field in known}
    for candidate in (name, ALIASES.get(name, "")):
        if candidate in by_name:
            return by_name[candidate]
    raise QueryError(f'Field "{name}" is not a valid field to query.')


def _cell(field: Field, value: Any, units: bool) -> str:
    return f"{value} {field.unit}" if units and field.unit else str(value)
