"""A Prometheus that answers what a test says and remembers what it was asked, and a cluster that knows a few pods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from aiohttp import web

from raglab.services.addons.extension.cluster import ClusterError
from raglab.services.addons.metrics_adapter.config import Config
from raglab.services.addons.metrics_adapter.resources import Catalogue, GroupResource, Kind

KINDS = [
    Kind(GroupResource("namespaces"), "v1", "namespace", "Namespace"),
    Kind(GroupResource("nodes"), "v1", "node", "Node"),
    Kind(GroupResource("persistentvolumes"), "v1", "persistentvolume", "PersistentVolume"),
    Kind(GroupResource("pods"), "v1", "pod", "Pod"),
    Kind(GroupResource("services"), "v1", "service", "Service"),
    Kind(GroupResource("deployments", "apps"), "v1", "deployment", "Deployment"),
    Kind(GroupResource("jobs", "batch"), "v1", "job", "Job"),
]
CATALOGUE = Catalogue(KINDS)


def config(text: str) -> Config:
    return Config.model_validate(yaml.safe_load(text))


@dataclass
class FakePrometheus:
    """`series` by series query, `results` by PromQL; `status` other than 200 breaks it."""

    series: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def queries(self) -> list[str]:
        return [parameters["query"] for path, parameters in self.asked if path.endswith("/query")]

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/prom/api/v1/{what}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query)))
        if self.status == 422:
            body = {"status": "error", "errorType": "execution", "error": "too many samples"}
            return web.json_response(body, status=422)
        if self.status != 200:
            return web.Response(text="bad gateway", status=self.status)
        if request.match_info["what"] == "series":
            data: Any = self.series.get(request.query["match[]"], [])
        else:
            data = self.results.get(request.query["query"], {"resultType": "vector", "result": []})
        return web.json_response({"status": "success", "data": data})


def vector(**values: str) -> dict[str, Any]:
    """An instant vector with label ``pod``."""
    result = [{"metric": {"pod": name}, "value": [1700000000, value]} for name, value in values.items()]
    return {"resultType": "vector", "result": result}


@dataclass
class FakeCluster:
    """Objects by ``RESOURCE NAMESPACE SELECTOR``."""

    objects: dict[str, list[str]]

    async def names(self, kind: Kind, namespace: str, selector: str) -> list[str]:
        key = f"{kind.resource} {namespace} {selector}".strip()
        if key not in self.objects:
            raise ClusterError("forbidden")
        return self.objects[key]
