"""The chart gpu-operator on a cluster, under both ways of isolation: pods, labels, metrics, and a clean end."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from raglab import paths
from raglab.gpus import inventory
from tests.pocket.conftest import Cluster, eventually, isolated

pytestmark = [pytest.mark.pocket, pytest.mark.slow]
CHART = paths.CHECKOUT / "kubernetes-config" / "charts-pocket" / "nvidia" / "gpu-operator"
WHERE = ("-n", "gpu-operator")
LIMIT = "--timeout=120s"
GENERATED = re.compile(r"(-[bcdfghjklmnpqrstvwxz0-9]{8,10})?-[bcdfghjklmnpqrstvwxz0-9]{5}$")
FAST = (
    "--set",
    "dcgmExporter.env[0].name=DCGM_EXPORTER_INTERVAL",
    "--set-string",
    "dcgmExporter.env[0].value=200",
)
WORK = """
import time
from raglab.gpus.usage import BusyClock, Hold
clock = BusyClock()
with Hold("busy", clock) as hold:
    hold.memory(2**30)
    clock.start()
    time.sleep(3600)
"""


@pytest.fixture(scope="module", params=["plain", "bubblewrap"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with four devices and the operator, its validations passed."""
    settings = {
        "devices": inventory.load().resources(),
        "image_catalogues": (paths.SERVICES / "images.yaml",),
    }
    with isolated(tmp_path_factory.mktemp("operator"), request.param, **settings) as running:
        running.helm("install", "gpu-operator", str(CHART), *WHERE, "--create-namespace", *FAST)
        for component in ("nvidia-operator-validator", "gpu-feature-discovery", "nvidia-dcgm-exporter"):
            ready = "--for=jsonpath={.status.numberReady}=1"
            running.kubectl("wait", ready, f"daemonset/{component}", *WHERE, LIMIT)
        yield running


def metrics(cluster: Cluster) -> str:
    """The exposition, through the Service."""
    address = cluster.json("get", "service", "nvidia-dcgm-exporter", *WHERE)["spec"]["clusterIP"]
    with urllib.request.urlopen(f"http://{address}:9400/metrics", timeout=30) as answer:
        return answer.read().decode()


def labels(cluster: Cluster) -> dict[str, str]:
    return cluster.json("get", "nodes")["items"][0]["metadata"]["labels"]


def test_pods_are_those_of_the_real_operator(installed: Cluster) -> None:
    pods = installed.json("get", "pods", *WHERE)["items"]
    phases = {GENERATED.sub("", pod["metadata"]["name"]): pod["status"]["phase"] for pod in pods}
    assert phases == dict.fromkeys(
        [
            "gpu-feature-discovery",
            "gpu-operator",
            "gpu-operator-node-feature-discovery-gc",
            "gpu-operator-node-feature-discovery-master",
            "gpu-operator-node-feature-discovery-worker",
            "nvidia-container-toolkit-daemonset",
            "nvidia-dcgm-exporter",
            "nvidia-device-plugin-daemonset",
            "nvidia-operator-validator",
        ],
        "Running",
    ) | {"nvidia-cuda-validator": "Succeeded"}
    ready = ("--for=jsonpath={.status.state}=ready", "clusterpolicy/cluster-policy")
    installed.kubectl("wait", *ready, LIMIT)
    said = installed.kubectl("logs", "-l", "app=nvidia-cuda-validator", "-c", "cuda-validation", *WHERE)
    assert "Test PASSED" in said
    assert "all validations are successful" in installed.kubectl(
        "logs", "ds/nvidia-operator-validator", *WHERE
    )


def test_the_node_is_labelled_with_what_it_has(installed: Cluster) -> None:
    eventually(lambda: labels(installed).get("nvidia.com/gpu.product") == "NVIDIA-A100-80GB-PCIe")
    found = labels(installed)
    assert (found["nvidia.com/gpu.count"], found["nvidia.com/gpu.memory"]) == ("4", "81920")
    assert found["feature.node.kubernetes.io/pci-10de.present"] == "true"


def busy_pod(name: str) -> dict[str, Any]:
    container = {
        "name": "worker",
        "image": "busybox:1.36",
        "command": ["sh", "-c", f"exec $RAGLAB_PYTHON -c '{WORK}'"],
        "resources": {"limits": {inventory.RESOURCE: 1}},
    }
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_the_exporter_tells_the_workload_and_its_load(installed: Cluster) -> None:
    mine = 'container="worker",namespace="default",pod="busy"'
    installed.apply(busy_pod("busy"))
    eventually(lambda: re.search(rf"^DCGM_FI_DEV_GPU_UTIL{{.*{mine}}} 100$", metrics(installed), re.M))
    page = metrics(installed)
    assert re.search(rf"^DCGM_FI_DEV_FB_USED{{.*{mine}}} 1024$", page, re.M)
    assert len(re.findall(r'^DCGM_FI_DEV_GPU_UTIL{[^}]*Hostname="minikube"', page, re.M)) == 4
    installed.kubectl("delete", "pod", "busy")
    eventually(lambda: mine not in metrics(installed))
    assert len(re.findall(r"^DCGM_FI_DEV_GPU_UTIL{.*} 0$", metrics(installed), re.M)) == 4


def test_a_component_stays_away_from_a_node_that_says_so(installed: Cluster) -> None:
    exporter = ("get", "pods", "-l", "app=nvidia-dcgm-exporter", *WHERE, "-o", "name")
    label = ("label", "node", "--all", "--overwrite")
    installed.kubectl(*label, "nvidia.com/gpu.deploy.dcgm-exporter=false")
    eventually(lambda: not installed.kubectl(*exporter))
    installed.kubectl(*label, "nvidia.com/gpu.deploy.dcgm-exporter=true")
    eventually(lambda: installed.kubectl(*exporter))


def test_nothing_remains(installed: Cluster) -> None:
    """Last, for it removes the operator."""
    installed.helm("uninstall", "gpu-operator", *WHERE)
    eventually(lambda: not installed.json("get", "pods", *WHERE)["items"])
    eventually(lambda: not [key for key in labels(installed) if "nvidia.com" in key or "feature.node" in key])
    assert not installed.json("get", "daemonsets,deployments,services,jobs", *WHERE)["items"]
    assert not installed.json("get", "clusterpolicies")["items"]
    assert "nfd" not in installed.kubectl("get", "configmaps", "-A", "-o", "name")
    allocatable = installed.json("get", "nodes")["items"][0]["status"]["allocatable"]
    assert allocatable[inventory.RESOURCE] == "4"
