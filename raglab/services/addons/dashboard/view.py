"""A view: a whole dashboard with its variables filled in and all its panels asked for, at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raglab.services.addons.dashboard import panels
from raglab.services.addons.dashboard.panels import Context, Panel
from raglab.services.addons.dashboard.prometheus import Prometheus, PrometheusError
from raglab.services.addons.dashboard.templating import Scope, Variable, VariableError, resolve
from raglab.services.addons.dashboard.timerange import TimeRange, duration

AT_ONCE = 8  # panels asked for at the same time: Prometheus itself runs 20 queries at once


@dataclass(frozen=True)
class Request:
    """What a person chose: times as in URLs ("" for the dashboard's own), variables, and points per series."""

    start: str = ""
    end: str = ""
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    points: int = 240


@dataclass(frozen=True)
class View:
    """A dashboard at a moment."""

    title: str
    request: Request
    over: TimeRange
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]


async def view(
    dashboard: Mapping[str, Any], request: Request, prometheus: Prometheus, interval: float
) -> View:
    """Raises `timerange.RangeError`; what Prometheus refuses is told in the panel or variable it concerns."""
    own = dashboard.get("time") or {}
    request = Request(
        request.start or own.get("from", "now-15m"),
        request.end or own.get("to", "now"),
        request.chosen,
        request.points,
    )
    over = TimeRange.parse(request.start, request.end, time.time())
    scope = await _scope(dashboard, request, over, prometheus)
    context = Context(prometheus, scope, over, request.points, interval)
    shown = await _panels(dashboard, context)
    return View(str(dashboard.get("title")), request, over, tuple(scope.variables.values()), tuple(shown))


async def _panels(dashboard: Mapping[str, Any], context: Context) -> list[Panel]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(raw: Mapping[str, Any]) -> Panel:
        async with turn:
            return await panels.show(raw, context)

    return list(await asyncio.gather(*(one(raw) for raw in flat(dashboard))))


def flat(dashboard: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All panels; those inside a collapsed row follow it, which shows them opened."""
    found: list[Mapping[str, Any]] = []
    for panel in dashboard.get("panels") or ():
        found += [panel, *(panel.get("panels") or ())]
    return found


async def _scope(
    dashboard: Mapping[str, Any], request: Request, over: TimeRange, prometheus: Prometheus
) -> Scope:
    async def ask(label: str, selector: str) -> list[str]:
        try:
            return await prometheus.label_values(label, selector, over)
        except PrometheusError as error:
            raise VariableError(str(error)) from error

    edges = {"__from": f"{over.start * 1000:.0f}", "__to": f"{over.end * 1000:.0f}"}
    scope = Scope(edges | {"__range": duration(round(over.length))})
    definitions = (dashboard.get("templating") or {}).get("list") or ()
    await resolve(definitions, request.chosen, scope, ask)
    return scope
