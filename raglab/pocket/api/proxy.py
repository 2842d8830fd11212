"""``…/pods/NAME/proxy/…`` and ``…/services/NAME/proxy/…``: web pages in the cluster, through the API server.

Source: Kubernetes documentation, "Access Services Running on Clusters". NAME is ``[SCHEME:]NAME[:PORT]``; a Service's
port goes by number or name, a pod's is the first it declares if none is given.
"""

from __future__ import annotations

import ipaddress
import random

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from raglab.pocket.api import links, relay, upstreams
from raglab.pocket.api.context import Call
from raglab.pocket.api.upstreams import Unavailable, Upstream
from raglab.pocket.errors import StatusError, bad_request, not_implemented

SEGMENTS = 8
"""Of a path, up to and with ``proxy``: nothing, api, v1, namespaces, NAMESPACE, plural, NAME, proxy."""


async def serve(call: Call) -> web.StreamResponse:
    """Send the request on to a pod, and its answer back."""
    request = call.request
    path, mark, query = request.raw_path.partition("?")
    *head, rest = [*path.split("/", SEGMENTS), ""][: SEGMENTS + 1]
    if path.count("/") < SEGMENTS and request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
        return web.Response(status=301, headers={"Location": f"{path}/{mark}{query}"})
    if hdrs.UPGRADE in request.headers:
        raise not_implemented(
            "an upgrade of the connection through the proxy is not part of the pocket cluster"
        )
    scheme, upstream = _find(call)
    url = URL(f"{scheme}://{upstream.host}:{upstream.port}/{rest}{mark}{query}", encoded=True)
    try:
        answer = await _open(call, url)
    except (aiohttp.ClientError, OSError) as error:
        why = await upstreams.cause(error, upstream)
        raise _unavailable(f"error trying to reach service: {why}") from None
    async with answer:
        return await _pass_back(request, answer, "/".join(head))


async def _open(call: Call, url: URL) -> aiohttp.ClientResponse:
    """The server's answer, as far as its headers; its certificate is not checked, as on a real cluster."""
    request = call.request
    headers = relay.passed_on(request)
    headers[hdrs.ACCEPT_ENCODING] = "identity"
    headers["X-Forwarded-Uri"] = request.raw_path.partition("?")[0]
    return await call.server.aggregator.session.request(
        request.method,
        url,
        headers=headers,
        data=request.content if request.can_read_body else None,
        ssl=False,
        allow_redirects=False,
        timeout=aiohttp.ClientTimeout(None, sock_connect=upstreams.CONNECT_LIMIT),
    )


async def _pass_back(request: web.Request, answer: aiohttp.ClientResponse, prefix: str) -> web.StreamResponse:
    changed: dict[str, str] = {}
    if where := answer.headers.get(hdrs.LOCATION):
        changed[hdrs.LOCATION] = links.moved(where, answer.url, prefix)
    is_page = answer.content_type == "text/html" and request.method != hdrs.METH_HEAD
    body = links.page(answer, prefix) if is_page else None
    return await relay.pass_back(request, answer, changed, body)


def _find(call: Call) -> tuple[str, Upstream]:
    """Scheme and address of what the path names."""
    target = call.target
    match target.name.split(":"):
        case [name]:
            scheme, port = "", ""
        case [name, port]:
            scheme = ""
        case [scheme, name, port]:
            pass
        case _:
            scheme, name, port = "none", "", ""
    if not name or scheme not in ("", "http", "https"):
        raise bad_request(f'invalid {target.kind.singular} request "{target.name}"')
    obj = call.server.registry.get(target.kind, target.namespace, name)
    find = _pod if target.kind.plural == "pods" else _service
    host, number = find(call, obj, port)
    return scheme or "http", Upstream(host, number, name)


def _pod(call: Call, pod: dict, port: str) -> tuple[str, int]:
    declared = [
        item["containerPort"] for entry in pod["spec"]["containers"] for item in entry.get("ports") or ()
    ]
    port = port or str(next(iter(declared), 80))
    host = pod.get("status", {}).get("podIP", "")
    if not host or not ipaddress.ip_address(host).is_loopback:
        raise bad_request("address not allowed")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise _unavailable(f"error trying to reach service: dial tcp: lookup tcp/{port}: unknown port")
    return host, int(port)


def _service(call: Call, service: dict, port: str) -> tuple[str, int]:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    if port.isascii() and port.isdigit():
        named = [
            item.get("name", "") for item in service["spec"].get("ports") or () if str(item["port"]) == port
        ]
        if not named:
            raise _unavailable(f'no service port {port} found for service "{name}"')
        port = named[0]
    try:
        return random.choice(upstreams.endpoints(call.server.registry.store, namespace, name, port))
    except Unavailable as error:
        subject = name if error.reason == "EndpointsNotFound" else call.target.name
        raise _unavailable(f'no endpoints available for service "{subject}"') from None


def _unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)
