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
    try:
        async with asyncio.timeout(limit):
            if events is not None:
                async with aclosing(events):
                    await _copy(events, renderer, response)
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


async def _copy(events: AsyncIterator[WatchEvent], renderer: Renderer, response: web.StreamResponse) -> None:
    first = True
    async for event in events:
        await response.write(renderer.event(event.type, event.object, first=first))
        first = False


def _error_line(error: StatusError) -> bytes:
    return orjson.dumps({"type": "ERROR", "object": error.to_status()}) + b"\n"
