"""Pods on the simulated GPUs, under both ways of isolation: what comes with a device, and with none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from raglab.gpus import inventory, usage
from raglab.pocket.node.checkpoint import PLACE
from tests.pocket.conftest import Cluster, isolated

pytestmark = pytest.mark.pocket
LIMIT = "--timeout=60s"
UUIDS = inventory.load().uuids
WORK = """
import sys, time
from raglab.gpus.busy import BusyClock
from raglab.gpus.usage import Hold
clock = BusyClock()
with Hold("adder", clock) as hold:
    hold.memory(2**30)
    clock.start()
    print("working", flush=True)
    time.sleep(3600)
"""


@pytest.fixture(scope="module", params=["plain", "bubblewrap"])
def gpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the lab's four devices."""
    devices = inventory.load().resources()
    with isolated(tmp_path_factory.mktemp("gpus"), request.param, devices=devices) as running:
        yield running


def pod(name: str, count: int, *command: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "image": "example.com/wait:1"}
    container |= {"resources": {"limits": {inventory.RESOURCE: count}}} if count else {}
    container |= {"command": list(command)} if command else {}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def ready(cluster: Cluster, *pods: dict[str, Any]) -> None:
    cluster.apply(*pods)
    for each in pods:
        cluster.kubectl("wait", "--for=condition=Ready", f"pod/{each['metadata']['name']}", LIMIT)


def test_a_pod_sees_its_own_devices_and_one_without_sees_none(gpus: Cluster) -> None:
    ready(gpus, pod("pair", 2))
    ready(gpus, pod("one", 1), pod("none", 0))
    listed = gpus.kubectl("exec", "pair", "--", "nvidia-smi", "-L").splitlines()
    assert [line.split("UUID: ")[1] for line in listed] == [f"{uuid})" for uuid in UUIDS[:2]]
    assert f"GPU 0: NVIDIA A100 80GB PCIe (UUID: {UUIDS[2]})" in gpus.kubectl(
        "exec", "one", "--", "nvidia-smi", "-L"
    )
    assert '"nvidia-smi": executable file not found' in gpus.refused("exec", "none", "--", "nvidia-smi", "-L")
    assert usage.DEVICES not in gpus.kubectl("exec", "none", "--", "env")
    held = json.loads((gpus.state / "node" / PLACE).read_text())["Data"]["PodDeviceEntries"]
    uids = {item["metadata"]["name"]: item["metadata"]["uid"] for item in gpus.json("get", "pods")["items"]}
    assert {entry["PodUID"]: entry["DeviceIDs"]["-1"] for entry in held} == {
        uids["pair"]: list(UUIDS[:2]),
        uids["one"]: [UUIDS[2]],
    }
    gpus.kubectl("delete", "pod", "pair", "one", "none")


def test_the_node_sees_what_a_pod_does_on_its_device(gpus: Cluster) -> None:
    ready(gpus, pod("worker", 1, "sh", "-c", f"exec $RAGLAB_PYTHON -c '{WORK}'"))
    path = "jsonpath={.status.containerStatuses[0].restartCount}=0"
    gpus.kubectl("wait", f"--for={path}", "pod/worker", LIMIT)
    assert gpus.kubectl("logs", "worker", "-f", "--limit-bytes=7") == "working"
    driver = gpus.state / "node" / usage.DRIVER[1:]
    (process,) = usage.read(driver)
    assert (process.program, process.memory, process.alive) == ("adder", 2**30, True)
    assert process.uuid in UUIDS
    assert 0 < process.busy < usage.read(driver)[0].busy
    gpus.kubectl("delete", "pod", "worker")
    assert [process.alive for process in usage.read(driver)] == [False]
