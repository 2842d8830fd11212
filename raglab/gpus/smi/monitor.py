"""`nvidia-smi dmon`: a line per device and period."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from raglab.gpus import physics
from raglab.gpus.smi.view import Reading, View, readings

Column = tuple[str, str, Callable[[Reading], str]]

GROUPS: dict[str, tuple[Column, ...]] = {
    "p": (
        ("pwr", "W", lambda r: f"{r.state.power:.0f}"),
        ("gtemp", "C", lambda r: str(r.state.temperature)),
        ("mtemp", "C", lambda r: str(r.state.memory_temperature)),
    ),
    "u": (
        ("sm", "%", lambda r: f"{100 * r.load.utilisation:.0f}"),
        ("mem", "%", lambda r: f"{100 * r.state.memory_utilisation:.0f}"),
        *((unit, "%", lambda r: "0") for unit in ("enc", "dec", "jpg", "ofa")),
    ),
    "c": (
        ("mclk", "MHz", lambda r: str(r.state.memory_clock)),
        ("pclk", "MHz", lambda r: str(r.state.sm_clock)),
    ),
    "m": (("fb", "MB", lambda r: str(r.load.memory // physics.MIB)),),
}
"""Columns by the letters of ``-s``: (heading, unit, value)."""
DEFAULT = "puc"


def lines(seen: View, groups: str = DEFAULT, count: int = 0, seconds: float = 1.0) -> Iterator[str]:
    """Headings, then a line per visible device every so many `seconds`; `count` times, or for ever if it is 0."""
    columns = [column for letter in groups for column in GROUPS[letter]]
    yield _line("# gpu", [heading for heading, _, _ in columns])
    yield _line("# Idx", [unit for _, unit, _ in columns])
    done = 0
    while not count or done < count:
        for reading in readings(seen, seconds):
            yield _line(f"{reading.device.index:>5}", [value(reading) for _, _, value in columns])
        done += 1


def _line(first: str, cells: list[str]) -> str:
    return f"{first} " + "".join(f"{cell:>6} " for cell in cells)
