"""Panels drawn with matplotlib: two per row, in the colours of the course's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import cycle
from typing import Any

from raglab.services.addons.dashboard.panels import CHARTS, Panel

COLUMNS = 2
PANEL = (5.2, 2.6)  # inches
COLOURS = ("#3a6a99", "#c2362e", "#1f7a35", "#8a6a00", "#007a94", "#9a2d70", "#5a5f68")
LINES = ("-", "--", ":", "-.")
"""Colour and line change together, so that lines can be told apart without seeing colours."""
IN_LEGEND = 8


def draw(panels: Sequence[Panel]) -> Any:
    """A matplotlib Figure with one plot per panel."""
    from matplotlib.figure import Figure  # takes half a second, which only those who draw should wait

    rows = -(-len(panels) // COLUMNS)
    columns = min(COLUMNS, len(panels))
    plot = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    places = list(plot.subplots(rows, columns, squeeze=False).flat)
    for place, panel in zip(places, panels, strict=False):
        place.set_title(panel.title, fontsize=10, loc="left")
        _draw_one(place, panel)
    for place in places[len(panels) :]:
        place.set_axis_off()
    return plot


def _draw_one(place: Any, panel: Panel) -> None:
    if panel.error or not (panel.series or panel.table):
        _words(place, panel.error or "No data in this time range.", size=9)
    elif panel.kind in CHARTS:
        _chart(place, panel)
    elif panel.table is not None:
        _table(place, panel)
    else:
        lines = [f"{panel.written(one.reduced)}  {one.name}".strip() for one in panel.series]
        _words(place, "\n".join(lines), size=22 if len(lines) == 1 else 12)


def _words(place: Any, text: str, size: float) -> None:
    place.set_axis_off()
    place.text(0.5, 0.5, text, ha="center", va="center", fontsize=size, wrap=True, transform=place.transAxes)


def _chart(place: Any, panel: Panel) -> None:
    from matplotlib.dates import ConciseDateFormatter

    times = [datetime.fromtimestamp(moment) for moment in panel.times]
    style = "steps-post" if "step" in str(panel.custom.get("lineInterpolation")) else "default"
    looks = zip(cycle(COLOURS), cycle(LINES), strict=False)
    for one, (colour, line) in zip(panel.series, looks, strict=False):
        values = [float("nan") if value is None else value for value in one.values]
        place.plot(times, values, line, color=colour, label=one.name, linewidth=1.5, drawstyle=style)
    for threshold in panel.lines:
        place.axhline(threshold, color="#5a5f68", linestyle=(0, (6, 3)), linewidth=1)
    place.set_xlim(times[0], times[-1])
    place.xaxis.set_major_formatter(ConciseDateFormatter(place.xaxis.get_major_locator(), show_offset=False))
    _values_axis(place, panel)
    place.tick_params(labelsize=8)
    place.grid(alpha=0.3)
    if any(one.name for one in panel.series[:IN_LEGEND]):
        place.legend(handles=place.get_lines()[: min(len(panel.series), IN_LEGEND)], fontsize=7)


def _values_axis(place: Any, panel: Panel) -> None:
    """From zero or the panel's own minimum, with round numbers in the panel's unit."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    lowest = min((value for one in panel.series for value in one.present), default=0.0)
    place.set_ylim(bottom=panel.defaults.get("min", min(0.0, lowest)), top=panel.defaults.get("max"))
    place.yaxis.set_major_locator(MaxNLocator(5, integer=panel.defaults.get("decimals") == 0))
    if panel.unit.binary:
        low, high = place.get_ylim()
        place.yaxis.set_major_locator(MultipleLocator(2.0 ** math.ceil(math.log2((high - low) / 5))))
    place.yaxis.set_major_formatter(lambda value, _: panel.unit.text(value))


def _table(place: Any, panel: Panel) -> None:
    assert panel.table is not None
    place.set_axis_off()
    if panel.table.rows:
        left = {"cellLoc": "left", "colLoc": "left", "edges": "horizontal"}
        made = place.table(panel.table.rows, colLabels=panel.table.columns, loc="center", **left)
        made.set_fontsize(9)
