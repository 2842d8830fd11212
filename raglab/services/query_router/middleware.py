"""ASGI middleware: a limit for request bodies, and the measuring of requests."""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raglab.services.query_router.metrics import Metrics

DRAIN = 8
"""Bodies up to this many times the limit are read to their end, so that the client has sent all and reads the
answer.
"""


class BodyLimit:
    """Refuses bodies above a size, whether or not the client told the size beforehand.

    The exception reaches the application's handler for HTTP errors and becomes status 413.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the application reads."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                await self._drain(message, receive, received)
                raise HTTPException(413, f"The request is larger than {self._limit} bytes.")
            return message

        await self._app(scope, counted, send)

    async def _drain(self, message: Message, receive: Receive, received: int) -> None:
        while message.get("more_body") and received < DRAIN * self._limit:
            message = await receive()
            received += len(message.get("body", b""))


class Measured:
    """Counts and times requests by path, up to the last byte of the answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe requests to known paths; others would let a client make up label values."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._metrics.duration.labels(scope["path"]).observe(time.perf_counter() - started)
            self._metrics.requests.labels(scope["path"], status).inc()
