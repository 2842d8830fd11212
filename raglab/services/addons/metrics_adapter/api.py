"""The three APIs over HTTP: custom.metrics.k8s.io v1beta1 and v1beta2, external.metrics.k8s.io v1beta1.

Paths: ``…/namespaces/NS/RESOURCE/NAME/METRIC`` (NAME may be ``*``), ``…/RESOURCE/NAME/METRIC`` for objects without a
namespace, ``…/namespaces/NS/metrics/METRIC`` for namespaces themselves, and ``…/namespaces/NS/METRIC`` for external
ones. Everything only reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from raglab.services.addons.extension.answers import HEALTH, answer, api_group, ok, refusals
from raglab.services.addons.extension.errors import bad_request
from raglab.services.addons.metrics_adapter import selectors
from raglab.services.addons.metrics_adapter.provider import Provider, Value
from raglab.services.addons.metrics_adapter.resources import NAMESPACES, GroupResource
from raglab.services.addons.metrics_adapter.selectors import Requirement, SelectorError
from raglab.services.addons.metrics_adapter.values import quantity

CUSTOM, EXTERNAL = "custom.metrics.k8s.io", "external.metrics.k8s.io"
CUSTOM_VERSIONS = ("v1beta1", "v1beta2")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Routes and renders; `provider` knows the answers. An API without rules is absent, as in the original."""

    def __init__(self, provider: Provider, *middlewares: Middleware) -> None:
        self._provider = provider
        self.app = web.Application(middlewares=[refusals, *middlewares])
        for path in HEALTH:
            self.app.router.add_get(path, ok)
        self._groups: list[tuple[str, tuple[str, ...]]] = (
            [(CUSTOM, CUSTOM_VERSIONS)] if provider.rules else []
        )
        self._groups += [(EXTERNAL, ("v1beta1",))] if provider.external_rules else []
        self.app.router.add_get("/apis", self._all_groups)
        for group, versions in self._groups:
            self.app.router.add_get(f"/apis/{group}", self._group)
            for version in versions:
                self._add_version(f"/apis/{group}/{version}", group)

    def _add_version(self, base: str, group: str) -> None:
        get = self.app.router.add_get
        if group == EXTERNAL:
            get(base, self._external_list)
            get(f"{base}/namespaces/{{namespace}}/{{metric}}", self._external)
            return
        get(base, self._custom_list)
        get(f"{base}/namespaces/{{namespace}}/metrics/{{metric}}", self._of_namespace)
        get(f"{base}/namespaces/{{namespace}}/{{resource}}/{{name}}/{{metric}}", self._custom)
        get(f"{base}/{{resource}}/{{name}}/{{metric}}", self._custom)

    async def _all_groups(self, request: web.Request) -> web.Response:
        groups = [api_group(group, versions) for group, versions in self._groups]
        return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})

    async def _group(self, request: web.Request) -> web.Response:
        group = request.path.rpartition("/")[2]
        found = api_group(group, dict(self._groups)[group])
        return answer({"kind": "APIGroup", "apiVersion": "v1"} | found)

    async def _custom_list(self, request: web.Request) -> web.Response:
        known = sorted(self._provider.custom, key=lambda metric: (str(metric.resource), metric.name))
        entries = [(f"{m.resource}/{m.name}", m.namespaced, "MetricValueList") for m in known]
        return _resource_list(request, entries)

    async def _external_list(self, request: web.Request) -> web.Response:
        names = sorted(self._provider.external)
        return _resource_list(request, [(name, True, "ExternalMetricValueList") for name in names])

    async def _of_namespace(self, request: web.Request) -> web.Response:
        return await self._answer(request, NAMESPACES, "", request.match_info["namespace"])

    async def _custom(self, request: web.Request) -> web.Response:
        where = request.match_info
        resource = GroupResource.parse(where["resource"])
        return await self._answer(request, resource, where.get("namespace", ""), where["name"])

    async def _answer(
        self, request: web.Request, resource: GroupResource, namespace: str, name: str
    ) -> web.Response:
        metric, selector = request.match_info["metric"], _selector(request, "metricLabelSelector")
        if name == "*":
            _selector(request, "labelSelector")
            labels = request.query.get("labelSelector", "")
            values = await self._provider.of_selector(resource, namespace, labels, metric, selector)
        else:
            values = await self._provider.of_name(resource, namespace, name, metric, selector)
        version = request.path.split("/")[3]
        items = [_metric_value(version, metric, value, selector) for value in values]
        return _list(f"{CUSTOM}/{version}", "MetricValueList", items)

    async def _external(self, request: web.Request) -> web.Response:
        metric, namespace = request.match_info["metric"], request.match_info["namespace"]
        samples = await self._provider.of_external(namespace, metric, _selector(request, "labelSelector"))
        items = [
            {
                "metricName": metric,
                "metricLabels": sample.labels,
                "timestamp": _time(sample.timestamp),
                "value": quantity(sample.value),
            }
            for sample in samples
        ]
        return _list(f"{EXTERNAL}/v1beta1", "ExternalMetricValueList", items)


def _metric_value(version: str, metric: str, value: Value, selector: Sequence[Requirement]) -> dict[str, Any]:
    """One item; the versions differ in how the metric is named. The time is that of the request, as in the original."""
    described = {"kind": value.kind.kind} | ({"namespace": value.namespace} if value.namespace else {})
    described |= {"name": value.name, "apiVersion": value.kind.api_version}
    chosen = selectors.as_object(tuple(selector))
    stamp = {"timestamp": _time(datetime.now(UTC).timestamp()), "value": quantity(value.value)}
    if version == "v1beta1":
        return {"describedObject": described, "metricName": metric} | stamp | {"selector": chosen}
    return {"describedObject": described, "metric": {"name": metric, "selector": chosen}} | stamp


def _selector(request: web.Request, parameter: str) -> tuple[Requirement, ...]:
    try:
        return selectors.parse(request.query.get(parameter, ""))
    except SelectorError as error:
        raise bad_request(str(error)) from error


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(group_version: str, kind: str, items: list[dict[str, Any]]) -> web.Response:
    return answer({"kind": kind, "apiVersion": group_version, "metadata": {}, "items": items})


def _resource_list(request: web.Request, entries: list[tuple[str, bool, str]]) -> web.Response:
    group_version = request.path.removeprefix("/apis/").rstrip("/")
    resources = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get"]}
        for name, namespaced, kind in entries
    ]
    head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version}
    return answer(head | {"resources": resources})
