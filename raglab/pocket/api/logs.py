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

LEAST = {
    "tailLines": (0, "must be greater than or equal to 0"),
    "sinceSeconds": (1, "must be greater than 0"),
    "limitBytes": (1, "must be greater than 0"),
}
"""The least that numbers in the query may be, and how the real server says so."""


async def serve(call: Call) -> web.StreamResponse:
    """Send a container's log, and with ``follow`` whatever is added until the container ends."""
    target, server = call.target, call.server
    if server.streams is None:
        raise not_implemented("this API server runs without a node, so there are no logs")
    pod = server.registry.get(target.kind, target.namespace, target.name)
    query = call.request.query
    options = _options(query, target.name, containers.choose(pod, query.get("container", "")))
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


def _options(query: Mapping[str, str], pod: str, container: str) -> LogOptions:
    numbers = {name: parameters.integer(query, name, signed=True) for name in LEAST}
    since = query.get("sinceTime", "")
    causes = [
        ("FieldValueInvalid", name, f"Invalid value: {numbers[name]}: {rule}")
        for name, (least, rule) in LEAST.items()
        if (number := numbers[name]) is not None and number < least
    ]
    if since and numbers["sinceSeconds"] is not None:
        text = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(("FieldValueForbidden", "", text))
    if causes:
        raise invalid("PodLogOptions", "", pod, causes)
    return LogOptions(
        container=container,
        follow=parameters.boolean(query, "follow"),
        previous=parameters.boolean(query, "previous"),
        timestamps=parameters.boolean(query, "timestamps"),
        tail_lines=numbers["tailLines"],
        since_seconds=numbers["sinceSeconds"],
        since_time=_time(since) if since else None,
        limit_bytes=numbers["limitBytes"],
    )


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise bad_request(f'parsing time "{text}": {error}') from error
