"""DaemonSets through kubectl: what a learner types about the pods of the node itself."""

from __future__ import annotations

import re

import pytest

from tests.pocket.conftest import Cluster
from tests.pocket.test_workloads import LIMIT, events, workload

pytestmark = pytest.mark.pocket


def test_life_of_a_daemon_set(cluster: Cluster, namespace: str) -> None:
    def run(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    def pods() -> list[str]:
        return run("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split()

    agent = workload("DaemonSet", "agent", 0)
    del agent["spec"]["replicas"]
    cluster.apply(agent, namespace=namespace)
    assert run("rollout", "status", "ds/agent", LIMIT).endswith(
        'daemon set "agent" successfully rolled out\n'
    )
    shown = run("get", "ds", "agent", "-o", "wide").splitlines()
    columns = "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE.SELECTOR AGE CONTAINERS IMAGES SELECTOR"
    assert re.fullmatch(columns.replace(" ", " +"), shown[0])
    assert shown[1].split()[:7] == ["agent", "1", "1", "1", "1", "1", "<none>"]
    (first,) = pods()
    run("rollout", "restart", "ds/agent")
    assert run("rollout", "status", "ds/agent", LIMIT).endswith("successfully rolled out\n")
    (second,) = pods()
    assert all(re.fullmatch("agent-[a-z0-9]{5}", name) for name in (first, second))
    assert re.findall(r"^(\d+) ", run("rollout", "history", "ds/agent"), re.M) == ["1", "2"]
    assert "restartedAt" in run("rollout", "history", "ds/agent", "--revision=2")
    run("rollout", "undo", "ds/agent")
    run("rollout", "status", "ds/agent", LIMIT)
    (third,) = pods()
    assert events(cluster, namespace, "agent") == [
        f"Created pod: {first}",
        f"Deleted pod: {first}",
        f"Created pod: {second}",
        f"Deleted pod: {second}",
        f"Created pod: {third}",
    ]
    described = run("describe", "ds", "agent")
    for line in (
        r"Annotations: +deprecated.daemonset.template.generation: 3",
        r"Desired Number of Nodes Scheduled: 1",
        r"Number of Nodes Scheduled with Available Pods: 1",
        r"Number of Nodes Misscheduled: 0",
        r"Pods Status: +1 Running / 0 Waiting / 0 Succeeded / 0 Failed",
        rf"Normal +SuccessfulCreate +\S+ +daemonset-controller +Created pod: {third}",
    ):
        assert re.search(line, described), f"{line}\n{described}"
    run("delete", "ds", "agent")
    run("wait", "--for=delete", f"pod/{third}", LIMIT)


def test_a_daemon_set_follows_the_labels_and_taints_of_the_node(cluster: Cluster, namespace: str) -> None:
    def status() -> list[int]:
        found = cluster.json("-n", namespace, "get", "ds", "picky")["status"]
        return [found["desiredNumberScheduled"], found["currentNumberScheduled"], found["numberMisscheduled"]]

    label = f"test/{namespace}"[:60].rstrip("-")
    picky = workload("DaemonSet", "picky", 0)
    del picky["spec"]["replicas"]
    picky["spec"]["template"]["spec"]["nodeSelector"] = {label: "yes"}
    cluster.apply(picky, namespace=namespace)
    path = "--for=jsonpath={.status.observedGeneration}=1"
    cluster.kubectl("-n", namespace, "wait", path, "ds/picky", LIMIT)
    assert status() == [0, 0, 0]
    cluster.kubectl("label", "node", "minikube", f"{label}=yes")
    cluster.kubectl("-n", namespace, "wait", "--for=jsonpath={.status.numberReady}=1", "ds/picky", LIMIT)
    assert status() == [1, 1, 0]
    cluster.kubectl("label", "node", "minikube", f"{label}-")
    cluster.kubectl("-n", namespace, "wait", "--for=delete", "pod", "-l", "app=picky", LIMIT)
    wait = "--for=jsonpath={.status.numberMisscheduled}=0"
    cluster.kubectl("-n", namespace, "wait", wait, "ds/picky", LIMIT)
    assert status() == [0, 0, 0]


def test_a_rolling_update_that_could_never_move_is_refused(cluster: Cluster, namespace: str) -> None:
    agent = workload("DaemonSet", "agent", 0)
    del agent["spec"]["replicas"]
    cluster.apply(agent, namespace=namespace)
    for rolling, said in (
        ('{"maxUnavailable":0}', "maxUnavailable: Required value: cannot be 0 when maxSurge is 0"),
        ('{"maxSurge":1}', "maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"),
    ):
        patch = f'{{"spec":{{"updateStrategy":{{"rollingUpdate":{rolling}}}}}}}'
        assert said in cluster.refused("-n", namespace, "patch", "ds", "agent", "-p", patch)
