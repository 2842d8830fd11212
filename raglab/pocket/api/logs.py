"""``GET …/pods/NAME/log``: the text comes from the node, the choice of container is made here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import cast

from aiohttp import web

from raglab.pocket.api import containers, parameters
from raglab.pocket.api.context import Call
from raglab.pocket.errors import bad_request, invalid, not_implemented
from raglab.pocket.streams import LogOptions

FIRST_PIECE = 0.1
"""Seconds to wait for the node's first piece before the answer starts: a refusal comes at once and can then still
become a status code, whereas the first line of a followed log may take for ever."""


async def serve(call: Call) -> web.StreamResponse:
    """Send a container's log, and with ``follow`` whatever is added until the container ends."""
    target, server = call.target, call.server
    if server.streams is None:
        raise not_implemented("this API server runs without a node, so there are no logs")
    pod = server.registry.get(target.kind, target.namespace, target.name)
    options = _options(call.request.query, containers.choose(pod, call.request.query.get("container", "")))
    if not containers.is_placed(pod):
        return web.Response(text="")
    pieces = cast(AsyncIterator[bytes], server.streams.logs(target.namespace, target.name, options))
    response = web.StreamResponse(
        headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"}
    )
    response.enable_chunked_encoding()
    async with aclosing(pieces):  # type: ignore[type-var]
        first = asyncio.ensure_future(anext(pieces, b""))
        try:
            done, _ = await asyncio.wait({first}, timeout=FIRST_PIECE)
            if done:
                first.result()
            await response.prepare(call.request)
            await response.write(await first)
            async for piece in pieces:
                await response.write(piece)
        finally:
            first.cancel()
    return response


def _options(query: Mapping[str, str], container: str) -> LogOptions:
    since = query.get("sinceTime", "")
    options = LogOptions(
        container=container,
        follow=parameters.boolean(query, "follow"),
        previous=parameters.boolean(query, "previous"),
        timestamps=parameters.boolean(query, "timestamps"),
        tail_lines=parameters.integer(query, "tailLines"),
        since_seconds=parameters.integer(query, "sinceSeconds"),
        since_time=_time(since) if since else None,
        limit_bytes=parameters.integer(query, "limitBytes"),
    )
    if options.since_seconds is not None and options.since_time is not None:
        text = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        raise invalid("PodLogOptions", "", "", [("FieldValueForbidden", "", text)])
    return options


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise bad_request(f'parsing time "{text}": {error}') from error
