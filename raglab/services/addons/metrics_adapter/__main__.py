"""Starts the adapter: ``python -m raglab.services.addons.metrics_adapter --config FILE …``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import aiohttp
from aiohttp import web

from raglab.incluster import Access, ApiError
from raglab.services.addons.metrics_adapter import callers, certificate, options
from raglab.services.addons.metrics_adapter.api import Api
from raglab.services.addons.metrics_adapter.callers import Callers
from raglab.services.addons.metrics_adapter.cluster import Cluster, ClusterError
from raglab.services.addons.metrics_adapter.config import Config, ConfigError, load
from raglab.services.addons.metrics_adapter.options import OptionError, Options
from raglab.services.addons.metrics_adapter.prometheus import Prometheus
from raglab.services.addons.metrics_adapter.provider import Provider
from raglab.services.addons.metrics_adapter.rules import Rule

log = logging.getLogger("raglab.adapter")
FATAL = 255
"""The exit code of Go programs that end by klog.Fatal."""
TIMEOUT = aiohttp.ClientTimeout(total=30)


def main() -> int:
    """Serve until SIGTERM; 255 with one line when it cannot start."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        given = options.read(sys.argv[1:])
        asyncio.run(_serve(given, load(given.config)))
    except ApiError as error:
        print(f"metrics adapter: unable to load in-cluster configuration: {error}", file=sys.stderr)
        return FATAL
    except (OptionError, ConfigError, ClusterError, OSError) as error:
        print(f"metrics adapter: {error}", file=sys.stderr)
        return FATAL
    return 0


async def _serve(given: Options, config: Config) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        cluster = Cluster(session, Access.in_cluster())
        provider, known = await _provider(session, cluster, given, config), await _callers(cluster)
        runner = web.AppRunner(Api(provider, callers.only(known)).app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        host = os.environ.get("HOST") or os.environ.get("POD_IP") or "127.0.0.1"
        trust = certificate.context(given.certificate, given.key, known.authority)
        await web.TCPSite(runner, host, given.port, ssl_context=trust).start()
        log.info("Serving securely on %s:%d (simulated: stand-in for prometheus-adapter)", host, given.port)
        relisting = asyncio.ensure_future(provider.relist_every(given.relist_interval))
        await asyncio.wait(
            (relisting, asyncio.ensure_future(stop.wait())), return_when=asyncio.FIRST_COMPLETED
        )
        if relisting.done():
            relisting.result()  # it only ends by failing
        relisting.cancel()
        await runner.cleanup()


async def _callers(cluster: Cluster) -> Callers:
    try:
        return Callers.from_config_map(await cluster.config_map(callers.NAMESPACE, callers.NAME))
    except (ClusterError, KeyError, ValueError) as error:
        raise ClusterError(
            f"unable to get configmap/{callers.NAME} in {callers.NAMESPACE}: {error}. Usually fixed by 'kubectl create "
            f"rolebinding NAME -n {callers.NAMESPACE} --role={callers.NAME}-reader --serviceaccount=NAMESPACE:ACCOUNT'"
        ) from error


async def _provider(
    session: aiohttp.ClientSession, cluster: Cluster, given: Options, config: Config
) -> Provider:
    catalogue = await cluster.catalogue()
    return Provider(
        Prometheus(session, given.prometheus_url),
        cluster,
        catalogue,
        [Rule.from_config(rule, catalogue) for rule in config.rules],
        [Rule.from_config(rule, catalogue) for rule in config.external_rules],
        given.max_age,
    )


if __name__ == "__main__":
    sys.exit(main())
