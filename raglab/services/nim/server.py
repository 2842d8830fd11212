"""Runs a service as the one program of a pod: listen, load the model, wait for SIGTERM, drain, leave.

The process ends with `os._exit` because the destructors of the model runtimes may wait for many seconds for
work that nobody wants any more; by then everything has been answered and flushed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from raglab.services.models import ModelError
from raglab.services.nim.gpu import on_gpu
from raglab.services.nim.service import Service
from raglab.services.nim.settings import Settings, SettingsError

log = logging.getLogger("raglab.nim")
S = TypeVar("S", bound=Settings)
NAMES = "raglab.services.nim"
"""What comes before a service's role in the name of its process on a GPU."""
_CLOSE_SECONDS = 1.0  # for connections that are still open when all work is done


def run(read_settings: Callable[[], S], create: Callable[[S], Service]) -> None:
    """Runs until SIGTERM or SIGINT and does not return; exit code 0 after a drained stop, 1 if it could not
    start.
    """
    try:
        settings = read_settings()
    except SettingsError as error:
        sys.exit(f"error: {error}")
    logging.basicConfig(
        level=getattr(logging, settings.log_level.upper(), logging.INFO),
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stdout,
    )
    asyncio.run(_serve_and_exit(settings, create))


async def _serve_and_exit(settings: S, create: Callable[[S], Service]) -> None:
    code = await _serve(settings, create)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _serve(settings: S, create: Callable[[S], Service]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = create(settings)
    runner = web.AppRunner(
        service.app, handler_cancellation=True, access_log=None, shutdown_timeout=_CLOSE_SECONDS
    )
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        log.error("cannot listen on %s:%d: %s", settings.host, settings.port, error.strerror)
        return 1
    log.info("listening on http://%s:%d", settings.host, settings.port)
    async with on_gpu(f"{NAMES}.{service.model.role}", service.metrics.busy):
        if not await _load(service, stop):
            return 0 if stop.is_set() else 1
        await stop.wait()
        await site.stop()
        await service.drain(lambda: len(runner.server.connections) if runner.server else 0)
        await runner.cleanup()
        service.runtime.close()
    log.info("stopped")
    return 0


async def _load(service: Service, stop: asyncio.Event) -> bool:
    """True once the model is loaded; False when it cannot be, or when the pod is stopped meanwhile."""
    load, stopped = asyncio.ensure_future(service.load()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((load, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not load.done():
        return False
    try:
        load.result()
    except (ModelError, RuntimeError, OSError) as error:
        log.error("the model cannot be loaded: %s", error)
        return False
    return True
