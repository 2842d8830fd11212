"""Serving over TLS to the API server alone, beside some work that goes on for ever, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from raglab.services.addons.extension import callers, certificate
from raglab.services.addons.extension.callers import Callers
from raglab.services.addons.extension.cluster import Cluster, ClusterError

log = logging.getLogger("raglab.extension")


@dataclass(frozen=True)
class Place:
    """Where a server listens and what it shows: port, the files of its certificate, and the name in it."""

    port: int
    certificate: Path
    key: Path
    name: str


async def known_callers(cluster: Cluster) -> Callers:
    """Who may ask, as the cluster tells. Raises `ClusterError` with the remedy."""
    try:
        return Callers.from_config_map(await cluster.config_map(callers.NAMESPACE, callers.NAME))
    except (ClusterError, KeyError, ValueError) as error:
        raise ClusterError(
            f"unable to get configmap/{callers.NAME} in {callers.NAMESPACE}: {error}. Usually fixed by 'kubectl create "
            f"rolebinding NAME -n {callers.NAMESPACE} --role={callers.NAME}-reader --serviceaccount=NAMESPACE:ACCOUNT'"
        ) from error


async def serve(app: web.Application, place: Place, authority: str, work: Coroutine[Any, Any, None]) -> None:
    """Serve until SIGTERM or until `work` fails; the API server's certificate is signed by `authority` (PEM)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    host = os.environ.get("HOST") or os.environ.get("POD_IP") or "127.0.0.1"
    trust = certificate.context(place.certificate, place.key, place.name, authority)
    await web.TCPSite(runner, host, place.port, ssl_context=trust).start()
    log.info("Serving securely on %s:%d (simulated: stand-in for %s)", host, place.port, place.name)
    working, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        working.result()  # it only ends by failing
    working.cancel()
    await runner.cleanup()
