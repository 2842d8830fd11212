"""Units: how a dashboard writes numbers, under the names that Grafana gives its units.

A unit is data, so that the page's JavaScript formats axes from the same table that Python formats texts from.
Names and meaning: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

_METRIC = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
_BINARY = ((1.0, ""), (2.0**10, "Ki"), (2.0**20, "Mi"), (2.0**30, "Gi"), (2.0**40, "Ti"))
_SHORT = ((1.0, ""), (1e3, " K"), (1e6, " Mil"), (1e9, " Bil"), (1e12, " Tri"))
_SECONDS = (
    (1e-9, " ns"),
    (1e-6, " µs"),
    (1e-3, " ms"),
    (1.0, " s"),
    (60.0, " min"),
    (3600.0, " h"),
    (86400.0, " d"),
)


@dataclass(frozen=True)
class Unit:
    """A number times `factor` is written with the largest of `steps` (size, suffix) that is not above it."""

    steps: tuple[tuple[float, str], ...]
    factor: float = 1.0

    @property
    def binary(self) -> bool:
        """Whether powers of two are its round numbers."""
        return self.steps[1:2] != () and self.steps[1][0] == 1024

    def text(self, value: float | None, decimals: int | None = None) -> str:
        """The value with its unit; three significant digits unless `decimals` says how many after the point."""
        if value is None or math.isnan(value):
            return "no value"
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        value *= self.factor
        size, suffix = self._step(abs(value))
        return _digits(value / size, decimals) + suffix

    def data(self) -> dict[str, Any]:
        """What the page needs to do the same."""
        return asdict(self)

    def _step(self, size: float) -> tuple[float, str]:
        fitting = [step for step in self.steps if step[0] <= size]
        neutral = next(step for step in self.steps if step[0] == 1.0)
        return fitting[-1] if fitting else (neutral if size == 0 else self.steps[0])


def _digits(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    whole = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:.{max(0, 2 - whole)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _of(prefixes: tuple[tuple[float, str], ...], name: str, factor: float = 1.0) -> Unit:
    return Unit(tuple((size, f" {prefix}{name}") for size, prefix in prefixes), factor)


def _plain(suffix: str, factor: float = 1.0) -> Unit:
    return Unit(((1.0, suffix),), factor)


UNITS = {
    "none": _plain(""),
    "short": Unit(_SHORT),
    "percent": _plain("%"),
    "percentunit": _plain("%", 100.0),
    "celsius": _plain(" °C"),
    "watt": _of(((1e-3, "m"), *_METRIC), "W"),
    "joule": _of(_METRIC, "J"),
    "hertz": _of(_METRIC, "Hz"),
    "bytes": _of(_BINARY, "B"),
    "mbytes": _of(_BINARY, "B", 2.0**20),
    "decbytes": _of(_METRIC, "B"),
    "decmbytes": _of(_METRIC, "B", 1e6),
    "binBps": _of(_BINARY, "B/s"),
    "Bps": _of(_METRIC, "B/s"),
    "s": Unit(_SECONDS),
    "ms": Unit(_SECONDS, 1e-3),
    "reqps": Unit(tuple((size, f"{suffix} req/s") for size, suffix in _SHORT)),
    "ops": Unit(tuple((size, f"{suffix} ops/s") for size, suffix in _SHORT)),
}


def unit(name: str | None) -> Unit:
    """The unit that Grafana calls `name`; an unknown one is written after the number, as Grafana does."""
    return UNITS.get(name or "none") or _plain(f" {name}")
