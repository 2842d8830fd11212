"""Deployments, StatefulSets and Jobs through kubectl, with real processes as pods."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pocket.conftest import Cluster

pytestmark = pytest.mark.pocket
LIMIT = "--timeout=60s"


def workload(
    kind: str, name: str, replicas: int, image: str = "example.com/wait:1", **spec: Any
) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 5, "containers": [{"name": "c", "image": image}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


def events(cluster: Cluster, namespace: str, target: str) -> list[str]:
    """The messages of an object's events, oldest first."""
    path = "{range .items[*]}{.message}{'\\n'}{end}"
    found = cluster.kubectl(
        "-n",
        namespace,
        "get",
        "events",
        f"--field-selector=involvedObject.name={target}",
        "-o",
        f"jsonpath={path}",
    )
    return found.splitlines()


def test_rolling_update_and_undo(cluster: Cluster, namespace: str) -> None:
    def run(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    cluster.apply(workload("Deployment", "web", 3), namespace=namespace)
    assert "successfully rolled out" in run("rollout", "status", "deploy/web", LIMIT)
    assert "deployment.apps/web condition met" in run(
        "wait", "--for=condition=available", "deploy/web", LIMIT
    )
    run("set", "image", "deploy/web", "c=example.com/wait:2")
    told = run("rollout", "status", "deploy/web", LIMIT)
    waiting = (
        r'(Waiting for deployment "web" rollout to finish: .*\n)*'  # as much as kubectl is in time to see
    )
    assert re.fullmatch(waiting + r'deployment "web" successfully rolled out\n', told)
    assert re.findall(r"^(\d+) ", run("rollout", "history", "deploy/web"), re.M) == ["1", "2"]
    steps = [re.sub(r"replica set \S+ ", "", text) for text in events(cluster, namespace, "web")]
    assert steps == [
        "Scaled up from 0 to 3",
        "Scaled up from 0 to 1",
        "Scaled down from 3 to 2",
        "Scaled up from 1 to 2",
        "Scaled down from 2 to 1",
        "Scaled up from 2 to 3",
        "Scaled down from 1 to 0",
    ]
    run("rollout", "undo", "deploy/web")
    run("rollout", "status", "deploy/web", LIMIT)
    assert (
        run("get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}").split()[0]
        == "example.com/wait:1"
    )
    assert re.findall(r"^(\d+) ", run("rollout", "history", "deploy/web"), re.M) == ["2", "3"]


def test_unknown_image_stops_the_rollout_and_not_the_service(cluster: Cluster, namespace: str) -> None:
    cluster.apply(workload("Deployment", "web", 2), namespace=namespace)
    cluster.kubectl("-n", namespace, "rollout", "status", "deploy/web", LIMIT)
    cluster.kubectl("-n", namespace, "set", "image", "deploy/web", "c=example.com/nosuch:1")
    said = cluster.refused("-n", namespace, "rollout", "status", "deploy/web", "--timeout=2s")
    assert "timed out waiting for the condition" in said
    assert cluster.json("-n", namespace, "get", "deploy", "web")["status"]["availableReplicas"] == 2
    cluster.kubectl("-n", namespace, "rollout", "undo", "deploy/web")
    cluster.kubectl("-n", namespace, "rollout", "status", "deploy/web", LIMIT)


def test_stateful_set_keeps_names_and_order(cluster: Cluster, namespace: str) -> None:
    def run(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    cluster.apply(workload("StatefulSet", "db", 2, serviceName="db"), namespace=namespace)
    assert "partitioned roll out complete: 2 new pods" in run("rollout", "status", "sts/db", LIMIT)
    run("scale", "sts/db", "--replicas=1")
    run("wait", "--for=delete", "pod/db-1", LIMIT)
    old = run("get", "pod", "db-0", "-o", "jsonpath={.metadata.uid}")
    run("delete", "pod", "db-0")
    run("wait", "--for=condition=Ready", "pod/db-0", LIMIT)
    assert run("get", "pod", "db-0", "-o", "jsonpath={.metadata.uid}") != old
    assert events(cluster, namespace, "db") == [
        "Create Pod db-0 in StatefulSet db successful",
        "Create Pod db-1 in StatefulSet db successful",
        "Delete Pod db-1 in StatefulSet db successful",
    ]
    run("rollout", "restart", "sts/db")
    run("rollout", "status", "sts/db", LIMIT)
    assert re.findall(r"^(\d+) ", run("rollout", "history", "sts/db"), re.M) == ["1", "2"]


def test_job_completes_and_a_failing_one_gives_up(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "create", "job", "good", "--image=busybox", "--", "true")
    cluster.kubectl("-n", namespace, "wait", "--for=condition=complete", "job/good", LIMIT)
    status = cluster.json("-n", namespace, "get", "job", "good")["status"]
    assert status["succeeded"] == 1 and [item["type"] for item in status["conditions"]] == [
        "SuccessCriteriaMet",
        "Complete",
    ]
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox", "command": ["false"]}]}
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    bad = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "bad"}, "spec": spec}
    cluster.apply(bad, namespace=namespace)
    cluster.kubectl("-n", namespace, "wait", "--for=condition=failed", "job/bad", LIMIT)
    assert events(cluster, namespace, "bad")[-1] == "Job has reached the specified backoff limit"


def test_cascades(cluster: Cluster, namespace: str) -> None:
    def run(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    for name, cascade in (("one", "foreground"), ("two", "background")):
        cluster.apply(workload("Deployment", name, 1), namespace=namespace)
        run("rollout", "status", f"deploy/{name}", LIMIT)
        run("delete", "deploy", name, f"--cascade={cascade}", LIMIT)
        run("wait", "--for=delete", "pod", "-l", f"app={name}", LIMIT)
    cluster.apply(workload("Deployment", "three", 1), namespace=namespace)
    run("rollout", "status", "deploy/three", LIMIT)
    run("delete", "deploy", "three", "--cascade=orphan", LIMIT)
    assert len(run("get", "rs,pods", "-l", "app=three", "-o", "name").split()) == 2


def test_deleted_namespace_is_empty_and_gone(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "short-lived")
    cluster.apply(workload("Deployment", "web", 1), namespace="short-lived")
    cluster.kubectl("-n", "short-lived", "rollout", "status", "deploy/web", LIMIT)
    cluster.kubectl("delete", "namespace", "short-lived", LIMIT)
    assert 'namespaces "short-lived" not found' in cluster.refused("get", "ns", "short-lived")
