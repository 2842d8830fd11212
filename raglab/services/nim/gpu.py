"""A service on the simulated GPUs its pod was given: its busy time and its memory, published while it lives.

Busy time is the service's own (see `Metrics.busy`): the exact time in which requests were running. Memory is what the
process really has in this machine's memory, model included, scaled to the device by `physics.device_memory`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from raglab.gpus import inventory, physics
from raglab.gpus.busy import BusyClock
from raglab.gpus.usage import Hold

log = logging.getLogger("raglab.nim")
_PERIOD = 1.0  # seconds between two looks at the process's memory


@asynccontextmanager
async def on_gpu(program: str, busy: BusyClock) -> AsyncIterator[None]:
    """Hold the pod's devices meanwhile. A pod without any publishes nothing."""
    with Hold(program, busy) as hold:
        if hold.uuids:
            log.info("holding %s (simulated)", ", ".join(hold.uuids))
        task = asyncio.create_task(_tell_memory(hold))
        try:
            yield
        finally:
            task.cancel()


async def _tell_memory(hold: Hold) -> None:
    process, total = psutil.Process(), inventory.load().memory
    while hold.uuids:
        hold.memory(physics.device_memory(process.memory_info().rss, total))
        await asyncio.sleep(_PERIOD)
