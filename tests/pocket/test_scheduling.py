"""Scheduling through kubectl: devices run out, come free, and the node is cordoned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.pocket.conftest import Cluster, addresses, start, stop

pytestmark = pytest.mark.pocket
LIMIT = "--timeout=60s"
DEVICE = "example.com/gpu"
PREEMPTION = "no new claims to deallocate, preemption: 0/1 nodes are available: 1"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose node has two devices."""
    folder = tmp_path_factory.mktemp("small")
    devices = {DEVICE: {"ids": ["0", "1"], "env": "VISIBLE"}}
    with addresses() as own:
        running = start(folder / "state", folder / "home", devices=devices, **own)
        yield running
        stop(running)


def holder(name: str, count: int = 1) -> dict[str, Any]:
    """A pod that holds devices until it is stopped."""
    container = {"name": "c", "image": "example.com/wait:1", "resources": {"limits": {DEVICE: count}}}
    spec = {"terminationGracePeriodSeconds": 5, "containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "hold"}},
        "spec": spec,
    }


def refusal(cluster: Cluster, name: str) -> str:
    """Why a pod waits, as its condition and its event agree."""
    path = "jsonpath={.status.conditions[?(@.type=='PodScheduled')].reason}=Unschedulable"
    cluster.kubectl("wait", f"--for={path}", f"pod/{name}", LIMIT)
    (condition,) = [
        item
        for item in cluster.json("get", "pod", name)["status"]["conditions"]
        if item["type"] == "PodScheduled"
    ]
    assert condition["message"] in cluster.kubectl("describe", "pod", name)
    return str(condition["message"])


def test_devices_run_out_and_come_free(small: Cluster) -> None:
    small.apply(holder("one"), holder("two"))
    small.kubectl("wait", "--for=condition=Ready", "pod/one", "pod/two", LIMIT)
    small.apply(holder("three"))
    assert refusal(small, "three") == (
        f"0/1 nodes are available: 1 Insufficient {DEVICE}. {PREEMPTION} No preemption victims found for incoming pod."
    )
    small.kubectl("delete", "pod", "one")
    small.kubectl("wait", "--for=condition=Ready", "pod/three", LIMIT)
    assert "Successfully assigned default/three to minikube" in small.kubectl("describe", "pod", "three")
    small.kubectl("delete", "pod", "-l", "app=hold")


def test_more_devices_than_there_are(small: Cluster) -> None:
    small.apply(holder("greedy", 8))
    assert refusal(small, "greedy") == (
        f"0/1 nodes are available: 1 Insufficient {DEVICE}. {PREEMPTION} Preemption is not helpful for scheduling."
    )
    small.kubectl("delete", "pod", "greedy")


def test_cordoned_node_takes_nothing_until_it_is_free_again(small: Cluster) -> None:
    small.kubectl("cordon", "minikube")
    small.apply(holder("late"))
    assert refusal(small, "late").startswith("0/1 nodes are available: 1 node(s) were unschedulable. ")
    small.kubectl("uncordon", "minikube")
    small.kubectl("wait", "--for=condition=Ready", "pod/late", LIMIT)
    small.kubectl("delete", "pod", "late")


def test_a_node_registers_together_with_its_status(small: Cluster) -> None:
    """As kubelets do; other objects leave their status to controllers when they are created."""
    status = {"capacity": {"cpu": "7"}, "allocatable": {"cpu": "7", "memory": "1Gi", "pods": "10"}}
    meta = {"name": "far", "labels": {"kubernetes.io/hostname": "far"}}
    small.apply({"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status})
    assert small.kubectl("get", "node", "far", "-o", "jsonpath={.status.capacity.cpu}") == "7"
    small.kubectl("delete", "node", "far")
