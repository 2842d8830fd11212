"""Connections to ports of pods. Their addresses are this machine's, whichever process runs them."""

from __future__ import annotations

import asyncio
import os

from raglab.pocket.streams import Connection, Refused

CONNECT_LIMIT = 10.0
"""Seconds; everything is on this machine."""


async def connect(host: str, port: int) -> Connection:
    """A connection to a port of the pod at `host`. Raises `Refused` in the container runtime's words."""
    try:
        async with asyncio.timeout(CONNECT_LIMIT):
            return await asyncio.open_connection(host, port)
    except TimeoutError:
        why = "i/o timeout"
    except OSError as error:
        why = f"connect: {os.strerror(error.errno or 0).lower()}"
    raise Refused(f"failed to connect to localhost:{port} inside namespace: dial tcp {host}:{port}: {why}")
