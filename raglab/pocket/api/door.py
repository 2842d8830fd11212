"""The way in: how many connections there may be, and how long one may take until it has said what it wants.

A client that opens connections without end, or sends its first request letter by letter, takes nothing away from
others: when all connections are taken, the oldest idle one makes room for a new one. (What comes later has limits of
its own: kept connections, bodies, watches.)
"""

from __future__ import annotations

import asyncio
import resource

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HANDSHAKE, PATIENCE = 10.0, 32.0
"""Seconds for TLS, and for the head of a connection's first request (the real server's time)."""
MOST_CONNECTIONS = 1000
MOST_FILES = 65536


def widen() -> None:
    """Let this process have as many open files as the machine allows: each connection is one, each pod some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Door:
    """Makes what serves a new connection; `loop.create_server` calls it."""

    def __init__(
        self, server: web.Server, *, most: int = MOST_CONNECTIONS, patience: float = PATIENCE
    ) -> None:
        self._server, self._patience = server, patience
        self._most = min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._arriving: set[RequestHandler] = set()

    def __call__(self) -> asyncio.Protocol:
        self._arriving = {handler for handler in self._arriving if handler.transport is None}
        full = len(self._server.connections) + len(self._arriving) >= self._most
        if full and not self._make_room():
            return _Closed()
        handler: RequestHandler = self._server()
        self._arriving.add(handler)
        loop = asyncio.get_running_loop()
        loop.call_later(HANDSHAKE, self._arriving.discard, handler)
        loop.call_later(self._patience, _hurry, handler)
        return handler

    def _make_room(self) -> bool:
        """Close the oldest connection on which nothing is being answered; False if all are busy."""
        for handler in self._server.connections:
            if handler._current_request is None:
                handler.force_close()
                return True
        return False


class _Closed(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _hurry(handler: RequestHandler) -> None:
    if handler.transport is not None and not handler._request_count:
        handler.force_close()
