"""``python -m raglab.services.addons.kube_state_metrics``: answers scrapes until SIGTERM.

Nothing is kept: each scrape asks the API for the objects as they are, which costs a few milliseconds per kind.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from raglab.incluster import Api, ApiError
from raglab.services.addons.kube_state_metrics.families import RESOURCES, Family, Object, Resource

log = logging.getLogger("kube-state-metrics")


class State(Collector):
    """All families, from objects asked for now; a kind that the API does not give is left out and logged."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: the API need not answer yet when this is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for resource in RESOURCES:
            try:
                objects = self._api.get(resource.path)["items"]
            except ApiError as error:
                log.warning("%s: %s", resource.path, error)
                continue
            yield from (_gauge(resource, family, objects) for family in resource.families)


def _gauge(resource: Resource, family: Family, objects: list[Object]) -> GaugeMetricFamily:
    samples = [(_names(resource, obj) | more, value) for obj in objects for more, value in family.read(obj)]
    labels = sorted({name for found, _ in samples for name in found})
    gauge = GaugeMetricFamily(family.name, family.help, labels=labels)
    for found, value in samples:
        gauge.add_metric([found.get(name, "") for name in labels], value)
    return gauge


def _names(resource: Resource, obj: Mapping[str, object]) -> dict[str, str]:
    meta = obj["metadata"]
    assert isinstance(meta, Mapping)
    namespace = {"namespace": str(meta["namespace"])} if "namespace" in meta else {}
    return namespace | {resource.label: str(meta["name"])}


def main() -> int:
    """Serve; 1 with one line outside of a pod or when it cannot listen."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    parser = argparse.ArgumentParser("kube-state-metrics")
    parser.add_argument("--port", type=int, default=8080)
    chosen, _ = parser.parse_known_args()  # the real one has many flags more, about what to leave out
    registry, stop = CollectorRegistry(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        registry.register(State(Api()))
        start_http_server(chosen.port, os.environ.get("POD_IP", "127.0.0.1"), registry)
    except (ApiError, OSError) as error:
        print(f"kube-state-metrics: cannot start: {error}", file=sys.stderr)
        return 1
    log.info("listening on port %d (simulated: stand-in for kube-state-metrics)", chosen.port)
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
