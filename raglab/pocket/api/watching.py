"""Watches: one JSON object per line for as long as the client stays.

A watch that starts too far in the past is not refused with a status code: the stream begins and carries one ERROR
event, after which clients list again. Clients that asked for bookmarks get one a minute, so that they can resume
from a recent version after a quiet time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

import orjson
from aiohttp import web

from raglab.pocket.api import negotiate, parameters
from raglab.pocket.api.context import Call
from raglab.pocket.api.parameters import ListParameters
from raglab.pocket.api.rendering import Renderer
from raglab.pocket.client import WatchEvent
from raglab.pocket.errors import StatusError

LONGEST = (1800.0, 3600.0)
"""Seconds after which a watch without a timeout of its own ends; spread, so that clients do not return at once."""
BOOKMARK_EVERY = 60.0
GONE = 410


async def serve(call: Call) -> web.StreamResponse:
    """Answer a watch until its time is up or the client goes."""
    query = parameters.listing(call.request.query, watch=True)
    view = negotiate.view(call.request)
    events, error = _open(call, query)
    response = web.StreamResponse(
        headers={"Content-Type": negotiate.JSON, "Cache-Control": "no-cache, private"}
    )
    response.enable_chunked_encoding()
    await response.prepare(call.request)
    renderer = Renderer(call.server.encoder, call.target.kind, view, call.server.clock.time())
    limit = query.timeout if query.timeout is not None else random.uniform(*LONGEST)
    watch = _Watch(call, renderer, response)
    try:
        async with asyncio.timeout(limit):
            if events is not None:
                await watch.run(events, bookmarks=query.bookmarks)
    except TimeoutError:
        pass  # the time the client gave is over: the usual end of a watch
    except StatusError as broken:
        error = broken
    if error is not None:
        await response.write(_error_line(error))
    return response


def _open(call: Call, query: ListParameters) -> tuple[AsyncIterator[WatchEvent] | None, StatusError | None]:
    """The events from the version asked for, or the error that becomes the only event."""
    target = call.target
    try:
        events = call.server.registry.watch(
            target.kind,
            target.namespace,
            labels=query.labels,
            fields=query.fields,
            resource_version=query.resource_version,
            send_initial=bool(query.send_initial),
            bookmarks=query.bookmarks,
        )
    except StatusError as error:
        if error.code != GONE:
            raise
        return None, error
    return events, None


class _Watch:
    """One running watch: changes as they come, and bookmarks while none come."""

    def __init__(self, call: Call, renderer: Renderer, response: web.StreamResponse) -> None:
        self._registry, self._kind = call.server.registry, call.target.kind
        self._renderer, self._response = renderer, response
        self._sent = 0

    async def run(self, events: AsyncIterator[WatchEvent], *, bookmarks: bool) -> None:
        """Until the events end, which they do only by an error."""
        ticking = asyncio.create_task(self._mark()) if bookmarks else None
        try:
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    line = self._renderer.event(event.type, event.object, first=self._sent == 0)
                    self._sent += 1
                    await self._response.write(line)
        finally:
            if ticking is not None:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)

    async def _mark(self) -> None:
        """Tell the version at which a quiet minute began: every change up to it has been sent."""
        while True:
            version, sent = self._registry.store.version, self._sent
            await asyncio.sleep(BOOKMARK_EVERY)
            if sent == self._sent:
                meta = {"resourceVersion": str(version)}
                mark = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": meta}
                await self._response.write(self._renderer.event("BOOKMARK", mark, first=False))


def _error_line(error: StatusError) -> bytes:
    return orjson.dumps({"type": "ERROR", "object": error.to_status()}) + b"\n"
