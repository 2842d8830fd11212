"""The kubelet's pages about resource use: ``/metrics/resource`` and ``/stats/summary``.

Names, help texts and stability levels are those of Kubernetes 1.36 (documentation, "Node metrics data" and "Kubernetes
Metrics Reference"); metrics-server and its like read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import psutil

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.node.usage import Use

CPU = ("cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the {} in core-seconds")
MEMORY = ("memory_working_set_bytes", "gauge", "Current working set of the {} in bytes")
START = ("start_time_seconds", "gauge", "Start time of the {} since unix epoch in seconds")
FIRST, LAST = (
    "# HELP {0}_{1} [STABLE] {2}\n# TYPE {0}_{1} {3}\n",
    "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise\n"
    "# TYPE resource_scrape_error gauge\nresource_scrape_error 0\n",
)


class ContainerFigures(NamedTuple):
    """A running container: since when, in seconds since the epoch, and what it uses."""

    name: str
    started: float
    use: Use


class PodFigures(NamedTuple):
    """A pod and its running containers."""

    pod: Object
    containers: list[ContainerFigures]

    @property
    def use(self) -> Use:
        """All containers together."""
        return Use(sum(c.use.cpu for c in self.containers), sum(c.use.memory for c in self.containers))


class Figures(NamedTuple):
    """The node `name` at the time `at` (seconds since the epoch)."""

    name: str
    at: float
    booted: float
    use: Use
    pods: list[PodFigures]


def of_machine() -> Use:
    """CPU time of everything on this machine since it started, and memory that is not available to programs."""
    times, memory = psutil.cpu_times(), psutil.virtual_memory()
    busy = sum(times[:]) - times.idle - times.iowait - times.guest - times.guest_nice
    return Use(busy, memory.total - memory.available)


def exposition(node: Figures) -> str:
    """``/metrics/resource``, in the text format of OpenMetrics' predecessor; times in milliseconds."""
    containers = [(_labels(pod, c.name), c) for pod in node.pods for c in pod.containers]
    pods = [(_labels(pod), pod.use) for pod in node.pods]
    parts = [
        _family("container", CPU, [(labels, c.use.cpu) for labels, c in containers], node.at),
        _family("container", MEMORY, [(labels, c.use.memory) for labels, c in containers], node.at),
        _family("container", START, [(labels, c.started) for labels, c in containers]),
        _family("node", CPU, [("", node.use.cpu)], node.at),
        _family("node", MEMORY, [("", node.use.memory)], node.at),
        _family("pod", CPU, [(labels, use.cpu) for labels, use in pods], node.at),
        _family("pod", MEMORY, [(labels, use.memory) for labels, use in pods], node.at),
    ]
    return "".join(parts) + LAST


def _labels(pod: PodFigures, container: str = "") -> str:
    meta = pod.pod["metadata"]
    first = f'container="{container}",' if container else ""
    return f'{{{first}namespace="{meta["namespace"]}",pod="{meta["name"]}"}}'


def _family(
    subject: str, kind: tuple[str, str, str], values: Iterable[tuple[str, float]], at: float | None = None
) -> str:
    name, type, text = kind
    lines = list(_samples(f"{subject}_{name}", values, f" {at * 1000:.0f}" if at else ""))
    return FIRST.format(subject, name, text.format(subject), type) + "".join(lines) if lines else ""


def _samples(name: str, values: Iterable[tuple[str, float]], stamp: str) -> Iterator[str]:
    return (f"{name}{labels} {round(value, 6)!r}{stamp}\n" for labels, value in values)


def summary(node: Figures) -> Object:
    """``/stats/summary``, as far as it is about CPU and memory."""
    own = {"nodeName": node.name, "startTime": timestamp(node.booted)} | _stats(node.use, node.at)
    return {"node": own, "pods": [_pod(pod, node.at) for pod in node.pods]}


def _pod(figures: PodFigures, at: float) -> Object:
    meta = figures.pod["metadata"]
    reference = {key: meta[key] for key in ("name", "namespace", "uid")}
    containers = [
        {"name": c.name, "startTime": timestamp(c.started)} | _stats(c.use, at) for c in figures.containers
    ]
    started = figures.pod.get("status", {}).get("startTime", meta["creationTimestamp"])
    return {"podRef": reference, "startTime": started, "containers": containers} | _stats(figures.use, at)


def _stats(use: Use, at: float) -> Object:
    now = timestamp(at)
    return {
        "cpu": {"time": now, "usageCoreNanoSeconds": round(use.cpu * 1e9)},
        "memory": {"time": now, "workingSetBytes": use.memory},
    }
