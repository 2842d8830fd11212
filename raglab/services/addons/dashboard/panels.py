"""Panels: from a panel's JSON to what it shows: series, rows or text, and a sentence that says it in words."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raglab.services.addons.dashboard.prometheus import Prometheus, PrometheusError, Series
from raglab.services.addons.dashboard.tables import Table, table
from raglab.services.addons.dashboard.templating import Scope
from raglab.services.addons.dashboard.timerange import TimeRange
from raglab.services.addons.dashboard.units import Unit, unit

CHARTS = ("timeseries", "graph")
NUMBERS = ("stat", "gauge")
KINDS = (*CHARTS, *NUMBERS, "table", "text", "row")
SPOKEN = 8
"""Series that a summary names one by one."""
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Shown:
    """One series with its name. `values` has one entry per point of the panel, None where there is none."""

    name: str
    values: tuple[float | None, ...]
    reduced: float | None
    """The one number that stands for the series."""

    @property
    def present(self) -> list[float]:
        """The values without gaps."""
        return [value for value in self.values if value is not None]


@dataclass
class Panel:
    """A panel as it is shown now; `raw` is its JSON."""

    raw: Mapping[str, Any]
    title: str
    kind: str
    unit: Unit
    times: tuple[float, ...] = ()
    """Seconds since the epoch, the same for all series."""
    series: list[Shown] = field(default_factory=list)
    table: Table | None = None
    text: str = ""
    error: str = ""

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Grafana's ``fieldConfig.defaults``."""
        return _defaults(self.raw)

    @property
    def thresholds(self) -> list[Mapping[str, Any]]:
        """Ascending steps of ``value`` (None: from the lowest) and ``color``."""
        return list((self.defaults.get("thresholds") or {}).get("steps") or [])

    @property
    def custom(self) -> Mapping[str, Any]:
        """Settings of this kind of panel, such as how lines are drawn."""
        return self.defaults.get("custom") or {}

    @property
    def lines(self) -> list[float]:
        """Thresholds that the panel wants drawn across its chart."""
        style = str((self.custom.get("thresholdsStyle") or {}).get("mode", "off"))
        values = [step["value"] for step in self.thresholds if step["value"] is not None]
        return values if style not in ("off", "area") else []

    def written(self, value: float | None) -> str:
        """A value with the panel's unit and decimals."""
        return self.unit.text(value, self.defaults.get("decimals"))

    def color(self, value: float | None) -> str:
        """The colour name of the threshold that `value` has reached; empty without thresholds."""
        reached = [
            step for step in self.thresholds if step["value"] is None or (value or 0.0) >= step["value"]
        ]
        return str(reached[-1]["color"]) if reached and value is not None else ""

    def summary(self) -> str:
        """What a person who does not see the panel needs to know."""
        if self.error or self.kind in ("text", "row"):
            return self.error
        if self.table is not None:
            return f"{len(self.table.rows)} row{'s' * (len(self.table.rows) != 1)}."
        if not self.series:
            return "No data in this time range."
        spoken = " ".join(self._sentence(one) for one in self.series[:SPOKEN])
        left = len(self.series) - SPOKEN
        return spoken + (f" And {left} more." if left > 0 else "")

    def _sentence(self, one: Shown) -> str:
        name = one.name or self.title
        if self.kind in NUMBERS or not one.present:
            return f"{name}: {self.written(one.reduced)}."
        low, high = self.written(min(one.present)), self.written(max(one.present))
        return f"{name}: last {self.written(one.reduced)}, lowest {low}, highest {high}."


@dataclass(frozen=True)
class Context:
    """What all panels of one view share. `interval` is the time between two scrapes, in seconds."""

    prometheus: Prometheus
    scope: Scope
    over: TimeRange
    points: int
    interval: float


async def show(raw: Mapping[str, Any], context: Context) -> Panel:
    """Ask for a panel's data; what goes wrong is told in the panel, so that the others are not lost."""
    kind = str(raw.get("type"))
    title = context.scope.fill(str(raw.get("title") or ""))
    panel = Panel(raw, title, kind, unit(_unit_name(raw)))
    try:
        await _READERS.get(kind, _unknown)(panel, context)
    except PrometheusError as error:
        panel.error = str(error)
    return panel


async def _unknown(panel: Panel, context: Context) -> None:
    panel.error = f"Panels of type {panel.kind!r} are drawn by Grafana only."


async def _text(panel: Panel, context: Context) -> None:
    panel.text = context.scope.fill(str((panel.raw.get("options") or {}).get("content", "")))


async def _table(panel: Panel, context: Context) -> None:
    (target,) = _targets(panel.raw)[:1] or [{"expr": ""}]
    found = await context.prometheus.instant(
        _expression(target, context.scope, 60.0, context), context.over.end
    )
    panel.table = table(panel.raw, found, panel.written)


async def _series(panel: Panel, context: Context) -> None:
    step = context.over.step(context.points, context.interval)
    over = context.over.aligned(step)
    count = round(over.length / step) + 1
    panel.times = tuple(over.start + index * step for index in range(count))
    found = await asyncio.gather(
        *(_ask(target, panel, context, over, step) for target in _targets(panel.raw))
    )
    panel.series = [shown for series in found for shown in series]


_READERS = dict.fromkeys((*CHARTS, *NUMBERS), _series) | {"text": _text, "row": _text, "table": _table}


async def _ask(
    target: Mapping[str, Any], panel: Panel, context: Context, over: TimeRange, step: float
) -> list[Shown]:
    query = _expression(target, context.scope, step, context)
    if target.get("instant") and panel.kind in NUMBERS:
        found = await context.prometheus.instant(query, context.over.end)
    else:
        found = await context.prometheus.range(query, over, step)
    reduce = _reducer(panel.raw)
    if panel.kind in CHARTS:  # a division by nothing gives lines without a point
        found = [series for series in found if not all(math.isnan(value) for _, value in series.samples)]
    named = [(_name(target, series, context.scope), series) for series in found]
    return [_shown(name, series, panel.times, step, reduce) for name, series in sorted(named, key=_order)]


def _order(pair: tuple[str, Series]) -> tuple[str, list[tuple[str, str]]]:
    return pair[0], sorted(pair[1].labels.items())


def _expression(target: Mapping[str, Any], scope: Scope, step: float, context: Context) -> str:
    """The query with its variables; ``$__rate_interval`` always spans four scrapes, as Grafana defines it."""
    times = {"interval": step, "rate_interval": max(step + context.interval, 4 * context.interval)}
    times["range"] = context.over.length
    names = {f"__{name}": f"{max(1, round(length))}s" for name, length in times.items()}
    names |= {"__range_s": f"{context.over.length:.0f}", "__interval_ms": f"{step * 1000:.0f}"}
    return scope.with_built_in(names).fill(str(target["expr"]))


def _shown(
    name: str, series: Series, times: Sequence[float], step: float, reduce: Callable[[list[float]], float]
) -> Shown:
    by_point = {round((moment - times[0]) / step): value for moment, value in series.samples}
    values = [by_point.get(index) for index in range(len(times))]
    finite = [value for _, value in series.samples if not math.isnan(value)]
    clean = tuple(None if value is None or not math.isfinite(value) else value for value in values)
    return Shown(name, clean, reduce(finite) if finite else None)


def _name(target: Mapping[str, Any], series: Series, scope: Scope) -> str:
    """The legend: the target's format, or all labels as Prometheus writes them."""
    form = str(target.get("legendFormat") or "")
    if form and form != "__auto":
        return _LEGEND.sub(lambda found: series.labels.get(found[1], ""), scope.fill(form)).strip()
    labels = dict(series.labels)
    metric = labels.pop("__name__", "")
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return metric + (f"{{{inside}}}" if inside else "")


def _reducer(raw: Mapping[str, Any]) -> Callable[[list[float]], float]:
    calcs = ((raw.get("options") or {}).get("reduceOptions") or {}).get("calcs") or ["lastNotNull"]
    return REDUCERS.get(calcs[0], REDUCERS["lastNotNull"])


REDUCERS: dict[str, Callable[[list[float]], float]] = {
    "lastNotNull": lambda values: values[-1],
    "last": lambda values: values[-1],
    "first": lambda values: values[0],
    "mean": lambda values: sum(values) / len(values),
    "sum": sum,
    "min": min,
    "max": max,
}


def _targets(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [target for target in raw.get("targets") or () if target.get("expr") and not target.get("hide")]


def _defaults(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return (raw.get("fieldConfig") or {}).get("defaults") or {}


def _unit_name(raw: Mapping[str, Any]) -> str | None:
    """Of a current panel, or of an old ``graph`` with its left axis."""
    axes = raw.get("yaxes") or [{}]
    return _defaults(raw).get("unit") or axes[0].get("format") or raw.get("format")
