"""Asks the kubelets of all nodes what their pods use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from raglab.services.addons.extension.cluster import NAMES_ONLY, Cluster, ClusterError
from raglab.services.addons.metrics_server.storage import Batch, PodKey, Point, Storage

Values = dict[tuple[str, str, str], tuple[float, float]]
"""Value and time by namespace, pod and container; all empty for the node itself."""
CPU, MEMORY, START = "cpu_usage_seconds", "memory_working_set_bytes", "start_time_seconds"

log = logging.getLogger("raglab.metrics-server")


async def scrape_every(cluster: Cluster, storage: Storage, seconds: float) -> None:
    """Scrape at once and then at every tick, for ever."""
    loop = asyncio.get_running_loop()
    tick = loop.time()
    while True:
        try:
            storage.store(await scrape(cluster))
        except ClusterError as error:
            log.error("unable to list nodes: %s", error)
        tick = max(tick + seconds, loop.time())
        await asyncio.sleep(tick - loop.time())


async def scrape(cluster: Cluster) -> Batch:
    """All nodes together; those that do not answer are left out. Raises `ClusterError`."""
    listed = await cluster.get("/api/v1/nodes", accept=NAMES_ONLY)
    names = [item["metadata"]["name"] for item in listed["items"]]
    batch = Batch()
    for one in await asyncio.gather(*(_scrape_node(cluster, name) for name in names)):
        batch.nodes |= one.nodes
        batch.pods |= one.pods
    return batch


async def _scrape_node(cluster: Cluster, name: str) -> Batch:
    try:
        return read(name, await cluster.text(f"/api/v1/nodes/{name}/proxy/metrics/resource"))
    except (ClusterError, ValueError) as error:
        log.error("Failed to scrape node %s: %s", name, error)
        return Batch()


def read(node: str, text: str) -> Batch:
    """A kubelet's ``/metrics/resource``. `ValueError` if it cannot be read."""
    families = {family.name: _values(family.samples) for family in text_string_to_metric_families(text)}
    batch = Batch()
    for _, point in _points(families, "node"):
        batch.nodes[node] = point
    for (namespace, pod, container), point in _points(families, "container"):
        key: PodKey = (namespace, pod)
        batch.pods.setdefault(key, {})[container] = point
    return batch


def _values(samples: list) -> Values:  # type: ignore[type-arg]
    keys = ("namespace", "pod", "container")
    return {
        (labels.get(keys[0], ""), labels.get(keys[1], ""), labels.get(keys[2], "")): (value, stamp or 0.0)
        for _, labels, value, stamp, *_ in samples
    }


def _points(families: dict[str, Values], subject: str) -> Iterator[tuple[tuple[str, str, str], Point]]:
    """Where CPU and memory are known."""
    memory, starts = families.get(f"{subject}_{MEMORY}", {}), families.get(f"{subject}_{START}", {})
    for key, (cpu, at) in families.get(f"{subject}_{CPU}", {}).items():
        if key in memory:
            yield key, Point(at, cpu, int(memory[key][0]), starts.get(key, (0.0, 0.0))[0])
