"""`panels`: a Grafana dashboard as a figure in the notebook, from the same file and the same Prometheus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp

from raglab import paths
from raglab.lesson import node_port, prometheus
from raglab.lesson.cluster import ClusterError
from raglab.lesson.drawing import draw
from raglab.lesson.figures import figure
from raglab.services.addons.dashboard.panels import Panel
from raglab.services.addons.dashboard.prometheus import Prometheus
from raglab.services.addons.dashboard.view import Request, View, view

FOLDER = paths.CHECKOUT / "kubernetes-config" / "dashboards"
SCRAPE_INTERVAL = 5.0
"""Seconds, as in ``values/*/kube-prometheus-stack.yaml``: least distance of points, a quarter of a rate's window."""
NOT_DRAWN = ("row", "text")
NEXT = "kubectl get pods,svc -A -l app.kubernetes.io/name=prometheus"


def panels(
    dashboard: str, minutes: float = 15, only: Sequence[str] = (), **chosen: str | Sequence[str]
) -> None:
    """Draw the panels of ``kubernetes-config/dashboards/DASHBOARD.json``, or `only` those with these titles.

    `chosen` gives the dashboard's variables values, e.g. ``panels("gpu", minutes=5, gpu=["0", "1"])``. Raises
    `ClusterError` when Prometheus does not answer, and KeyError for a dashboard or title that does not exist.
    """
    raw = _read(dashboard)
    wanted = {name: [one] if isinstance(one, str) else list(one) for name, one in chosen.items()}
    seen = _fetch(raw, Request(f"now-{round(minutes * 60)}s", "now", wanted))
    drawn = _pick(seen, only)
    if all(panel.error for panel in drawn):
        raise ClusterError(f"{drawn[0].error}\nNext: {NEXT}")
    titles = ", ".join(panel.title for panel in drawn)
    details = " ".join(f"{panel.title}: {panel.summary()}" for panel in drawn)
    figure(draw(drawn), f"Dashboard {seen.title}, last {minutes:g} minutes: {titles}", details)


def _read(name: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    except FileNotFoundError:
        there = sorted(file.stem for file in FOLDER.glob("*.json"))
        raise KeyError(f"there is no dashboard {name!r}; there are {there}") from None
    return found


def _fetch(raw: Mapping[str, Any], request: Request) -> View:
    """In a thread of its own, because a notebook's thread runs an event loop already."""

    async def ask() -> View:
        async with aiohttp.ClientSession() as session:
            return await view(
                raw, request, Prometheus(session, node_port.url(prometheus.PORT)), SCRAPE_INTERVAL
            )

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


def _pick(seen: View, only: Sequence[str]) -> list[Panel]:
    drawable = [panel for panel in seen.panels if panel.kind not in NOT_DRAWN]
    if unknown := set(only) - {panel.title for panel in drawable}:
        raise KeyError(f"no panel of {seen.title} is called {sorted(unknown)}")
    return [panel for panel in drawable if not only or panel.title in only]
