"""From a series to a decision: Prometheus, recording rule, metrics adapter, API aggregation, autoscaler.

Programs, rule, chart and autoscaler are those of the lessons; only the model servers are small programs whose GPU is
40 % busy in the first pod and 20 % in every other one, so that two pods are just enough for the target of 30 %.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from raglab.paths import CHECKOUT, home
from raglab.services.prometheus import install
from tests.pocket import conftest
from tests.pocket.conftest import Cluster

pytestmark = [pytest.mark.pocket, pytest.mark.slow]
LIMIT = 90.0
CONFIG = CHECKOUT / "kubernetes-config"
METRIC = "nemollm_inference_gpu_avg"
PODS = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/rag-sample/pods/*/{METRIC}?labelSelector=app%3Dnim"
EXPORTER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Exporter(BaseHTTPRequestHandler):
    def do_GET(self):
        pod = os.environ["HOSTNAME"]
        util = 40 if pod.endswith("-0") else 20
        labels = f'gpu="0",exported_namespace="rag-sample",exported_pod="{pod}"'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {util}\\n".encode())
    def log_message(self, *args):
        pass

ThreadingHTTPServer((os.environ["POD_IP"], 9400), Exporter).serve_forever()
"""
SCRAPE = {
    "global": {"scrape_interval": "1s"},
    "rule_files": ["rules.yaml"],
    "scrape_configs": [
        {
            "job_name": "gpu-metrics",
            "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": ["rag-sample"]}}],
        }
    ],
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    programs = install.prepare(install.place(home()), lambda text, share: None)
    with conftest.lab(tmp_path_factory.mktemp("metrics"), "bubblewrap", prometheus=programs) as running:
        yield running


def workload(name: str, kind: str, container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Deployment or StatefulSet of one container."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **spec}}
    template["spec"]["terminationGracePeriodSeconds"] = 1
    about = {"selector": {"matchLabels": {"app": name}}, "template": template}
    about |= {"serviceName": name, "podManagementPolicy": "Parallel"} if kind == "StatefulSet" else {}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": about}


def model_servers(lab: Cluster) -> None:
    container = {"name": "c", "image": "example.com/wait:1", "command": ["python", "-c", EXPORTER]}
    container["ports"] = [{"containerPort": 9400}]
    servers = workload("nim", "StatefulSet", container)
    servers["metadata"]["name"] = "nemollm-inference"
    lab.apply(servers, namespace="rag-sample")


def prometheus(lab: Cluster) -> None:
    """The real one, with the lessons' rule evaluated each second."""
    spec = yaml.safe_load((CONFIG / "prometheus-rule-gpu.yaml").read_text())["spec"]
    spec["groups"][0]["interval"] = "1s"
    files = {"prometheus.yml": yaml.safe_dump(SCRAPE), "rules.yaml": yaml.safe_dump(spec)}
    container = {"name": "prometheus", "image": "quay.io/prometheus/prometheus:v2.53.3"}
    container["volumeMounts"] = [
        {"name": "config", "mountPath": "/etc/prometheus"},
        {"name": "data", "mountPath": "/prometheus"},
    ]
    volumes = [{"name": "config", "configMap": {"name": "prometheus"}}, {"name": "data", "emptyDir": {}}]
    group = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": "default", "namespace": "prometheus"}
    lab.kubectl("create", "namespace", "prometheus")
    lab.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus"}, "data": files},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "prometheus"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "prometheus"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "prometheus"},
            "subjects": [account],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "prometheus"},
            "spec": {"selector": {"app": "prometheus"}, "ports": [{"port": 9090}]},
        },
        workload("prometheus", "Deployment", container, volumes=volumes),
        namespace="prometheus",
    )


def adapter(lab: Cluster) -> None:
    """As in the lesson, looking for new series each second instead of each minute."""
    lab.helm("repo", "add", "prometheus-community", "pocket://prometheus-community")
    url = "--set=prometheus.url=http://prometheus.prometheus.svc.cluster.local"
    command = ["upgrade", "--install", "prometheus-adapter", "prometheus-community/prometheus-adapter"]
    lab.helm(*command, url, "--set=metricsRelistInterval=2s", "--wait", "--timeout=60s")


def test_a_busy_gpu_makes_a_second_replica_and_what_is_missing_is_told(lab: Cluster) -> None:
    lab.kubectl("create", "namespace", "rag-sample")
    autoscaler = yaml.safe_load((CONFIG / "hpa-inference.yaml").read_text())
    adapter(lab)
    lab.kubectl(
        "wait", "--for=condition=Available", "apiservice/v1beta1.custom.metrics.k8s.io", "--timeout=60s"
    )
    model_servers(lab)
    lab.apply(autoscaler, namespace="rag-sample")
    said = until(lambda: explained(lab, "FailedGetPodsMetric"))
    assert f"the server could not find the metric {METRIC} for pods" in said
    prometheus(lab)
    (item,) = until(lambda: values(lab))
    assert item["describedObject"] == {
        "kind": "Pod",
        "namespace": "rag-sample",
        "name": "nemollm-inference-0",
        "apiVersion": "/v1",
    }
    assert (item["value"], item["metricName"]) == ("40", METRIC)
    until(lambda: targets(lab) == "40/30")
    lab.kubectl("wait", "-n", "rag-sample", "sts/nemollm-inference", "--for=jsonpath={.status.readyReplicas}=2",
                "--timeout=60s")  # fmt: skip
    assert explained(lab, "ValidMetricFound")
    until(lambda: len(values(lab)) == 2)
    assert sorted(item["value"] for item in values(lab)) == ["20", "40"]
    events = lab.kubectl("get", "events", "-n", "rag-sample", "--field-selector=reason=SuccessfulRescale")
    assert f"New size: 2; reason: pods metric {METRIC} above target" in events
    take_away(lab)


def take_away(lab: Cluster) -> None:
    """First Prometheus, then the adapter: each failure is told where a learner looks."""
    lab.kubectl("delete", "deployment", "prometheus", "-n", "prometheus", "--cascade=foreground", "--wait")
    assert "Internal error occurred: unable to fetch metrics" in until(lambda: refusal(lab))
    log = lab.kubectl("logs", "deployment/prometheus-adapter")
    assert "unable to fetch metrics from prometheus" in log
    assert "unable to update list of all metrics" in log
    lab.kubectl("scale", "deployment/prometheus-adapter", "--replicas=0")
    until(lambda: "ServiceUnavailable" in refusal(lab))
    lab.kubectl(
        "wait", "--for=condition=Available=False", "apiservice/v1beta1.custom.metrics.k8s.io", "--timeout=60s"
    )


def refusal(lab: Cluster) -> str:
    """How the metrics API refuses, or nothing."""
    return lab.run("kubectl", "get", "--raw", PODS, check=False).stderr


def values(lab: Cluster) -> list[dict[str, Any]]:
    """What the metrics API says about the model servers; nothing while it refuses."""
    done = lab.run("kubectl", "get", "--raw", PODS, check=False)
    if done.returncode:
        return []
    found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return found


def targets(lab: Cluster) -> str:
    """The column TARGETS of the autoscaler."""
    return lab.kubectl("get", "hpa", "nemollm-inference-hpa", "-n", "rag-sample", "--no-headers").split()[2]


def explained(lab: Cluster, reason: str) -> str:
    """Message of the autoscaler's condition with this reason, or nothing."""
    query = f'jsonpath={{.status.conditions[?(@.reason=="{reason}")].message}}'
    return lab.kubectl("get", "hpa", "nemollm-inference-hpa", "-n", "rag-sample", "-o", query)


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.5)
    return found
