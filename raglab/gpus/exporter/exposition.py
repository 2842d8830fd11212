"""Prometheus' text format, written as the DCGM exporter writes it: its counters do not end in ``_total``.

Format: Prometheus documentation, "Exposition formats", text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import attrgetter

import yaml

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SIMULATED = "Simulated by raglab."
"""Ends every HELP text."""


@dataclass(frozen=True, slots=True)
class Field:
    """A series; see ``fields.yaml``."""

    name: str
    type: str
    help: str
    reads: str = ""
    ratio: bool = False


@cache
def fields() -> tuple[Field, ...]:
    """The series in the order of the list."""
    return tuple(
        Field(**entry) for entry in yaml.safe_load(files(__package__).joinpath("fields.yaml").read_text())
    )


def write(devices: Iterable[tuple[Mapping[str, str], object]]) -> str:
    """All series for `devices`, each given as (labels, reading)."""
    devices = list(devices)
    parts = [_family(field, devices) for field in fields()]
    about = "Says that no hardware stands behind these series."
    parts.append(
        f"# HELP raglab_simulated_info {about}\n# TYPE raglab_simulated_info gauge\n"
        'raglab_simulated_info{what="NVIDIA GPUs and DCGM"} 1\n'
    )
    return "".join(parts)


def _family(field: Field, devices: list[tuple[Mapping[str, str], object]]) -> str:
    lines = [f"# HELP {field.name} {field.help} {SIMULATED}", f"# TYPE {field.name} {field.type}"]
    for labels, reading in devices:
        value = attrgetter(field.reads)(reading) if field.reads else 0
        number = f"{value:.6f}" if field.ratio else f"{value:d}"
        lines.append(f"{field.name}{{{_labels(labels)}}} {number}")
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
