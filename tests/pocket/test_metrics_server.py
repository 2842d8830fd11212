"""Resource metrics from processes to decisions: kubelet's page, metrics-server, ``kubectl top``, autoscalers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pocket import conftest
from tests.pocket.conftest import Cluster, eventually
from tests.pocket.test_autoscaling import autoscaler
from tests.pocket.test_workloads import events

pytestmark = [pytest.mark.pocket, pytest.mark.slow]
NODE = "/api/v1/nodes/minikube/proxy"
BUSY = "while :; do i=$((i+1)); [ $((i % 20000)) = 0 ] && sleep 0.1; done"
ACCOUNT = "system:serviceaccount:default:watcher"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with conftest.lab(tmp_path_factory.mktemp("resources"), "bubblewrap") as running:
        yield running


def deployment(name: str, *commands: str) -> dict[str, Any]:
    """One container per command, each with a request of a tenth of a CPU."""
    requests = {"requests": {"cpu": "100m", "memory": "16Mi"}}
    containers = [
        {"name": f"c{number}", "image": "busybox", "command": ["sh", "-c", command], "resources": requests}
        for number, command in enumerate(commands)
    ]
    spec = {"terminationGracePeriodSeconds": 1, "containers": containers}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    body = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def cpu(name: str, **target: Any) -> dict[str, Any]:
    """An autoscaler on the CPU of a Deployment."""
    resource = {"name": "cpu", "target": target}
    return autoscaler(name, "Deployment", metrics=[{"type": "Resource", "resource": resource}])


def test_the_kubelets_pages_need_a_right_of_their_own(lab: Cluster):
    def can_see(path: str) -> bool:
        return (
            lab.run("kubectl", "get", "--raw", f"{NODE}/{path}", f"--as={ACCOUNT}", check=False).returncode
            == 0
        )

    lab.kubectl("create", "clusterrole", "watcher", "--verb=get,list", "--resource=nodes,nodes/metrics")
    lab.kubectl(
        "create", "clusterrolebinding", "watcher", "--clusterrole=watcher", "--serviceaccount=default:watcher"
    )
    said = lab.refused("get", "--raw", f"{NODE}/metrics/resource", f"--as={ACCOUNT}")
    assert f'User "{ACCOUNT}" cannot get resource "nodes/proxy" in API group "" at the cluster scope' in said
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes/proxy"]}
    lab.kubectl("patch", "clusterrole", "watcher", "--type=json", "-p",
                json.dumps([{"op": "add", "path": "/rules/-", "value": rule}]))  # fmt: skip
    assert can_see("metrics/resource") and can_see("stats/summary") and can_see("healthz")
    assert "could not find" in lab.refused("get", "--raw", f"{NODE}/nosuch")
    assert 'nodes "nosuch" not found' in lab.refused("get", "--raw", "/api/v1/nodes/nosuch/proxy/healthz")


def test_top_shows_what_processes_use_and_autoscalers_act_on_it(lab: Cluster):
    for what in ("nodes", "pods"):
        assert lab.refused("top", what) == "error: Metrics API not available\n"
    lab.apply(
        deployment("busy", BUSY, "sleep 1000"),
        deployment("light", "sleep 1000"),
        cpu("busy", type="Utilization", averageUtilization=10),
        cpu("light", type="AverageValue", averageValue="40m"),
    )
    lab.helm("repo", "add", "metrics-server", "pocket://metrics-server")
    lab.helm("upgrade", "--install", "metrics-server", "metrics-server/metrics-server", "-n", "kube-system",
             "--set=defaultArgs={--cert-dir=/tmp,--metric-resolution=10s}", "--wait", "--timeout=60s")  # fmt: skip
    eventually(lambda: lab.run("kubectl", "top", "pods", "-l", "app=light", check=False).returncode == 0)
    name, cores, share, memory, _ = lab.kubectl("top", "nodes", "--no-headers").split()
    assert (name, cores[-1], share[-1], memory[-2:]) == ("minikube", "m", "%", "Mi")
    assert int(cores[:-1]) > 0 and int(memory[:-2]) > 50
    _top_of_pods(lab)
    lab.kubectl("wait", "deploy/busy", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=90s")
    _told(lab)


def _top_of_pods(lab: Cluster) -> None:
    rows = [line.split() for line in lab.kubectl("top", "pods", "--sort-by=cpu", "--no-headers").splitlines()]
    assert rows[0][0].startswith("busy-") and int(rows[0][1][:-1]) > 5
    assert rows[-1][1] == "0m" or rows[-1][0].startswith("busy-")
    parts = lab.kubectl("top", "pods", "-l", "app=busy", "--containers", "--no-headers").splitlines()
    used = {line.split()[1]: int(line.split()[2][:-1]) for line in parts}
    assert used["c0"] > used["c1"] == 0
    everywhere = lab.kubectl("top", "pods", "-A")
    assert "kube-system" in everywhere and "metrics-server-" in everywhere
    (item,) = lab.json("get", "podmetrics", "-l", "app=light")["items"]
    assert item["kind"] == "PodMetrics" and item["window"].endswith("s")
    assert item["containers"][0]["usage"]["memory"].endswith("Ki")
    assert "NAME" in lab.kubectl("get", "nodes.metrics.k8s.io")
    assert 'pods "nosuch" not found' in lab.refused("top", "pod", "nosuch")


def _told(lab: Cluster) -> None:
    """Events and conditions of both autoscalers, in the real one's words."""
    reason = "cpu resource utilization (percentage of request)"
    assert f"New size: 3; reason: {reason} above target" in events(lab, "default", "busy-hpa")
    described = lab.kubectl("describe", "hpa", "busy-hpa")
    assert f"the HPA was able to successfully calculate a replica count from {reason}" in described
    assert "resource cpu on pods  (as a percentage of request):" in described
    lab.kubectl("wait", "hpa/light-hpa", "--for=condition=ScalingActive", "--timeout=60s")
    assert "/40m" in lab.kubectl("get", "hpa", "light-hpa", "--no-headers").split()[3]
    status = lab.json("get", "hpa", "light-hpa")["status"]
    assert status["currentMetrics"][0]["resource"]["current"]["averageValue"][-1] in "0m"
    assert status["currentReplicas"] == status["desiredReplicas"] == 1
