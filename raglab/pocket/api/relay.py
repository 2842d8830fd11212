"""Requests that others answer, and their answers: what of both goes on to the other side."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)
"""Headers that end at each connection (RFC 9110 §7.6.1)."""
PRIVATE = ("authorization", "host", "content-length")
IDENTITY = ("x-remote-", "impersonate-")
"""Beginnings of headers that say who somebody is: the next server hears that from us alone."""


def passed_on(request: web.Request) -> CIMultiDict[str]:
    """The client's headers without those that are for us, or say who it is."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in request.headers.items():
        lower = name.lower()
        if lower not in HOP_BY_HOP and lower not in PRIVATE and not lower.startswith(IDENTITY):
            headers.add(name, value)
    headers.setdefault("Accept-Encoding", "identity")
    if headers.popall("Content-Encoding", None) is None and request.can_read_body and request.content_length:
        headers["Content-Length"] = str(request.content_length)  # what is compressed has been unpacked by now
    return headers


async def pass_back(
    request: web.Request,
    answer: aiohttp.ClientResponse,
    changed: Mapping[str, str] | None = None,
    body: AsyncIterable[bytes] | None = None,
) -> web.StreamResponse:
    """Send an answer to the client piece by piece as it comes, with some headers `changed`, or with another `body`."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in HOP_BY_HOP and not (body and name.lower() == "content-length"):
            response.headers.add(name, value)
    response.headers.update(changed or {})
    await response.prepare(request)
    try:
        async for piece in body or answer.content.iter_any():
            await response.write(piece)
    except aiohttp.ClientError as error:
        raise ConnectionResetError(f"the server behind the API broke off: {error}") from None
    await response.write_eof()
    return response
