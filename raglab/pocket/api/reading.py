"""GET of any path, for callers in this process: what ``kubectl get --raw`` does over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from raglab.pocket.api import discovery, parameters, routing
from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.registry import Registry
from raglab.pocket.api.routing import Target
from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError


async def read(registry: Registry, aggregator: Aggregator, path: str, query: Mapping[str, str]) -> Object:
    """A discovery document, an object or a list, or what the server of an APIService answers.

    Raises `StatusError`: 404 where nothing is served, 405 for streams, 503 while a server does not answer.
    """
    parts = routing.segments(path)
    service = aggregator.find(parts)
    if service is not None:
        return await aggregator.fetch(service, path, query)
    try:
        document = discovery.document(registry.kinds, parts, aggregator.remotes())
        if document is not None:
            return document
        target = routing.parse("GET", parts, query, registry.kinds)
    except routing.PageNotFound:
        raise routing.no_such_resource() from None
    if target.subresource not in ("", "status", "scale") or target.verb not in ("get", "list"):
        raise StatusError(405, "MethodNotAllowed", f"{path} is a stream, which cannot be read at once")
    if target.verb == "get":
        return registry.get(target.kind, target.namespace, target.name, target.subresource)
    return _list(registry, target, query)


def _list(registry: Registry, target: Target, query: Mapping[str, str]) -> Object:
    wanted = parameters.listing(query, watch=False)
    page = registry.list(target.kind, target.namespace, labels=wanted.labels, fields=wanted.fields)
    head = {"kind": f"{target.kind.kind}List", "apiVersion": target.kind.api_version}
    return head | {"metadata": {"resourceVersion": page.resource_version}, "items": page.items}
