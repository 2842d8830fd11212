"""``…/nodes/NAME/proxy/…``: pages of a node's kubelet, reached through the API (``kubectl get --raw``)."""

from __future__ import annotations

from aiohttp import web

from raglab.pocket.api import routing
from raglab.pocket.api.context import Call
from raglab.pocket.errors import not_implemented


async def page(call: Call) -> web.Response:
    """What the kubelet of the node answers to a GET; who may see it is decided as for any other subresource."""
    target, server = call.target, call.server
    server.registry.get(target.kind, "", target.name)
    if server.streams is None:
        raise not_implemented("this API server runs without a node, so there is no kubelet to ask")
    parts = routing.segments(call.request.raw_path.partition("?")[0])
    found = await server.streams.page(target.name, "/".join(parts[5:]))  # api, v1, nodes, NAME, proxy
    if found is None:
        raise routing.PageNotFound
    return web.Response(text=found.text, headers={"Content-Type": found.content_type})
