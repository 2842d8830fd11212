"""Starts the adapter: ``python -m raglab.services.addons.metrics_adapter --config FILE …``."""

from __future__ import annotations

import asyncio
import logging
import sys

import aiohttp

from raglab.incluster import Access, ApiError
from raglab.services.addons.extension import callers
from raglab.services.addons.extension.cluster import ClusterError
from raglab.services.addons.extension.options import OptionError
from raglab.services.addons.extension.serving import Place, known_callers, serve
from raglab.services.addons.metrics_adapter import options
from raglab.services.addons.metrics_adapter.api import Api
from raglab.services.addons.metrics_adapter.cluster import Cluster
from raglab.services.addons.metrics_adapter.config import Config, ConfigError, load
from raglab.services.addons.metrics_adapter.options import Options
from raglab.services.addons.metrics_adapter.prometheus import Prometheus
from raglab.services.addons.metrics_adapter.provider import Provider
from raglab.services.addons.metrics_adapter.rules import Rule

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
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        cluster = Cluster(session, Access.in_cluster())
        provider, known = await _provider(session, cluster, given, config), await known_callers(cluster)
        place = Place(given.port, given.certificate, given.key, "prometheus-adapter")
        app = Api(provider, callers.only(known)).app
        await serve(app, place, known.authority, provider.relist_every(given.relist_interval))


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
