"""Reading the three metrics APIs of Kubernetes, all of which are served by others, if at all.

``metrics.k8s.io`` has the CPU and memory of pods, ``custom.metrics.k8s.io`` any number about an object of the cluster,
``external.metrics.k8s.io`` any other number. Values are in whole thousandths. What cannot be read raises
`MetricError` in the words of the real autoscaler.
"""

from __future__ import annotations

import re
from typing import NoReturn

from raglab.pocket import selectors
from raglab.pocket.client import Client, Object
from raglab.pocket.control.demand import MetricError, Sample
from raglab.pocket.control.mapping import resource_of
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds.quantity import milli
from raglab.pocket.objects import seconds

RESOURCE, CUSTOM, EXTERNAL = "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"
CUSTOM_VERSIONS = ("v1beta2", "v1beta1")
"""Versions of the custom metrics API that an autoscaler knows, the preferred one first."""
USUAL_WINDOW = 60
"""Seconds over which a custom metric was measured if it does not say."""
NOBODY = {
    404: "the server could not find the requested resource",
    503: "the server is currently unable to handle the request",
}
"""What a client says, by status code, when no server is behind a path that could say anything itself."""


class Metrics:
    """The metrics APIs as `client` sees them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def of_resource(
        self, resource: str, namespace: str, pods: str, container: str = ""
    ) -> dict[str, Sample]:
        """Use of ``cpu`` or ``memory`` by each pod that the selector `pods` chooses, or by one container of it."""
        path = f"/apis/{RESOURCE}/v1beta1/namespaces/{namespace}/pods"
        try:
            answer = await self._client.raw(path, {"labelSelector": pods})
        except StatusError as error:
            _unreadable("resource", error, f"pods.{RESOURCE}")
        items = _some(answer, "resource")
        used = {item["metadata"]["name"]: _used(item, resource, container) for item in items}
        return {name: sample for name, sample in used.items() if sample is not None}

    async def of_pods(
        self, metric: str, namespace: str, pods: str, selector: Object | None
    ) -> dict[str, Sample]:
        """A custom metric of each pod that the selector `pods` chooses."""
        query = {"labelSelector": pods} | _narrowed("metricLabelSelector", selector)
        items = await self._custom(f"namespaces/{namespace}/pods/*/{metric}", query)
        return {item["describedObject"]["name"]: _sample(item) for item in items}

    async def of_object(self, metric: str, namespace: str, about: Object, selector: Object | None) -> int:
        """A custom metric of one object; of the Namespace itself, whatever name is given."""
        if (about["kind"], about.get("apiVersion", "v1")) == ("Namespace", "v1"):
            place = f"namespaces/{namespace}/metrics"
        else:
            found = await resource_of(self._client, about.get("apiVersion", ""), about["kind"])
            place = f"namespaces/{namespace}/{found.qualified}/{about['name']}"
        query = _narrowed("metricLabelSelector", selector)
        items = await self._custom(f"{place}/{metric}", query)
        if len(items) != 1:
            text = (
                f"the custom metrics API server returned {len(items)} results when we asked for exactly one"
            )
            raise MetricError(f"unable to fetch metrics from custom metrics API: {text}")
        return milli(items[0]["value"])

    async def of_elsewhere(self, metric: str, namespace: str, selector: Object | None) -> int:
        """The sum of all values of an external metric."""
        path = f"/apis/{EXTERNAL}/v1beta1/namespaces/{namespace}/{metric}"
        try:
            answer = await self._client.raw(path, _narrowed("labelSelector", selector))
        except StatusError as error:
            _unreadable("external", error, f"{metric}.{EXTERNAL}")
        return sum(milli(item["value"]) for item in _some(answer, "external"))

    async def _custom(self, path: str, query: dict[str, str]) -> list[Object]:
        for version in await self._custom_versions():
            try:
                answer = await self._client.raw(f"/apis/{CUSTOM}/{version}/{path}", query)
            except StatusError as error:
                if error.code != 503:
                    _unreadable("custom", error)
            else:
                return _some(answer, "custom")
        text = "no known available metric versions found"
        raise MetricError(f"unable to fetch metrics from custom metrics API: {text}")

    async def _custom_versions(self) -> list[str]:
        """Versions that are registered and known; whether their server answers is another question."""
        try:
            group = await self._client.raw(f"/apis/{CUSTOM}")
        except StatusError as error:
            text = f"no custom metrics API ({CUSTOM}) registered" if error.code == 404 else str(error)
            raise MetricError(f"unable to fetch metrics from custom metrics API: {text}") from None
        served = {item["version"] for item in group["versions"]}
        return [version for version in CUSTOM_VERSIONS if version in served]


def _unreadable(api: str, error: StatusError, subject: str = "") -> NoReturn:
    text = str(error)
    if subject and (error.code == 503 or text == NOBODY.get(error.code)):
        text = f"{NOBODY[error.code]} (get {subject})"
    raise MetricError(f"unable to fetch metrics from {api} metrics API: {text}") from None


def _some(answer: Object, api: str) -> list[Object]:
    items: list[Object] = answer.get("items") or []
    if not items:
        raise MetricError(f"no metrics returned from {api} metrics API")
    return items


def _narrowed(parameter: str, selector: Object | None) -> dict[str, str]:
    text = selectors.to_text(selectors.from_object(selector or {}))
    return {parameter: text} if text else {}


def _used(item: Object, resource: str, container: str) -> Sample | None:
    """What a pod uses; None if one of its containers does not say."""
    containers = [part for part in item["containers"] if container in ("", part["name"])]
    if container and not containers:
        pod = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        text = f"container {container} not present in metrics for pod {pod}"
        raise MetricError(f"failed to get container metrics: {text}")
    amounts = [part["usage"].get(resource) for part in containers]
    if not amounts or None in amounts:
        return None
    return Sample(sum(map(milli, amounts)), seconds(item["timestamp"]), _duration(item["window"]))


def _sample(item: Object) -> Sample:
    window = item.get("windowSeconds")
    return Sample(
        milli(item["value"]), seconds(item["timestamp"]), USUAL_WINDOW if window is None else window
    )


def _duration(text: str) -> float:
    """Seconds of a Go duration such as ``1m30s`` or ``14.9s``."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
    return sum(
        float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|us|µs|ns|[hms])", text)
    )
