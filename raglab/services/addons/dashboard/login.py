"""Login: HTTP Basic with the admin's password, as Grafana's own API accepts it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN = frozenset({"/api/health", "/metrics"})
REALM = {"WWW-Authenticate": 'Basic realm="raglab dashboard", charset="UTF-8"'}


def login(user: str, password: str, anonymous: bool) -> Handler:
    """Middleware that asks for `user` and `password`.

    Nothing can be changed here, only looked at: with `anonymous`, or without a password, everyone may look. Wrong
    credentials are refused even then, so that a mistyped password is noticed.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if password and request.path not in OPEN:
            if given and not _matches(given, user, password):
                return _refused("Invalid username or password")
            if not given and not anonymous:
                return _refused("Unauthorized")
        return await handler(request)

    return check  # type: ignore[return-value]


def _matches(header: str, user: str, password: str) -> bool:
    scheme, _, encoded = header.partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, f"{user}:{password}".encode())


def _refused(message: str) -> web.Response:
    return web.json_response({"message": message}, status=401, headers=REALM)
