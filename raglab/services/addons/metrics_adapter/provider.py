"""Answers to the questions of the metrics APIs, from Prometheus and the Kubernetes API."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from raglab.services.addons.extension.cluster import ClusterError
from raglab.services.addons.metrics_adapter import registry
from raglab.services.addons.metrics_adapter.cluster import Cluster
from raglab.services.addons.metrics_adapter.errors import internal, not_found
from raglab.services.addons.metrics_adapter.prometheus import Prometheus, PrometheusError, Result, Sample
from raglab.services.addons.metrics_adapter.registry import Metric, Source
from raglab.services.addons.metrics_adapter.resources import Catalogue, GroupResource, Kind
from raglab.services.addons.metrics_adapter.rules import Rule
from raglab.services.addons.metrics_adapter.selectors import Requirement, SelectorError

log = logging.getLogger("raglab.adapter")
_NAMESPACE_OF_ROOT = "default"


@dataclass(frozen=True)
class Value:
    """One object's value of a custom metric."""

    kind: Kind
    namespace: str
    name: str
    value: float


@dataclass
class Provider:
    """The adapter's state: its rules, and the metrics known since the last relist."""

    prometheus: Prometheus
    cluster: Cluster
    catalogue: Catalogue
    rules: Sequence[Rule]
    external_rules: Sequence[Rule]
    max_age: float
    custom: dict[Metric, Source] = field(default_factory=dict)
    external: dict[str, Source] = field(default_factory=dict)

    async def relist(self) -> None:
        """Look once which series there are; if Prometheus cannot be asked, keep what is known and log it."""
        try:
            self.custom = registry.custom(await registry.discover(self.prometheus, self.rules, self.max_age))
            self.external = registry.external(
                await registry.discover(self.prometheus, self.external_rules, self.max_age)
            )
        except PrometheusError as error:
            log.error("unable to update list of all metrics: %s", error)

    async def relist_every(self, seconds: float) -> None:
        """Relist now and then again and again."""
        while True:
            await self.relist()
            await asyncio.sleep(seconds)

    async def of_name(
        self, resource: GroupResource, namespace: str, name: str, metric: str, selector: Sequence[Requirement]
    ) -> list[Value]:
        """The value of one object by its name; 404 if it has none."""
        kind, source = self._source(resource, namespace, metric)
        values = await self._values(source, kind, namespace, metric, selector, [name])
        if name not in values:
            raise not_found(resource, metric, name)
        return [Value(kind, namespace, name, values[name])]

    async def of_selector(
        self,
        resource: GroupResource,
        namespace: str,
        labels: str,
        metric: str,
        selector: Sequence[Requirement],
    ) -> list[Value]:
        """The values of all objects that a label selector chooses; objects without a value are left out."""
        names = await self._names(resource, namespace, labels)
        if not names:
            log.error("no resource names requested while producing a query for metric %s", metric)
            raise not_found(resource, metric)
        kind, source = self._source(resource, namespace, metric)
        values = await self._values(source, kind, namespace, metric, selector, names)
        return [Value(kind, namespace, name, values[name]) for name in names if name in values]

    async def of_external(
        self, namespace: str, metric: str, selector: Sequence[Requirement]
    ) -> Sequence[Sample]:
        """The series of an external metric."""
        if metric not in self.external:
            raise not_found("namespaces" if namespace == _NAMESPACE_OF_ROOT else "", metric)
        source = self.external[metric]
        try:
            query = source.rule.external_query(source.series, namespace, selector)
        except (LookupError, SelectorError) as error:
            log.error("unable to generate a query for the metric: %s", error)
            raise internal("unable to fetch metrics") from error
        result = await self._ask(query)
        if result.type not in ("vector", "scalar"):
            raise internal("encountered an unexpected query result type")
        return result.samples

    def _source(self, resource: GroupResource, namespace: str, metric: str) -> tuple[Kind, Source]:
        kind = self.catalogue.find(resource)
        source = self.custom.get(Metric(kind.resource, bool(namespace), metric)) if kind else None
        if kind is None or source is None:
            raise not_found(resource, metric)
        return kind, source

    async def _names(self, resource: GroupResource, namespace: str, labels: str) -> list[str]:
        kind = self.catalogue.find(resource)
        try:
            if kind is None:
                raise ClusterError(f"the cluster has no resource {resource}")
            return await self.cluster.names(kind, namespace, labels)
        except ClusterError as error:
            log.error("unable to list matching resource names: %s", error)
            raise internal("unable to list matching resources") from error

    async def _values(
        self,
        source: Source,
        kind: Kind,
        namespace: str,
        metric: str,
        selector: Sequence[Requirement],
        names: Sequence[str],
    ) -> dict[str, float]:
        """Value by object name. A query that leaves several series per object loses all but one, as in the original:
        the sum belongs into the rule.
        """
        try:
            label = source.rule.labels.label_for(kind.resource)
            query = source.rule.query(source.series, kind.resource, namespace, selector, names)
        except (LookupError, SelectorError) as error:
            log.error("unable to construct query for metric %s: %s", metric, error)
            raise not_found(kind.resource, metric) from error
        result = await self._ask(query)
        if result.type != "vector":
            log.error("unexpected results from prometheus: expected vector, got %s", result.type)
            raise internal("unable to fetch metrics")
        return {
            (sample.labels or {}).get(label, ""): 0.0 if math.isnan(sample.value) else sample.value
            for sample in result.samples
        }

    async def _ask(self, query: str) -> Result:
        try:
            return await self.prometheus.query(query)
        except PrometheusError as error:
            log.error("unable to fetch metrics from prometheus: %s", error)
            raise internal("unable to fetch metrics") from error
