"""The aggregation layer: groups of the API that other servers answer, through a Service that an APIService names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from raglab.pocket.api import relay, routing, upstreams
from raglab.pocket.api.auth import AUTHENTICATED, User
from raglab.pocket.api.discovery import Remote
from raglab.pocket.api.routing import Target
from raglab.pocket.api.upstreams import Unavailable, Upstream
from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, answered
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.store import Store

SHELF = "apiregistration.k8s.io/apiservices"
LONGEST_REQUEST, LONGEST_CHECK = 60.0, 5.0
"""Seconds for an answer (watches have no limit), and for the check of a server's health."""
ITSELF = User("system:kube-controller-manager", groups=(AUTHENTICATED,))
"""Who asks when a controller does."""

log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """An answer that was read to its end."""

    status: int
    body: bytes


class Aggregator:
    """Finds the server behind a path, forwards requests to it, and remembers what it says it serves."""

    def __init__(self, store: Store, identity: Path | None = None) -> None:
        """`identity` is the path of the client certificate to show, without its suffix."""
        self._store, self._identity = store, identity
        self.resources: dict[str, list[Object]] = {}
        """By APIService: the resources of its last good ``APIResourceList``."""

    def find(self, parts: list[str]) -> Object | None:
        """The APIService that hands the path with these segments to a Service; None if there is none."""
        if parts[0] != "apis" or len(parts) < 3:
            return None
        record = self._store.get(SHELF, "", f"{parts[2]}.{parts[1]}")
        return record.object if record and record.object["spec"].get("service") else None

    def remotes(self) -> list[Remote]:
        """What other servers serve, highest priority first."""
        found = [record.object for record in self._store.records(SHELF)]
        served = [item for item in found if item["spec"].get("service")]
        served.sort(
            key=lambda item: (-item["spec"]["groupPriorityMinimum"], -item["spec"]["versionPriority"])
        )
        return [
            Remote(
                item["spec"]["group"],
                item["spec"]["version"],
                self.resources.get(item["metadata"]["name"], []),
                is_available(item),
            )
            for item in served
        ]

    async def forward(self, request: web.Request, user: User, service: Object) -> web.StreamResponse:
        """Send a request on and its answer back, piece by piece as it comes."""
        if not is_available(service):
            return web.Response(status=503, text="service unavailable\n")
        watching = request.query.get("watch") in ("true", "1")
        body = request.content if request.can_read_body else None
        headers = relay.passed_on(request)
        headers.popall("Cookie", None)
        headers.extend(upstreams.identity_headers(user))
        path = URL(request.raw_path, encoded=True)
        timeout = aiohttp.ClientTimeout(
            None if watching else LONGEST_REQUEST, sock_connect=upstreams.CONNECT_LIMIT
        )
        try:
            answer = await self._open(request.method, service, path, headers, timeout, body)
        except (aiohttp.ClientError, OSError, Unavailable) as error:
            log.info("%s behind %s failed: %s", path.path, service["metadata"]["name"], error)
            return web.Response(status=503, text=f"error trying to reach service: {error}\n")
        async with answer:
            return await relay.pass_back(request, answer)

    async def fetch(self, service: Object, path: str, query: Mapping[str, str]) -> Object:
        """The object at a path. Raises what the server answers as `StatusError`, 503 if nobody does."""
        if not is_available(service):
            raise unavailable()
        url = URL.build(path=path, query=dict(query))
        try:
            reply = await self.get(service, url, LONGEST_REQUEST)
        except (aiohttp.ClientError, OSError, Unavailable):
            raise unavailable() from None
        return _read(reply)

    async def get(self, service: Object, path: URL, limit: float, upstream: Upstream | None = None) -> Reply:
        """A whole answer within `limit` seconds, of `upstream` or else of any. Raises `Unavailable`, `OSError` or
        `aiohttp.ClientError`.
        """
        headers = CIMultiDict([*upstreams.identity_headers(ITSELF), ("Accept-Encoding", "identity")])
        timeout = aiohttp.ClientTimeout(limit, sock_connect=min(limit, upstreams.CONNECT_LIMIT))
        async with await self._open("GET", service, path, headers, timeout, upstream=upstream) as answer:
            return Reply(answer.status, await answer.read())

    def upstream(self, service: Object) -> Upstream:
        """A server behind an APIService. Raises `Unavailable`."""
        return upstreams.resolve(self._store, service["spec"]["service"])

    async def close(self) -> None:
        """End all connections."""
        if "session" in self.__dict__:
            await self.session.close()

    @cached_property
    def session(self) -> aiohttp.ClientSession:
        """Connections to servers behind the API."""
        return aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())

    async def _open(
        self,
        method: str,
        service: Object,
        path: URL,
        headers: CIMultiDict[str],
        timeout: aiohttp.ClientTimeout,
        body: aiohttp.StreamReader | None = None,
        upstream: Upstream | None = None,
    ) -> aiohttp.ClientResponse:
        spec, upstream = service["spec"], upstream or self.upstream(service)
        trust = upstreams.tls(
            spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify")), self._identity
        )
        origin = URL.build(scheme="https", host=await upstreams.address(upstream), port=upstream.port)
        return await self.session.request(
            method,
            URL(f"{origin}{path.raw_path_qs}", encoded=True),
            headers=headers,
            data=body,
            ssl=trust,
            server_hostname=upstream.name,
            allow_redirects=False,
            timeout=timeout,
        )


def is_available(service: Object) -> bool:
    """Whether the last check of an APIService succeeded."""
    listed = service.get("status", {}).get("conditions") or ()
    return any((item.get("type"), item.get("status")) == ("Available", "True") for item in listed)


def unavailable() -> StatusError:
    """503 while nobody answers for a group of the API."""
    return StatusError(503, "ServiceUnavailable", "the server is currently unable to handle the request")


def target(method: str, parts: list[str], query: Mapping[str, str]) -> Target:
    """What a request to another server is about, as far as the path tells; that is what authorization looks at."""
    kind = Kind(parts[1], parts[2], "", "", "", True)
    if len(parts) == 3:
        return Target("get", kind)
    namespace, plural, name, subresource = routing.resource_of(parts[3:])
    verb = routing.verb_of(method, name, subresource, query)
    return Target(verb, Kind(parts[1], parts[2], "", plural, "", True), namespace, name, subresource)


def _read(reply: Reply) -> Object:
    """The object in a reply; a server that knows no such path says so in its own way."""
    try:
        return answered(reply.status, reply.body)
    except StatusError as error:
        if error.code == 404 and not error.reason:
            raise routing.no_such_resource() from None
        raise
