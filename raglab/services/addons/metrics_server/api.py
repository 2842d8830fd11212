"""``metrics.k8s.io/v1beta1``: NodeMetrics and PodMetrics, one by one, as lists and as tables."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from raglab.services.addons.extension.answers import HEALTH, answer, api_group, ok, refusals
from raglab.services.addons.extension.cluster import NAMES_ONLY, Cluster, ClusterError
from raglab.services.addons.extension.errors import StatusError
from raglab.services.addons.metrics_server import tables
from raglab.services.addons.metrics_server.metrics import Metrics
from raglab.services.addons.metrics_server.storage import Storage

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
BASE = f"/apis/{GROUP}/{VERSION}"
SELECTORS = ("labelSelector", "fieldSelector")
Object = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Api:
    """Answers from `storage` about those objects of `cluster` that are asked for."""

    def __init__(self, storage: Storage, cluster: Cluster, *middlewares: Middleware) -> None:
        self._storage, self._cluster = storage, cluster
        self.app = web.Application(middlewares=[refusals, *middlewares])
        get = self.app.router.add_get
        for path in HEALTH:
            get(path, self._ready if path == "/readyz" else ok)
        get("/apis", _groups)
        get(f"/apis/{GROUP}", _group)
        get(BASE, _resources)
        for kind, path in (
            ("NodeMetrics", "nodes"),
            ("PodMetrics", "pods"),
            ("PodMetrics", "namespaces/{namespace}/pods"),
        ):
            get(f"{BASE}/{path}", self._list(kind))
            if path != "pods":
                get(f"{BASE}/{path}/{{name}}", self._one(kind))

    async def _ready(self, request: web.Request) -> web.Response:
        if self._storage.ready:
            return await ok(request)
        return web.Response(status=500, text="[-]metric-storage-ready failed: no metrics to serve\n")

    def _list(self, kind: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            query = {key: request.query[key] for key in SELECTORS if key in request.query}
            about = [item["metadata"] for item in (await self._objects(request.path, query))["items"]]
            about.sort(key=lambda meta: (meta.get("namespace", ""), meta["name"]))
            found = [item for item in map(self._metrics, about) if item.usages]
            if tables.wanted(request):
                return answer(tables.table(found, request))
            head = {"kind": f"{kind}List", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}}
            return answer(head | {"items": [item.object for item in found]})

        return handler

    def _one(self, kind: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            found = self._metrics((await self._objects(request.path, {}))["metadata"])
            if not found.usages:
                raise _not_found(kind.lower(), found.name)
            if tables.wanted(request):
                return answer(tables.table([found], request))
            return answer({"kind": kind, "apiVersion": f"{GROUP}/{VERSION}"} | found.object)

        return handler

    async def _objects(self, path: str, query: dict[str, str]) -> Object:
        """The metadata of what a path of this API is about."""
        try:
            return await self._cluster.get(path.replace(BASE, "/api/v1", 1), query, NAMES_ONLY)
        except ClusterError as error:
            raise _relayed(error) from error

    def _metrics(self, about: Object) -> Metrics:
        """What is known about an object; no usages where that is nothing."""
        if "namespace" in about:
            return Metrics(about, self._storage.pod((about["namespace"], about["name"])))
        usage = self._storage.node(about["name"])
        return Metrics(about, {} if usage is None else {"": usage})


def _not_found(resource: str, name: str) -> StatusError:
    details = {"name": name, "group": GROUP, "kind": resource}
    return StatusError(404, "NotFound", f'{resource}.{GROUP} "{name}" not found', details)


def _relayed(error: ClusterError) -> StatusError:
    """The API server's own refusal, such as of a selector or of a name that nobody has."""
    try:
        told = json.loads(error.body)
        return StatusError(told["code"], told.get("reason", ""), told["message"], told.get("details"))
    except (ValueError, KeyError, TypeError):
        return StatusError(500, "InternalError", f"Internal error occurred: {error}")


async def _groups(request: web.Request) -> web.Response:
    groups = [api_group(GROUP, (VERSION,))]
    return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


async def _group(request: web.Request) -> web.Response:
    return answer({"kind": "APIGroup", "apiVersion": "v1"} | api_group(GROUP, (VERSION,)))


async def _resources(request: web.Request) -> web.Response:
    told = {"singularName": "", "verbs": ["get", "list"]}
    listed = [
        {"name": name, "namespaced": name == "pods", "kind": kind} | told
        for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
    ]
    head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{VERSION}"}
    return answer(head | {"resources": listed})
