"""Series made from objects, and the program that serves them."""

from __future__ import annotations

import json
import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from raglab.incluster import ApiError
from raglab.paths import CHECKOUT
from raglab.services.addons.kube_state_metrics.__main__ import State
from raglab.services.addons.kube_state_metrics.amounts import amount
from raglab.services.addons.kube_state_metrics.families import RESOURCES

AUTOSCALER = {
    "metadata": {"namespace": "rag-sample", "name": "llm"},
    "spec": {
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [
            {"type": "Pods", "pods": {"metric": {"name": "gpu"}, "target": {"averageValue": "30"}}},
            {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}},
        ],
    },
    "status": {
        "currentReplicas": 2,
        "desiredReplicas": 3,
        "conditions": [{"type": "ScalingLimited", "status": "True"}],
        "currentMetrics": [
            {"type": ""},
            {"type": "Pods", "pods": {"metric": {"name": "gpu"}, "current": {"averageValue": "37500m"}}},
        ],
    },
}
POD = {
    "metadata": {"namespace": "rag-sample", "name": "p"},
    "spec": {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "1Gi"}}}]},
    "status": {"phase": "Pending"},
}
NODE = {"metadata": {"name": "n"}, "status": {"allocatable": {"nvidia.com/gpu": "4", "cpu": "1500m"}}}


class Api:
    def __init__(self, **items: list) -> None:
        self._items = items

    def get(self, path: str) -> dict:
        name = path.rpartition("/")[2]
        if name not in self._items:
            raise ApiError(403, "forbidden")
        return {"items": self._items[name]}


def exposed(**items: list) -> str:
    registry = CollectorRegistry()
    registry.register(State(Api(**items)))
    return generate_latest(registry).decode()


@pytest.mark.parametrize(
    "line",
    [
        'kube_horizontalpodautoscaler_spec_max_replicas{horizontalpodautoscaler="llm",namespace="rag-sample"} 3.0',
        'kube_horizontalpodautoscaler_spec_min_replicas{horizontalpodautoscaler="llm",namespace="rag-sample"} 1.0',
        'kube_horizontalpodautoscaler_status_condition{condition="ScalingLimited",horizontalpodautoscaler="llm",'
        'namespace="rag-sample",status="true"} 1.0',
        'kube_horizontalpodautoscaler_spec_target_metric{horizontalpodautoscaler="llm",metric_name="cpu",'
        'metric_target_type="utilization",namespace="rag-sample"} 50.0',
        'kube_horizontalpodautoscaler_status_target_metric{horizontalpodautoscaler="llm",metric_name="gpu",'
        'metric_target_type="average",namespace="rag-sample"} 37.5',
    ],
)
def test_an_autoscaler(line):
    assert line in exposed(horizontalpodautoscalers=[AUTOSCALER]).splitlines()


def test_a_pod_has_one_phase_and_its_requests():
    lines = exposed(pods=[POD]).splitlines()
    assert 'kube_pod_status_phase{namespace="rag-sample",phase="Pending",pod="p"} 1.0' in lines
    assert 'kube_pod_status_phase{namespace="rag-sample",phase="Running",pod="p"} 0.0' in lines
    start = 'kube_pod_container_resource_requests{container="c",namespace="rag-sample",pod="p"'
    assert start + ',resource="nvidia_com_gpu",unit="integer"} 1.0' in lines
    assert start + ',resource="memory",unit="byte"} 1.073741824e+09' in lines


def test_a_node_tells_what_pods_may_use():
    lines = exposed(nodes=[NODE]).splitlines()
    assert 'kube_node_status_allocatable{node="n",resource="nvidia_com_gpu",unit="integer"} 4.0' in lines
    assert 'kube_node_status_allocatable{node="n",resource="cpu",unit="core"} 1.5' in lines


def test_a_new_object_without_status_has_what_is_known():
    bare = {key: AUTOSCALER[key] for key in ("metadata", "spec")}
    pod = {key: POD[key] for key in ("metadata", "spec")}
    text = exposed(horizontalpodautoscalers=[bare], pods=[pod], deployments=[{"metadata": {"name": "d"}}])
    names = '{horizontalpodautoscaler="llm",namespace="rag-sample"}'
    assert f"kube_horizontalpodautoscaler_spec_min_replicas{names} 1.0" in text
    assert f"kube_horizontalpodautoscaler_status_current_replicas{names} 0.0" in text
    assert 'kube_deployment_status_replicas{deployment="d"} 0.0' in text
    assert "kube_deployment_spec_replicas{" not in text


def test_a_kind_that_is_refused_leaves_the_others():
    assert "kube_node_status_allocatable{" in exposed(nodes=[NODE])


@pytest.mark.parametrize(
    ("text", "number"), [("37500m", 37.5), ("64Mi", 67108864), ("1e3", 1000), (2, 2), ("5k", 5000)]
)
def test_amounts(text, number):
    assert amount(text) == number


@pytest.mark.parametrize("text", ["", "x", "1Q", "1 Gi"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="quantity"):
        amount(text)


def test_the_autoscaling_dashboard_asks_for_nothing_else():
    text = (CHECKOUT / "kubernetes-config" / "dashboards" / "hpa.json").read_text()
    asked = set(re.findall(r"\bkube_\w+(?=\{)", json.dumps(json.loads(text))))
    assert asked <= {family.name for resource in RESOURCES for family in resource.families}


def test_outside_of_a_pod_it_says_so(service):
    running = service("raglab.services.addons.kube_state_metrics", 8080)
    assert running.process.wait(30) == 1
    assert "KUBERNETES_SERVICE_HOST" in running.output()
