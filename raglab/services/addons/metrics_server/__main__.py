"""Starts the server: ``python -m raglab.services.addons.metrics_server --secure-port=10250 …``."""

from __future__ import annotations

import asyncio
import logging
import sys

import aiohttp

from raglab.incluster import Access, ApiError
from raglab.services.addons.extension import callers
from raglab.services.addons.extension.cluster import Cluster, ClusterError
from raglab.services.addons.extension.options import OptionError
from raglab.services.addons.extension.serving import Place, known_callers, serve
from raglab.services.addons.metrics_server import options
from raglab.services.addons.metrics_server.api import Api
from raglab.services.addons.metrics_server.options import Options
from raglab.services.addons.metrics_server.scraping import scrape_every
from raglab.services.addons.metrics_server.storage import Storage

TIMEOUT = aiohttp.ClientTimeout(total=10)


def main() -> int:
    """Serve until SIGTERM; 1 with one line when it cannot start."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(_serve(options.read(sys.argv[1:])))
    except ApiError as error:
        print(f"metrics server: unable to construct lister client: {error}", file=sys.stderr)
        return 1
    except (OptionError, ClusterError, OSError) as error:
        print(f"metrics server: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(given: Options) -> None:
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        cluster, storage = Cluster(session, Access.in_cluster()), Storage(given.resolution)
        known = await known_callers(cluster)
        place = Place(given.port, given.certificate, given.key, "metrics-server")
        app = Api(storage, cluster, callers.only(known)).app
        await serve(app, place, known.authority, scrape_every(cluster, storage, given.resolution))


if __name__ == "__main__":
    sys.exit(main())
