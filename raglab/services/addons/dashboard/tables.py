"""Tables: one row per series of an instant query, with its labels and value as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raglab.services.addons.dashboard.prometheus import Series

VALUE = "Value"


@dataclass(frozen=True)
class Table:
    """Texts, ready to be shown; the column `numbers` holds the values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: str = VALUE


def table(raw: Mapping[str, Any], found: Sequence[Series], write: Callable[[float], str]) -> Table:
    """Rows in order of their labels. Grafana's transformation ``organize`` may hide, rename and order columns."""
    rules = _organize(raw)
    hidden, names = rules.get("excludeByName") or {}, rules.get("renameByName") or {}
    labels = sorted({label for series in found for label in series.labels if label != "__name__"})
    order = rules.get("indexByName") or {}
    shown = sorted(
        (name for name in (*labels, VALUE) if not hidden.get(name)), key=lambda name: order.get(name, 99)
    )
    cells = [dict(series.labels) | {VALUE: write(series.samples[-1][1])} for series in found]
    rows = sorted(tuple(cell.get(name, "") for name in shown) for cell in cells)
    return Table(tuple(names.get(name, name) for name in shown), tuple(rows), names.get(VALUE, VALUE))


def _organize(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    steps = (step for step in raw.get("transformations") or () if step.get("id") == "organize")
    return next((step.get("options") or {} for step in steps), {})
