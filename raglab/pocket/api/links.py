"""Links of web pages that are served below another path than their server thinks.

What begins at the root of the page's own server is moved below `prefix`; other hosts and relative links stay as they
are. (The real server does the same, with a parser of HTML where a pattern does here: scripts are not looked into.)
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

LONGEST = 4 * 1024 * 1024
"""Bytes; links of a longer page stay as they are."""
_LINKS = re.compile(
    rb"""((?<![\w-])(?:action|background|cite|data|formaction|href|manifest|poster|src)\s*=\s*["']?)(?=/(?!/))""",
    re.IGNORECASE,
)


def moved(location: str, server: URL, prefix: str) -> str:
    """A redirection by `server`."""
    url = URL(location)
    if (url.host and url.origin() != server.origin()) or not url.raw_path.startswith("/"):
        return location
    return f"{prefix}{url.raw_path_qs}{'#' if url.raw_fragment else ''}{url.raw_fragment}"


async def page(answer: aiohttp.ClientResponse, prefix: str) -> AsyncIterator[bytes]:
    """A page, as it comes from its server."""
    body = bytearray()
    pieces = answer.content.iter_any()
    async for piece in pieces:
        body += piece
        if len(body) > LONGEST:
            break
    else:
        body = bytearray(_LINKS.sub(rb"\1" + prefix.encode(), body))
    yield bytes(body)
    async for piece in pieces:
        yield piece
