"""The metrics APIs over HTTP: paths, shapes, queries, and what is said when something fails."""

from __future__ import annotations

import pytest

from .world import vector

ALL = '{namespace!=""}'
RULES = f"""
rules:
- seriesQuery: '{ALL}'
  seriesFilters: [{{isNot: .*_total$}}]
  resources: {{template: <<.Resource>>}}
  metricsQuery: sum(<<.Series>>{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)
- seriesQuery: '{ALL}'
  resources: {{template: <<.Resource>>}}
  name: {{matches: '^(.*)_total$'}}
  metricsQuery: sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[5m])) by (<<.GroupBy>>)
"""
EXTERNAL = """
externalRules:
- seriesQuery: queue
  resources: {overrides: {namespace: {resource: namespace}}}
  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (queue)
- seriesQuery: hosts
  resources: {namespaced: false}
  metricsQuery: count(<<.Series>>)
"""
SERIES = [
    {"__name__": "gpu", "namespace": "rag", "pod": "nim-0"},
    {"__name__": "http_requests_total", "namespace": "rag", "pod": "nim-0", "job": "nim"},
    {"__name__": "quota", "namespace": "rag"},
    {"__name__": "load", "namespace": "rag", "node": "minikube"},
]
V1, V2 = "/apis/custom.metrics.k8s.io/v1beta1", "/apis/custom.metrics.k8s.io/v1beta2"
X1 = "/apis/external.metrics.k8s.io/v1beta1"
TWO = 'sum(gpu{namespace="rag",pod=~"nim-0|nim-1"}) by (pod)'


@pytest.fixture
async def client(adapter, prometheus, cluster):
    prometheus.series[ALL] = SERIES
    cluster.objects["pods rag app=nim"] = ["nim-0", "nim-1"]
    cluster.objects["pods rag app=gone"] = []
    return await adapter(RULES)


async def get(client, path: str, status: int = 200):
    async with client.get(path) as answer:
        body = await answer.json()
        assert answer.status == status, body
        return body


async def test_discovery_lists_every_kind_of_every_metric(client):
    body = await get(client, V1)
    assert (body["kind"], body["groupVersion"]) == ("APIResourceList", "custom.metrics.k8s.io/v1beta1")
    assert body["resources"][0] == {
        "name": "jobs.batch/http_requests",
        "singularName": "",
        "namespaced": True,
        "kind": "MetricValueList",
        "verbs": ["get"],
    }
    assert {(entry["name"], entry["namespaced"]) for entry in body["resources"]} == {
        ("jobs.batch/http_requests", True),
        ("namespaces/gpu", False),
        ("namespaces/http_requests", False),
        ("namespaces/load", False),
        ("namespaces/quota", False),
        ("nodes/load", False),
        ("pods/gpu", True),
        ("pods/http_requests", True),
    }
    assert (await get(client, V2))["resources"] == body["resources"]


async def test_groups(client):
    group = await get(client, "/apis/custom.metrics.k8s.io")
    assert [entry["version"] for entry in group["versions"]] == ["v1beta1", "v1beta2"]
    assert [entry["name"] for entry in (await get(client, "/apis"))["groups"]] == ["custom.metrics.k8s.io"]


async def test_pods_by_selector_as_the_autoscaler_asks(client, prometheus):
    prometheus.results[TWO] = vector(**{"nim-0": "37.5", "nim-1": "45"})
    body = await get(client, f"{V2}/namespaces/rag/pods/%2A/gpu?labelSelector=app%3Dnim")
    stamp = body["items"][0].pop("timestamp")
    assert stamp.endswith("Z") and "T" in stamp
    assert (body["kind"], body["apiVersion"]) == ("MetricValueList", "custom.metrics.k8s.io/v1beta2")
    assert body["items"][0] == {
        "describedObject": {"kind": "Pod", "namespace": "rag", "name": "nim-0", "apiVersion": "/v1"},
        "metric": {"name": "gpu", "selector": None},
        "value": "37500m",
    }
    assert body["items"][1]["value"] == "45"
    assert prometheus.queries == [TWO]


async def test_the_older_version_names_the_metric_flatly(client, prometheus):
    prometheus.results['sum(gpu{namespace="rag",pod="nim-0"}) by (pod)'] = vector(**{"nim-0": "30"})
    (item,) = (await get(client, f"{V1}/namespaces/rag/pods/nim-0/gpu"))["items"]
    assert list(item) == ["describedObject", "metricName", "timestamp", "value", "selector"]
    assert (item["metricName"], item["selector"]) == ("gpu", None)


async def test_pods_without_a_value_are_left_out_and_nan_is_nothing(client, prometheus):
    prometheus.results[TWO] = vector(**{"nim-1": "NaN", "stranger": "5"})
    body = await get(client, f"{V1}/namespaces/rag/pods/*/gpu?labelSelector=app=nim")
    assert [(item["describedObject"]["name"], item["value"]) for item in body["items"]] == [("nim-1", "0")]


async def test_a_metric_selector_narrows_the_series(client, prometheus):
    query = 'sum(gpu{gpu="0",namespace="rag",pod="nim-0"}) by (pod)'
    prometheus.results[query] = vector(**{"nim-0": "7"})
    (item,) = (await get(client, f"{V2}/namespaces/rag/pods/nim-0/gpu?metricLabelSelector=gpu%3D0"))["items"]
    assert item["metric"]["selector"] == {"matchLabels": {"gpu": "0"}}


async def test_counters_are_rates(client, prometheus):
    query = 'sum(rate(http_requests_total{namespace="rag",pod="nim-0"}[5m])) by (pod)'
    prometheus.results[query] = vector(**{"nim-0": "0.1"})
    assert (await get(client, f"{V1}/namespaces/rag/pods/nim-0/http_requests"))["items"][0]["value"] == "100m"


async def test_metrics_of_namespaces_and_of_nodes(client, prometheus):
    def one(**labels: str):
        return {"resultType": "vector", "result": [{"metric": labels, "value": [1, "2000"]}]}

    prometheus.results['sum(quota{namespace="rag"}) by (namespace)'] = one(namespace="rag")
    prometheus.results['sum(load{node="minikube"}) by (node)'] = one(node="minikube")
    (item,) = (await get(client, f"{V1}/namespaces/rag/metrics/quota"))["items"]
    assert item["describedObject"] == {"kind": "Namespace", "name": "rag", "apiVersion": "/v1"}
    (item,) = (await get(client, f"{V1}/nodes/minikube/load"))["items"]
    assert (item["describedObject"]["kind"], item["value"]) == ("Node", "2k")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("namespaces/rag/pods/*/nothing?labelSelector=app=nim", "nothing for pods"),
        ("namespaces/rag/pods/*/gpu?labelSelector=app=gone", "gpu for pods"),
        ("namespaces/rag/pods/nim-7/gpu", "gpu for pods nim-7"),
        ("namespaces/rag/blurbs/b/gpu", "gpu for blurbs"),
        ("namespaces/rag/services/s/gpu", "gpu for services"),
        ("nodes/minikube/gpu", "gpu for nodes"),
        ("namespaces/rag/pods/nim-0/http_requests_total",
         "http_requests_total for pods"),
        ("namespaces/rag/pods/nim-0/gpu?metricLabelSelector=a%3E1", "gpu for pods"),
    ],
)  # fmt: skip
async def test_what_is_not_there(client, path, what):
    body = await get(client, f"{V1}/{path}", 404)
    assert body["message"] == f"the server could not find the metric {what}"
    assert (body["kind"], body["reason"], body["code"]) == ("Status", "NotFound", 404)


@pytest.mark.parametrize("status", [422, 502])
async def test_when_prometheus_fails_the_client_is_not_told_why(client, prometheus, status, caplog):
    prometheus.status = status
    body = await get(client, f"{V1}/namespaces/rag/pods/*/gpu?labelSelector=app=nim", 500)
    assert body["message"] == "Internal error occurred: unable to fetch metrics"
    assert body["details"] == {"causes": [{"message": "unable to fetch metrics"}]}
    why = "too many samples" if status == 422 else "unknown response code 502"
    assert why in caplog.text


async def test_when_the_cluster_fails(client, caplog):
    body = await get(client, f"{V1}/namespaces/other/pods/*/gpu?labelSelector=app=nim", 500)
    assert body["message"] == "Internal error occurred: unable to list matching resources"
    assert "forbidden" in caplog.text


async def test_a_selector_that_cannot_be_read(client):
    body = await get(client, f"{V1}/namespaces/rag/pods/*/gpu?labelSelector=a=b=c", 400)
    assert "unable to parse requirement" in body["message"]


async def test_a_query_that_is_no_vector(client, prometheus):
    prometheus.results[TWO] = {"resultType": "scalar", "result": [1, "3"]}
    await get(client, f"{V1}/namespaces/rag/pods/*/gpu?labelSelector=app=nim", 500)


async def test_new_series_appear_at_the_next_relist_only(client, prometheus):
    prometheus.series[ALL] = [*SERIES, {"__name__": "late", "namespace": "rag", "pod": "nim-0"}]
    prometheus.results['sum(late{namespace="rag",pod="nim-0"}) by (pod)'] = vector(**{"nim-0": "1"})
    await get(client, f"{V1}/namespaces/rag/pods/nim-0/late", 404)
    await client.provider.relist()
    await get(client, f"{V1}/namespaces/rag/pods/nim-0/late")


async def test_a_relist_that_fails_keeps_what_was_known(client, prometheus, caplog):
    prometheus.status = 502
    await client.provider.relist()
    assert "unable to update list of all metrics: unable to fetch metrics for query" in caplog.text
    prometheus.status, prometheus.results = 200, {TWO: vector(**{"nim-0": "1"})}
    await get(client, f"{V1}/namespaces/rag/pods/*/gpu?labelSelector=app=nim")


async def test_rules_with_the_same_query_ask_once_and_only_for_recent_series(client, prometheus):
    asked = [parameters for path, parameters in prometheus.asked if path.endswith("/series")]
    assert [parameters["match[]"] for parameters in asked] == [ALL]
    assert float(asked[0]["start"]) > 1.7e9


async def test_two_series_per_pod_are_not_added_up_unless_the_rule_does(adapter, prometheus):
    """The sums of the default rules are PromQL; a rule without one silently keeps one series."""
    prometheus.series["gpu"] = [SERIES[0]]
    prometheus.results["gpu"] = {
        "resultType": "vector",
        "result": [{"metric": {"pod": "nim-0", "gpu": gpu}, "value": [1, "80"]} for gpu in "01"],
    }
    rule = "{seriesQuery: gpu, resources: {template: <<.Resource>>}, metricsQuery: <<.Series>>}"
    client = await adapter(f"rules: [{rule}]")
    (item,) = (await get(client, f"{V1}/namespaces/rag/pods/nim-0/gpu"))["items"]
    assert item["value"] == "80"


async def test_external_metrics(adapter, prometheus):
    prometheus.series["queue"] = [{"__name__": "queue", "namespace": "rag", "queue": "in"}]
    prometheus.series["hosts"] = [{"__name__": "hosts"}]
    prometheus.results['sum(queue{queue="in",namespace="rag"}) by (queue)'] = {
        "resultType": "vector",
        "result": [{"metric": {"queue": "in"}, "value": [1700000000, "12.5"]}],
    }
    prometheus.results["count(hosts)"] = {"resultType": "scalar", "result": [1700000000, "3"]}
    client = await adapter(EXTERNAL)
    assert [entry["name"] for entry in (await get(client, X1))["resources"]] == ["hosts", "queue"]
    body = await get(client, f"{X1}/namespaces/rag/queue?labelSelector=queue%3Din")
    assert body["items"] == [
        {
            "metricName": "queue",
            "metricLabels": {"queue": "in"},
            "timestamp": "2023-11-14T22:13:20Z",
            "value": "12500m",
        }
    ]
    (item,) = (await get(client, f"{X1}/namespaces/rag/hosts"))["items"]
    assert (item["value"], item["metricLabels"]) == ("3", None)
    missing = await get(client, f"{X1}/namespaces/default/nothing", 404)
    assert missing["message"] == "the server could not find the metric nothing for namespaces"
    async with client.get(V1) as answer:  # no rules, no custom metrics
        assert (answer.status, await answer.text()) == (404, "404 page not found\n")


async def test_health_and_unknown_paths(client):
    async with client.get("/healthz") as answer:
        assert await answer.text() == "ok"
    async with client.get(X1) as answer:
        assert answer.status == 404
