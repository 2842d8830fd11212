"""What the node shows to a GET, as a kubelet does on its port: health, and what its pods use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection

import psutil

from raglab.pocket.clock import Clock
from raglab.pocket.node import figures
from raglab.pocket.node.container import Container
from raglab.pocket.node.figures import ContainerFigures, Figures, PodFigures
from raglab.pocket.node.pod import Pod
from raglab.pocket.node.usage import Processes
from raglab.pocket.objects import seconds
from raglab.pocket.streams import Page

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Pages:
    """The pages of the node `name`; `pods` gives those it runs."""

    def __init__(self, name: str, pods: Callable[[], Collection[Pod]], clock: Clock) -> None:
        self._name, self._pods, self._clock = name, pods, clock
        self._known: dict[str, Callable[[], Awaitable[Page]]] = {
            "healthz": self._healthy,
            "metrics/resource": self._resources,
            "stats/summary": self._summary,
        }

    async def get(self, path: str) -> Page | None:
        """The page at a path (without a slash at its ends); None where there is none."""
        found = self._known.get(path)
        return await found() if found else None

    async def _healthy(self) -> Page:
        return Page(TEXT, "ok")

    async def _resources(self) -> Page:
        return Page(EXPOSITION, figures.exposition(await self._measure()))

    async def _summary(self) -> Page:
        return Page(JSON, json.dumps(figures.summary(await self._measure())))

    async def _measure(self) -> Figures:
        processes = await asyncio.to_thread(Processes)
        found = [
            PodFigures(pod.obj, list(filter(None, (_figures(item, processes) for item in containers))))
            for pod in self._pods()
            if (containers := [*pod.init, *pod.containers])
        ]
        running = [pod for pod in found if pod.containers]
        return Figures(self._name, self._clock.time(), psutil.boot_time(), figures.of_machine(), running)


def _figures(container: Container, processes: Processes) -> ContainerFigures | None:
    use, running = container.use(processes), container.state.get("running")
    if use is None or running is None:
        return None
    return ContainerFigures(container.name, seconds(running["startedAt"]), use)
