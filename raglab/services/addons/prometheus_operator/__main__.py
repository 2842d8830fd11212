"""The operator as a pod: works until it is asked to end, and serves ``/healthz`` and ``/metrics`` meanwhile.

Arguments of the real operator are accepted; of these only the log level changes anything.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys

import aiohttp
from aiohttp import web

from raglab.incluster import Access, ApiError
from raglab.services.addons.prometheus_operator.cluster import Cluster
from raglab.services.addons.prometheus_operator.operator import Operator

PORT = 8080
LIMIT = aiohttp.ClientTimeout(total=30)
METRICS = """\
# HELP prometheus_operator_reconcile_operations_total Prometheus objects that were brought in line.
# TYPE prometheus_operator_reconcile_operations_total counter
prometheus_operator_reconcile_operations_total{{controller="prometheus"}} {reconciliations}
# HELP prometheus_operator_reconcile_errors_total Attempts that failed and are made again.
# TYPE prometheus_operator_reconcile_errors_total counter
prometheus_operator_reconcile_errors_total{{controller="prometheus"}} {failures}
"""


async def serve(operator: Operator, host: str) -> None:
    """Answer on the pod's port."""

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        facts = {"reconciliations": operator.reconciliations, "failures": operator.failures}
        return web.Response(text=METRICS.format(**facts))

    app = web.Application()
    app.router.add_get("/healthz", healthy)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, PORT).start()


async def work(host: str) -> None:
    """Run the operator until SIGTERM."""
    async with aiohttp.ClientSession(timeout=LIMIT) as session:
        operator = Operator(Cluster(session, Access.in_cluster()))
        await serve(operator, host)
        task = asyncio.create_task(operator.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            logging.info("asked to end")


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="prometheus-operator", add_help=False)
    parser.add_argument("--log-level", default="info")
    known, _ = parser.parse_known_args()
    level = known.log_level.upper()
    logging.basicConfig(
        level=level, format="level=%(levelname)s ts=%(asctime)s %(message)s", stream=sys.stderr
    )
    try:
        asyncio.run(work(os.environ.get("POD_IP", "127.0.0.1")))
    except ApiError as error:
        logging.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
