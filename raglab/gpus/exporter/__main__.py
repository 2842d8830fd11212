"""``python -m raglab.gpus.exporter``: collect, and answer scrapes until SIGTERM."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from raglab.gpus import inventory, usage
from raglab.gpus.exporter import exposition, settings
from raglab.gpus.exporter.collecting import Collector
from raglab.gpus.exporter.serving import server
from raglab.gpus.exporter.workloads import CHECKPOINT, DEVICE_PLUGINS, Workload, Workloads
from raglab.incluster import Api, ApiError, mounted

log = logging.getLogger("dcgm-exporter")


def main() -> int:
    """Run the exporter; exit code 1 if it cannot listen or find the API."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    chosen = settings.read(sys.argv[1:])
    try:
        workloads = _workloads(chosen)
    except ApiError as error:
        log.error("DCGM_EXPORTER_KUBERNETES is true, but %s", error)
        return 1
    collector = Collector(inventory.load(), usage.driver_folder(), chosen.hostname, workloads)
    try:
        pages = server((chosen.host, chosen.port), lambda: collector.page)
    except OSError as error:
        log.error("cannot listen on %s:%d: %s", chosen.host, chosen.port, error.strerror)
        return 1
    log.info("simulated: %d series of devices without hardware", len(exposition.fields()))
    log.info("collecting every %.1f s, http://%s:%d/metrics", chosen.interval, *pages.server_address[:2])
    _work(collector, pages, chosen.interval)
    return 0


def _workloads(chosen: settings.Settings) -> Callable[[], Mapping[str, Workload]]:
    """Who holds the devices: nobody knows outside Kubernetes."""
    if not chosen.kubernetes:
        return dict
    api = Api()

    def pods() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = api.get(
            "/api/v1/pods", fieldSelector=f"spec.nodeName={chosen.hostname}"
        )["items"]
        return listed

    return Workloads(mounted(DEVICE_PLUGINS) / CHECKPOINT, pods).by_device


def _work(collector: Collector, pages: Any, interval: float) -> None:
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    collector.run(interval, stop)
    pages.shutdown()


if __name__ == "__main__":
    sys.exit(main())
