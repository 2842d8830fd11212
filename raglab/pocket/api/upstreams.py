"""Where the server of an APIService listens, and how to speak to it: over TLS, in the name of whoever asked.

A request is sent to an endpoint of the Service, not to its ClusterIP, so that what does not answer can be told
precisely. Headers name the user (``X-Remote-*``), and a client certificate of the cluster's authority with the name
``front-proxy-client`` proves that the API server wrote them (Kubernetes documentation, "Configure the aggregation
layer").
"""

from __future__ import annotations

import asyncio
import base64
import random
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import aiohttp

from raglab.pocket.api.auth import User
from raglab.pocket.client import Object
from raglab.pocket.store import Store

CONNECT_LIMIT = 5.0
"""Seconds."""
SERVICE_NAME = "kubernetes.io/service-name"


class Unavailable(Exception):
    """Why an APIService has nobody behind it: a CamelCase `reason` and a message for its condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Upstream:
    """One server: address, and the name in its certificate."""

    host: str
    port: int
    name: str

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"


def resolve(store: Store, reference: Object) -> Upstream:
    """An endpoint of the Service that an APIService names, chosen by chance. Raises `Unavailable`."""
    name, namespace, port = reference["name"], reference["namespace"], reference["port"]
    record = store.get("/services", namespace, name)
    if record is None:
        raise Unavailable("ServiceNotFound", f'service/{name} in "{namespace}" is not present')
    spec = record.object["spec"]
    inside = f"{name}.{namespace}.svc"
    if spec.get("type") == "ExternalName":
        return Upstream(spec["externalName"], port, inside)
    named = next((item.get("name", "") for item in spec.get("ports", ()) if item["port"] == port), None)
    if named is None:
        text = f'service/{name} in "{namespace}" is not listening on port {port}'
        raise Unavailable("ServicePortError", text)
    host, number = random.choice(endpoints(store, namespace, name, named))
    return Upstream(host, number, inside)


def endpoints(store: Store, namespace: str, name: str, port: str) -> list[tuple[str, int]]:
    """Addresses of a Service's ready endpoints for the port of that name, at least one. Raises `Unavailable`."""
    slices = [
        record.object
        for record in store.records("discovery.k8s.io/endpointslices", namespace)
        if record.object["metadata"].get("labels", {}).get(SERVICE_NAME) == name
    ]
    if not slices:
        text = f'cannot find endpointslices for service/{name} in "{namespace}"'
        raise Unavailable("EndpointsNotFound", text)
    found = [endpoint for slice in slices for endpoint in _ready(slice, port)]
    if not found:
        text = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "{port}"'
        raise Unavailable("MissingEndpoints", text)
    return found


def _ready(slice: Object, port: str) -> Iterator[tuple[str, int]]:
    numbers = [item["port"] for item in slice.get("ports") or () if item.get("name", "") == port]
    for endpoint in slice.get("endpoints") or ():
        if endpoint.get("conditions", {}).get("ready") is not False:
            yield from ((address, number) for address in endpoint["addresses"] for number in numbers)


async def address(upstream: Upstream) -> str:
    """The upstream's IP address; an `OSError` if its name has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(upstream.host, upstream.port, family=socket.AF_INET)
    return str(found[0][4][0])


@lru_cache(maxsize=32)
def tls(authority: str, insecure: bool, identity: Path | None) -> ssl.SSLContext:
    """How to trust a server: `authority` is its ``caBundle`` (base64), the system's authorities if empty.

    `identity` is the path of a client certificate without its suffix; ``.crt`` and ``.key`` stand beside each other.
    """
    pem = base64.b64decode(authority).decode("ascii") if authority else None
    context = ssl.create_default_context(cadata=pem)
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(f"{identity}.crt", f"{identity}.key")
    return context


def identity_headers(user: User) -> list[tuple[str, str]]:
    """Who asks, as a server behind the API reads it."""
    groups = [("X-Remote-Group", group) for group in user.groups]
    uid = [("X-Remote-Uid", user.uid)] if user.uid else []
    extra = [(f"X-Remote-Extra-{key}", value) for key, values in user.extra.items() for value in values]
    safe = [(name.replace("/", "%2F"), value) for name, value in extra]
    return [("X-Remote-User", user.name), *uid, *groups, *safe]


async def explain(error: BaseException, url: str, upstream: Upstream) -> str:
    """Why a GET of `url` failed, in Go's words."""
    return f'Get "{url}": {await cause(error, upstream)}'


async def cause(error: BaseException, upstream: Upstream) -> str:
    """Why a connection failed, in Go's words."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"tls: failed to verify certificate: x509: {error.certificate_error}"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            where = await address(upstream)
            return f"dial tcp {where}:{upstream.port}: connect: connection refused"
        case socket.gaierror():
            return f"dial tcp: lookup {upstream.host}: no such host"
        case TimeoutError():
            return "context deadline exceeded"
    return str(error) or type(error).__name__
