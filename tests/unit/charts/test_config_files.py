"""The plain YAML beside the charts: valid objects that fit what the charts mount."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml

from tests.unit.charts.chart_rendering import CHARTS, CONFIG, render

AUTOSCALERS = ["hpa-inference.yaml", "hpa-embedding.yaml", "hpa-inference-queue.yaml"]
TOPOLOGY = ["topology/all-gpus.yaml", "topology/pair.yaml", "topology/singles.yaml"]
FILES = ["namespace.yaml", "gpu-pod.yaml", "storage/pv.yaml", "storage/pvc.yaml", *TOPOLOGY, *AUTOSCALERS]
MONITORING = [
    "prometheus-rule-gpu.yaml",
    "prometheus-rule-queue.yaml",
    "break-it/prometheus-rule-gpu-seed.yaml",
    "pod-monitor-nims.yaml",
]


def load(name: str) -> list[dict]:
    return list(yaml.safe_load_all((CONFIG / name).read_text()))


@pytest.mark.parametrize("name", FILES)
def test_valid(name):
    for obj in load(name):
        kubernetes_validate.validate(obj, "1.37", strict=True)


def test_each_claim_has_its_volume():
    volumes = {obj["metadata"]["name"]: obj["spec"] for obj in load("storage/pv.yaml")}
    for claim in load("storage/pvc.yaml"):
        volume = volumes.pop(claim["spec"]["volumeName"])
        assert volume["capacity"]["storage"] == claim["spec"]["resources"]["requests"]["storage"]
        assert volume["storageClassName"] == claim["spec"]["storageClassName"] == "manual"
        assert volume["accessModes"] == claim["spec"]["accessModes"]
        assert claim["metadata"]["namespace"] == "rag-sample"
    assert not volumes


def test_sizes_are_those_of_the_course():
    sizes = {obj["metadata"]["name"]: obj["spec"]["capacity"]["storage"] for obj in load("storage/pv.yaml")}
    assert sizes == {"nemollm-inference-pv": "50Gi", "nemollm-embedding-pv": "50Gi", "pgvector-pv": "5Gi"}


def test_charts_mount_exactly_these_claims():
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for chart in CHARTS
        for obj in render(chart)
        if obj["kind"] == "StatefulSet"
        for volume in obj["spec"]["template"]["spec"]["volumes"]
    }
    assert mounted == {obj["metadata"]["name"] for obj in load("storage/pvc.yaml")}


def test_the_gpu_pod_asks_for_one_gpu():
    (pod,) = load("gpu-pod.yaml")
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert pod["spec"]["restartPolicy"] == "OnFailure"


def test_pods_of_the_topology_lesson_ask_for_four_two_and_one():
    pods = [[obj for obj in load(name) if obj["kind"] == "Pod"] for name in TOPOLOGY]
    asked = [
        [
            container["resources"]["limits"]["nvidia.com/gpu"]
            for pod in group
            for container in pod["spec"]["containers"]
        ]
        for group in pods
    ]
    assert asked == [[4], [2], [1, 1, 1]]
    assert {pod["metadata"]["namespace"] for group in pods for pod in group} == {"topology"}


@pytest.mark.parametrize("name", AUTOSCALERS)
def test_autoscalers_watch_recorded_series_and_scale_one_to_three(name):
    (hpa,) = load(name)
    spec, (metric,) = hpa["spec"], hpa["spec"]["metrics"]
    assert hpa["metadata"]["name"] == f"{spec['scaleTargetRef']['name']}-hpa"
    assert spec["scaleTargetRef"]["name"] in CHARTS
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 3)
    groups = [group for file in MONITORING[:2] for group in load(file)[0]["spec"]["groups"]]
    assert metric["pods"]["metric"]["name"] in {rule["record"] for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("name", MONITORING)
def test_the_prometheus_of_the_release_looks_at_it(name):
    (obj,) = load(name)
    assert obj["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def test_the_pod_monitor_finds_each_model_server_by_one_port():
    (monitor,) = load("pod-monitor-nims.yaml")
    (rule,) = monitor["spec"]["selector"]["matchExpressions"]
    wanted = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    for chart in rule["values"]:
        (template,) = (obj["spec"]["template"] for obj in render(chart) if obj["kind"] == "StatefulSet")
        assert template["metadata"]["labels"][rule["key"]] == chart
        ports = [port["name"] for port in template["spec"]["containers"][0]["ports"]]
        assert len(wanted.intersection(ports)) == 1
