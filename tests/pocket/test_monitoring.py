"""The monitoring stack as the lessons install it: chart, operator, and the real Prometheus that finds its targets."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from raglab import paths
from raglab.services.prometheus import install
from tests.pocket import conftest
from tests.pocket.conftest import Cluster

pytestmark = pytest.mark.pocket
LIMIT = 60.0
STACK = "kube-prometheus-stack"
MONITORING = "monitoring.coreos.com/v1"
METRICS = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'busy{pod="workload"} 42\\n')
    def log_message(self, *args):
        pass

HTTPServer((os.environ["POD_IP"], 8000), Page).serve_forever()
"""


@pytest.fixture(scope="module", params=["plain", "bubblewrap"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the lab's images besides those of the tests, and the stack installed."""
    programs = install.prepare(install.place(paths.home()), lambda text, share: None)
    with conftest.lab(tmp_path_factory.mktemp("monitoring"), request.param, prometheus=programs) as running:
        installed(running)
        yield running


def installed(lab: Cluster) -> None:
    """The commands of the lesson, with shorter intervals."""
    lab.helm("repo", "add", "prometheus-community", "pocket://prometheus-community")
    upgrade(lab, "--version", "56.8", "--create-namespace")
    name = f"prometheus-{STACK}-prometheus"
    lab.kubectl("wait", "--for=create", f"statefulset/{name}", "-n", "prometheus", "--timeout=60s")
    lab.kubectl("rollout", "status", f"statefulset/{name}", "-n", "prometheus", "--timeout=60s")


def upgrade(lab: Cluster, *flags: str) -> None:
    values = {
        "prometheus.service.type": "NodePort",
        "prometheus.prometheusSpec.scrapeInterval": "1s",
        "prometheus.prometheusSpec.evaluationInterval": "1s",
    }
    options = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    chart = f"prometheus-community/{STACK}"
    lab.helm("upgrade", "--install", STACK, chart, "-n", "prometheus", *options, *flags)


def custom(kind: str, name: str, spec: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": MONITORING,
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def monitor(name: str, *, honor: bool = False, **labels: str) -> dict[str, Any]:
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "endpoints": [{"port": "metrics", "honorLabels": honor}],
    }
    return custom("ServiceMonitor", name, spec, **labels)


def rule(name: str, expression: str) -> dict[str, Any]:
    rules = [{"record": name.replace("-", "_"), "expr": expression}]
    return custom("PrometheusRule", name, {"groups": [{"name": name, "rules": rules}]}, release=STACK)


def workload() -> list[dict[str, Any]]:
    """A pod with metrics and its Service."""
    container = {"name": "c", "image": "example.com/wait:1", "command": ["python", "-c", METRICS]}
    container["ports"] = [{"name": "metrics", "containerPort": 8000}]
    container["readinessProbe"] = {"tcpSocket": {"port": "metrics"}, "periodSeconds": 1}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    labels = {"app": "web"}
    ports = [{"name": "metrics", "port": 80, "targetPort": "metrics"}]
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": labels}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "labels": labels},
            "spec": {"selector": labels, "ports": ports},
        },
    ]


def test_what_carries_the_release_label_is_scraped_and_what_lacks_it_is_not(lab: Cluster) -> None:
    lab.kubectl("create", "namespace", "app")
    lab.apply(*workload(), monitor("forgotten"), namespace="app")
    lab.apply(monitor("chosen", release=STACK), rule("busy-doubled", "2 * busy"), namespace="app")
    (found,) = until(lambda: query(lab, 'up{service="web"} == 1'))
    metric = found["metric"]
    assert metric.pop("instance").endswith(":8000")
    assert metric == {
        "__name__": "up",
        "container": "c",
        "endpoint": "metrics",
        "job": "web",
        "namespace": "app",
        "pod": "web",
        "service": "web",
    }
    (recorded,) = until(lambda: query(lab, "busy_doubled"))
    assert recorded["value"][1] == "84"
    assert (recorded["metric"]["pod"], recorded["metric"]["exported_pod"]) == ("web", "workload")
    assert jobs(lab, "app") == ["serviceMonitor/app/chosen/0"], "unlabelled means unseen"
    lab.kubectl("delete", "servicemonitor", "chosen", "-n", "app")
    lab.apply(monitor("forgotten", honor=True, release=STACK), namespace="app")
    (honoured,) = until(lambda: query(lab, 'busy{pod="workload"}'))
    assert "exported_pod" not in honoured["metric"]


def test_mistakes_are_told_and_harm_nothing_else(lab: Cluster) -> None:
    lab.kubectl("create", "namespace", "wrong")
    late = monitor("late", release=STACK)
    late["spec"]["endpoints"][0]["scrapeTimeout"] = "1m"
    lab.apply(rule("broken", "avg by (pod) (x"), late, rule("fine", "vector(1)"), namespace="wrong")
    (fine,) = until(lambda: query(lab, "fine"))
    assert fine["value"][1] == "1"
    told = until(lambda: lab.kubectl("get", "events", "-n", "wrong", "--field-selector=type=Warning"))
    assert '"broken" was rejected due to invalid configuration' in told
    assert 'scrapeTimeout "1m" greater than scrapeInterval "1s"' in told
    assert jobs(lab, "wrong") == []
    refused = lab.refused("apply", "-n", "wrong", "-f", "-", stdin=json.dumps(custom("PodMonitor", "x", {})))
    assert "spec.podMetricsEndpoints: Required value" in refused
    status = lab.json("get", "prometheus", f"{STACK}-prometheus", "-n", "prometheus")["status"]
    assert {item["type"]: item["status"] for item in status["conditions"]} == {
        "Available": "True",
        "Reconciled": "True",
    }


def test_other_selectors_by_an_upgrade_and_additional_jobs(lab: Cluster) -> None:
    lab.kubectl("create", "namespace", "free")
    lab.apply(monitor("unlabelled"), namespace="free")
    extra = json.dumps([{"job_name": "gpu-metrics", "static_configs": [{"targets": ["127.0.0.1:9"]}]}])
    spec = "prometheus.prometheusSpec"
    flags = ("--set-json", f"{spec}.additionalScrapeConfigs={extra}")
    upgrade(lab, f"--set={spec}.serviceMonitorSelectorNilUsesHelmValues=false", *flags)
    until(lambda: jobs(lab, "free") == ["serviceMonitor/free/unlabelled/0"])
    until(lambda: query(lab, 'up{job="gpu-metrics"} == 0'))


def get(lab: Cluster, path: str) -> Any:
    """The data of an answer of Prometheus' API, asked at its node port."""
    url = f"http://{lab.settings['node_ip']}:30090/api/v1/{path}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return json.load(answer)["data"]


def query(lab: Cluster, expression: str) -> list[dict[str, Any]]:
    """The series that an expression gives now."""
    found: list[dict[str, Any]] = get(lab, f"query?query={urllib.parse.quote(expression)}")["result"]
    return found


def jobs(lab: Cluster, namespace: str) -> list[str]:
    """Names of the scrape jobs that monitors of a namespace made."""
    lines = get(lab, "status/config")["yaml"].splitlines()
    return [line.split(": ")[1] for line in lines if f"job_name: serviceMonitor/{namespace}/" in line]


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)
    return found
