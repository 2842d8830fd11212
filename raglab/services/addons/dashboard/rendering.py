"""What the page is told about a view: everything it draws, in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from markdown_it import MarkdownIt

from raglab.services.addons.dashboard.panels import CHARTS, Panel, Shown
from raglab.services.addons.dashboard.view import View

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def render(view: View, uid: str) -> dict[str, Any]:
    """The JSON of a view."""
    return {
        "uid": uid,
        "title": view.title,
        "from": view.request.start,
        "to": view.request.end,
        "start": view.over.start,
        "end": view.over.end,
        "variables": [variable.data() for variable in view.variables if not variable.hidden],
        "panels": [_panel(panel, number) for number, panel in enumerate(view.panels)],
    }


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    return {
        "id": panel.raw.get("id", number),
        "kind": "timeseries" if panel.kind in CHARTS else panel.kind,
        "title": panel.title,
        "description": str(panel.raw.get("description") or ""),
        "grid": panel.raw.get("gridPos") or {"x": 0, "y": 0, "w": 24, "h": 8},
        "summary": panel.summary(),
        "error": panel.error,
        "unit": panel.unit.data(),
        "decimals": panel.defaults.get("decimals"),
        "min": panel.defaults.get("min"),
        "max": panel.defaults.get("max"),
        "stepped": str(panel.custom.get("lineInterpolation", "")).startswith("step"),
        "fill": panel.custom.get("fillOpacity", 0),
        "lines": [{"value": value, "color": panel.color(value)} for value in panel.lines],
        "times": panel.times,
        "series": [_series(panel, one) for one in panel.series],
        "table": panel.table and asdict(panel.table),
        "html": _MARKDOWN.render(panel.text) if panel.text else "",
    }


def _series(panel: Panel, one: Shown) -> dict[str, Any]:
    shown = {"name": one.name, "value": one.reduced, "text": panel.written(one.reduced)}
    lowest, highest = min(one.present, default=None), max(one.present, default=None)
    extremes = {"low": panel.written(lowest), "high": panel.written(highest)}
    values = one.values if panel.kind in CHARTS else ()
    return shown | extremes | {"color": panel.color(one.reduced), "values": values}
