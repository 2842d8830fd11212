"""The API server: one request path for everything, in `ApiServer.answer`.

aiohttp gives connections, TLS and HTTP/1.1; routing is our own, because the paths of the API are data (the catalogue).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from raglab.pocket.api import (
    aggregation,
    auth,
    openapi,
    pages,
    rendering,
    reviews,
    routing,
    subresources,
    verbs,
    watching,
)
from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.audit import AuditLog, Entry
from raglab.pocket.api.auth import Credentials
from raglab.pocket.api.context import Call, Server
from raglab.pocket.api.registry import Registry
from raglab.pocket.api.roles import Roles
from raglab.pocket.api.routing import Target
from raglab.pocket.api.subresources import Handler
from raglab.pocket.client import Object
from raglab.pocket.clock import Clock, SystemClock
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds import messages
from raglab.pocket.kinds.catalogue import Catalogue
from raglab.pocket.kinds.schema import Schemas
from raglab.pocket.pki import server_names
from raglab.pocket.streams import NodeStreams

LONGEST_BODY = 3 * 1024 * 1024
"""Bytes, the real server's limit."""
CONNECTIONS: dict[str, Any] = {
    "access_log": None,
    "auto_decompress": False,
    "keepalive_timeout": 90.0,
    "max_line_size": 1 << 18,
    "max_field_size": 1 << 16,
}
"""How connections are served (arguments of aiohttp's server): bodies are taken as they are, idle connections end after
the real server's time, and lines of a head (``kubectl exec`` has its whole command in one) end somewhere.
"""
STREAMS, MOST_STREAMS = frozenset({*routing.CONNECT, "log"}), 500
"""Subresources that stay open, and how many of them and of watches there may be at once."""
VERBS: dict[str, Handler] = {
    "get": verbs.get,
    "list": verbs.list_objects,
    "watch": watching.serve,
    "create": verbs.create,
    "update": verbs.update,
    "patch": verbs.patch,
    "delete": verbs.delete,
    "deletecollection": verbs.delete_collection,
}

log = logging.getLogger("raglab.pocket.api")


def make_app(
    registry: Registry,
    kinds: Catalogue,
    schemas: Schemas,
    credentials: Credentials,
    streams: NodeStreams | None,
    settings: Settings,
    clock: Clock | None = None,
    aggregator: Aggregator | None = None,
) -> web.Application:
    """The application; serve it over TLS (see `serve`)."""
    kinds.serve("reviews", messages.REVIEWS)
    parts = (registry, kinds, schemas, credentials, streams, settings, clock or SystemClock())
    server = Server(*parts, rendering.Encoder(registry.store), aggregator or Aggregator(registry.store))
    app = web.Application(client_max_size=LONGEST_BODY)
    api = ApiServer(server)
    app.router.add_route("*", "/{path:.*}", api.handle)
    app.on_cleanup.append(api.finish)
    return app


class ApiServer:
    """Answers requests with the parts of a `Server`."""

    def __init__(self, server: Server) -> None:
        self._server, self._roles = server, Roles(server.registry.store)
        settings = server.settings
        self._names = frozenset(server_names(settings.service_cidr, settings.api_host))
        documents = openapi.Documents(server.kinds, server.schemas)
        self._pages = pages.Pages(server.kinds, documents, server.aggregator, settings)
        self._streams = 0
        self._audit = AuditLog(settings.audit_log, settings.audit_megabytes, server.clock)

    async def finish(self, app: web.Application) -> None:
        """The last thing that is done."""
        self._audit.flush()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer, and write down who asked for what and how it ended."""
        entry = self._audit.entry(request)
        try:
            response = await self._answered(request, entry)
            entry.code = response.status
        finally:
            self._audit.write(entry)
        if not response.prepared:
            response.headers["Audit-Id"] = entry.id
        return response

    async def _answered(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        """Turn every failure into the answer that clients understand."""
        try:
            return await self.answer(request, entry)
        except StatusError as error:
            entry.error = error
            return rendering.failure(error)
        except routing.PageNotFound:
            return web.Response(status=404, text="404 page not found\n")
        except web.HTTPRequestEntityTooLarge:
            text = f"Request entity too large: limit is {LONGEST_BODY}"
            return rendering.failure(StatusError(413, "RequestEntityTooLarge", text))
        except (asyncio.CancelledError, ConnectionError):
            raise  # the client has gone
        except RecursionError:
            return rendering.failure(bad_request("the object is nested too deeply"))
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            text = "an error on the server has prevented the request from succeeding; see the cluster's log"
            return rendering.failure(StatusError(500, "InternalError", f"Internal error occurred: {text}"))

    async def answer(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        """The path of a request: guard, authenticate, parse, authorize, act and render."""
        auth.refuse_foreign_pages(request, self._names)
        parts = routing.segments(request.raw_path.partition("?")[0])
        if parts[0] in auth.OPEN_PATHS:
            return self._pages.open(request, parts)
        user = auth.authenticate(request, self._server.credentials, self._server.clock.time())
        user = entry.user = auth.impersonated(request, user, self._roles)
        service = self._server.aggregator.find(parts) if user.is_known else None
        if service is not None:
            return await self._aggregated(request, parts, user, service)
        page = self._pages.find(request, parts) if user.is_known else None
        if page is not None:
            return page
        target = entry.target = self._target(request, parts, user)
        auth.authorize(user, target, self._roles)
        with self._room(target):
            response = await _act(Call(self._server, request, user, target, self._roles))
        if target.kind.custom and target.kind.custom.deprecation and not response.prepared:
            response.headers.extend(rendering.warning_headers([target.kind.custom.deprecation]))
        return response

    @contextmanager
    def _room(self, target: Target) -> Iterator[None]:
        """Watches, followed logs and the like stay for long: so many of them and no more (429)."""
        if target.verb != "watch" and target.subresource not in STREAMS:
            yield
            return
        if self._streams >= MOST_STREAMS:
            text = "too many requests, please try again later."
            raise StatusError(429, "TooManyRequests", text, {"retryAfterSeconds": 1})
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def _target(self, request: web.Request, parts: list[str], user: auth.User) -> Target:
        """What the request is about. Strangers are not even told what there is not."""
        try:
            return routing.parse(request.method, parts, request.query, self._server.kinds)
        except (StatusError, routing.PageNotFound):
            auth.authorize_path(user, request.path)
            raise

    async def _aggregated(
        self, request: web.Request, parts: list[str], user: auth.User, service: Object
    ) -> web.StreamResponse:
        if len(parts) > 3:  # what there is, everybody may know who is somebody
            auth.authorize(user, aggregation.target(request.method, parts, request.query), self._roles)
        return await self._server.aggregator.forward(request, user, service)


async def _act(call: Call) -> web.StreamResponse:
    target = call.target
    if target.kind in messages.REVIEWS:
        return await _review(call)
    if target.subresource:
        return await subresources.find(target.verb, target.subresource)(call)
    return await VERBS[target.verb](call)


async def _review(call: Call) -> web.StreamResponse:
    server, kind = call.server, call.target.kind
    review = await verbs.read_message(call, kind)
    made = reviews.answer(kind, call.user, review, server)
    return rendering.response(made, 201)
