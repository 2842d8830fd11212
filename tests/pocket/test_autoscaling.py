"""HorizontalPodAutoscalers through kubectl on a cluster without any metrics API: what a learner sees first."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pocket.conftest import Cluster
from tests.pocket.test_workloads import LIMIT, events, workload

pytestmark = pytest.mark.pocket
METRIC = "nemollm_inference_gpu_avg"
NO_API = (
    f"unable to get metric {METRIC}: unable to fetch metrics from custom metrics API: "
    "no custom metrics API (custom.metrics.k8s.io) registered"
)


def autoscaler(target: str, kind: str = "StatefulSet", **spec: Any) -> dict[str, Any]:
    """The autoscaler of the lesson: on average 30 % of a GPU per pod."""
    goal = {"type": "AverageValue", "averageValue": 30}
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [{"type": "Pods", "pods": {"metric": {"name": METRIC}, "target": goal}}],
    }
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return head | {"metadata": {"name": f"{target}-hpa"}, "spec": body | spec}


def test_without_metrics(cluster: Cluster, namespace: str) -> None:
    def run(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    def row(name: str) -> list[str]:
        """Reference, targets, bounds and replicas, as ``kubectl get hpa`` shows them."""
        return re.split(r" {2,}", run("get", "hpa", name, "--no-headers"))[1:6]

    cluster.apply(
        workload("StatefulSet", "nemollm-inference", 1, serviceName="nemollm-inference"),
        workload("StatefulSet", "narrow", 1, serviceName="narrow"),
        workload("Deployment", "web", 1),
        autoscaler("nemollm-inference"),
        autoscaler("narrow", minReplicas=2),
        namespace=namespace,
    )
    said = run("autoscale", "deployment", "web", "--name=web-hpa", "--max=4", "--cpu=80%")
    assert said == "horizontalpodautoscaler.autoscaling/web-hpa autoscaled\n"
    lesson = ["StatefulSet/nemollm-inference", "<unknown>/30", "1", "3"]
    assert row("nemollm-inference-hpa") == [*lesson, "0"]
    assert row("web-hpa") == ["Deployment/web", "cpu: <unknown>/80%", "1", "4", "0"]
    inactive = "--for=condition=ScalingActive=False"
    run("wait", inactive, "hpa/nemollm-inference-hpa", "hpa/web-hpa", LIMIT)
    assert row("nemollm-inference-hpa") == [*lesson, "1"]
    described = run("describe", "hpa", "nemollm-inference-hpa")
    for line in (
        rf'"{METRIC}" on pods: +<unknown> / 30',
        r"StatefulSet pods: +1 current / 0 desired",
        r"AbleToScale +True +SucceededGetScale +the HPA controller was able to get the target's current scale",
        r"ScalingActive +False +FailedGetPodsMetric +the HPA was unable to compute the replica count: "
        + re.escape(NO_API),
        r"Warning +FailedGetPodsMetric +\S+ +horizontal-pod-autoscaler +" + re.escape(NO_API),
    ):
        assert re.search(line, described), f"{line}\n{described}"
    assert events(cluster, namespace, "nemollm-inference-hpa") == [
        NO_API,
        f"invalid metrics (1 invalid out of 1), first error is: failed to get pods metric value: {NO_API}",
    ]
    text = events(cluster, namespace, "web-hpa")[0]
    assert text.endswith("the server could not find the requested resource (get pods.metrics.k8s.io)")
    run(
        "rollout", "status", "sts/narrow", LIMIT
    )  # its size is outside the range: no metric is needed to say so
    assert run("get", "sts", "narrow", "-o", "jsonpath={.status.readyReplicas}") == "2"
    assert events(cluster, namespace, "narrow-hpa")[0] == (
        "New size: 2; reason: Current number of replicas below Spec.MinReplicas"
    )


def test_autoscalers_that_cannot_work_are_refused(cluster: Cluster, namespace: str) -> None:
    def refused(**spec: Any) -> str:
        body = autoscaler("x", **spec)
        return cluster.refused("-n", namespace, "create", "-f", "-", stdin=str(body).replace("'", '"'))

    assert "must be greater than or equal to `minReplicas`" in refused(minReplicas=5)
    assert "Unsupported value" in refused(metrics=[{"type": "Gpu"}])
    cluster.apply(autoscaler("x"), namespace=namespace)
    said = cluster.kubectl("-n", namespace, "delete", "hpa", "x-hpa")
    assert f'"x-hpa" deleted from {namespace} namespace' in said
