"""The chart's six general rules: what each takes, how it names it, and what it asks Prometheus."""

from __future__ import annotations

import pytest
import yaml

from raglab.paths import CHECKOUT
from raglab.services.addons.metrics_adapter import registry
from raglab.services.addons.metrics_adapter.config import Config
from raglab.services.addons.metrics_adapter.resources import GroupResource
from raglab.services.addons.metrics_adapter.rules import Rule

from .world import CATALOGUE

CHART = CHECKOUT / "kubernetes-config" / "charts-pocket" / "prometheus-community" / "prometheus-adapter"
PODS = GroupResource("pods")


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    read = Config.model_validate({"rules": yaml.safe_load((CHART / "rules.yaml").read_text())})
    return [Rule.from_config(rule, CATALOGUE) for rule in read.rules]


def _taken(rules: list[Rule], name: str) -> list[int]:
    """Numbers of the rules that take a series; the first three ask for container series, the others for all others."""
    container = name.startswith("container_")
    return [number for number, rule in enumerate(rules, 1) if (number <= 3) == container and rule.takes(name)]


@pytest.mark.parametrize(
    ("series", "rule", "metric", "query"),
    [
        ("container_cpu_usage_seconds_total", 1, "cpu_usage",
         'sum(rate(container_cpu_usage_seconds_total{namespace="n",pod="p",container!="POD"}[5m])) by (pod)'),
        ("container_network_bytes_total", 2, "network_bytes",
         'sum(rate(container_network_bytes_total{namespace="n",pod="p",container!="POD"}[5m])) by (pod)'),
        ("container_memory_bytes", 3, "memory_bytes",
         'sum(container_memory_bytes{namespace="n",pod="p",container!="POD"}) by (pod)'),
        ("nemollm_inference_gpu_avg", 4, "nemollm_inference_gpu_avg",
         'sum(nemollm_inference_gpu_avg{namespace="n",pod="p"}) by (pod)'),
        ("http_requests_total", 5, "http_requests",
         'sum(rate(http_requests_total{namespace="n",pod="p"}[5m])) by (pod)'),
        ("process_cpu_seconds_total", 6, "process_cpu",
         'sum(rate(process_cpu_seconds_total{namespace="n",pod="p"}[5m])) by (pod)'),
    ],
)  # fmt: skip
def test_each_series_has_one_rule(rules, series, rule, metric, query):
    assert _taken(rules, series) == [rule]
    chosen = rules[rule - 1]
    assert chosen.metric(series) == metric
    assert chosen.query(series, PODS, "n", (), ["p"]) == query


def test_two_series_queries_are_enough(rules):
    assert len({rule.series_query for rule in rules}) == 2


def test_labels_that_are_no_kinds_give_no_metric(rules):
    """Why kubernetes_node, of the documented scrape job, never becomes a metric of nodes."""
    series = {
        "__name__": "x",
        "namespace": "rag",
        "kubernetes_node": "minikube",
        "gpu": "0",
        "exported_pod": "p",
    }
    metrics = registry.custom([(rules[3], [series])])
    assert {str(metric.resource) for metric in metrics} == {"namespaces"}


def test_a_sum_over_gpus_is_what_is_asked_for(rules):
    """The rule groups by pod only: two GPUs at 80 make 160 (contract of the default rules)."""
    assert (
        rules[3].query("gpu", PODS, "rag", (), ["a", "b"]) == 'sum(gpu{namespace="rag",pod=~"a|b"}) by (pod)'
    )
