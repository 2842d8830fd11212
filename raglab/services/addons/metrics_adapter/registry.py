"""What the adapter knows about: metrics found at the last relist, and the query for each.

Series are not looked up per request. A metric exists from the relist that first sees its series until one that does
not; requests in between are answered from what is known. When Prometheus cannot be asked, what was known stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from raglab.services.addons.metrics_adapter.prometheus import Prometheus, PrometheusError
from raglab.services.addons.metrics_adapter.resources import ROOT_SCOPED, GroupResource
from raglab.services.addons.metrics_adapter.rules import Rule

log = logging.getLogger("raglab.adapter")
Series = Mapping[str, str]
"""Label set of a series, its name as ``__name__``."""


class Metric(NamedTuple):
    """A custom metric: for which kind of object, whether in a namespace, and its name."""

    resource: GroupResource
    namespaced: bool
    name: str


@dataclass(frozen=True)
class Source:
    """Where a metric's values come from."""

    series: str
    rule: Rule


async def discover(
    prometheus: Prometheus, rules: Sequence[Rule], max_age: float
) -> list[tuple[Rule, list[Series]]]:
    """For each rule the series it takes; rules with the same query share one request. Raises `PrometheusError`."""
    queries = list(dict.fromkeys(rule.series_query for rule in rules))
    answers = await asyncio.gather(*(_series(prometheus, query, max_age) for query in queries))
    found = dict(zip(queries, answers, strict=True))
    return [
        (rule, [series for series in found[rule.series_query] if rule.takes(series.get("__name__", ""))])
        for rule in rules
    ]


def custom(found: Sequence[tuple[Rule, Sequence[Series]]]) -> dict[Metric, Source]:
    """Custom metrics of discovered series; of several rules that give the same metric, the last one wins."""
    metrics: dict[Metric, Source] = {}
    for rule, name, source, labels in _named(found):
        resources, namespaced = rule.labels.of_series(labels)
        for resource in resources:
            metrics[Metric(resource, namespaced and resource not in ROOT_SCOPED, name)] = source
    return metrics


def external(found: Sequence[tuple[Rule, Sequence[Series]]]) -> dict[str, Source]:
    """External metrics of discovered series, by name."""
    return {name: source for _, name, source, _ in _named(found)}


def _named(found: Sequence[tuple[Rule, Sequence[Series]]]) -> list[tuple[Rule, str, Source, list[str]]]:
    entries = []
    for rule, many in found:
        for series in many:
            labels = [label for label in series if label != "__name__"]
            try:
                name = rule.metric(series.get("__name__", ""))
            except LookupError as error:
                log.error("unable to name series %s, skipping: %s", dict(series), error)
                continue
            entries.append((rule, name, Source(series.get("__name__", ""), rule), labels))
    return entries


async def _series(prometheus: Prometheus, query: str, max_age: float) -> Sequence[Series]:
    try:
        return await prometheus.series(query, max_age)
    except PrometheusError as error:
        raise PrometheusError(f'unable to fetch metrics for query "{query}": {error}') from error
