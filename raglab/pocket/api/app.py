"""The API server: one request path for everything, in `ApiServer.answer`.

aiohttp gives connections, TLS and HTTP/1.1; routing is our own, because the paths of the API are data (the catalogue).
"""

from __future__ import annotations

import asyncio
import logging
import time
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
from raglab.pocket.api.auth import Credentials
from raglab.pocket.api.context import Call, Server
from raglab.pocket.api.registry import Registry
from raglab.pocket.api.roles import Roles
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
READING = frozenset({"get", "list", "watch"})
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
    app.router.add_route("*", "/{path:.*}", ApiServer(server).handle)
    return app


class ApiServer:
    """Answers requests with the parts of a `Server`."""

    def __init__(self, server: Server) -> None:
        self._server, self._roles = server, Roles(server.registry.store)
        settings = server.settings
        self._names = frozenset(server_names(settings.service_cidr, settings.api_host))
        documents = openapi.Documents(server.kinds, server.schemas)
        self._pages = pages.Pages(server.kinds, documents, server.aggregator, settings)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer, and turn every failure into the answer that clients understand."""
        try:
            return await self.answer(request)
        except StatusError as error:
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

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The path of a request: guard, authenticate, parse, authorize, act and render."""
        auth.refuse_foreign_pages(request, self._names)
        parts = routing.segments(request.raw_path.partition("?")[0])
        if parts[0] in auth.OPEN_PATHS:
            return self._pages.open(request, parts)
        user = auth.authenticate(request, self._server.credentials, self._server.clock.time())
        service = self._server.aggregator.find(parts)
        if service is not None:
            return await self._aggregated(request, parts, user, service)
        page = self._pages.find(request, parts)
        if page is not None:
            return page
        target = routing.parse(request.method, parts, request.query, self._server.kinds)
        auth.authorize(user, target, self._roles)
        call = Call(self._server, request, user, target)
        response = await (_act(call) if target.verb in READING else _logged(call))
        if target.kind.custom and target.kind.custom.deprecation and not response.prepared:
            response.headers.extend(rendering.warning_headers([target.kind.custom.deprecation]))
        return response

    async def _aggregated(
        self, request: web.Request, parts: list[str], user: auth.User, service: Object
    ) -> web.StreamResponse:
        if len(parts) > 3:  # what there is, everybody may know
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


async def _logged(call: Call) -> web.StreamResponse:
    """Act, and write one line about the change that was asked for: never bodies, never credentials."""
    started, outcome = time.perf_counter(), "failed"
    try:
        response = await _act(call)
        outcome = str(response.status)
        return response
    except StatusError as error:
        outcome = f"{error.code} {error.reason}"
        raise
    except asyncio.CancelledError:
        outcome = "the client went"
        raise
    finally:
        took = (time.perf_counter() - started) * 1000
        log.info(
            "%s %s by %s: %s (%.1f ms)", call.target.verb, call.request.path, call.user.name, outcome, took
        )
