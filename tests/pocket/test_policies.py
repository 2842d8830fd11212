"""What restrains pods, through kubectl: quotas, limits, priorities, disruption budgets and drains."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.pocket.conftest import Cluster, eventually

LIMITS = """
apiVersion: v1
kind: LimitRange
metadata: {name: sizes}
spec:
  limits:
  - type: Container
    default: {cpu: 200m, memory: 64Mi}
    defaultRequest: {cpu: 100m}
    max: {cpu: "1", memory: 128Mi}
"""


def test_quota_keeps_a_workload_small(cluster: Cluster, namespace: str) -> None:
    def kubectl(*args: str, **more: str) -> str:
        return cluster.kubectl("-n", namespace, *args, **more)

    kubectl("create", "quota", "few", "--hard=pods=2,requests.cpu=1")
    kubectl("create", "deployment", "web", "--image=example.com/wait:1", "--replicas=3")
    must = "is forbidden: failed quota: few: must specify requests.cpu for: wait"
    eventually(lambda: must in kubectl("describe", "replicaset"))
    kubectl("apply", "-f", "-", stdin=LIMITS)
    eventually(lambda: "pods          2     2" in kubectl("describe", "quota"))
    described = kubectl("describe", "namespace", namespace)
    assert "requests.cpu  200m  1" in described
    assert " Container  cpu       -    1      100m             200m           -" in described
    exceeded = "is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2"
    eventually(lambda: exceeded in kubectl("describe", "replicaset"))
    assert "ReplicaFailure   True    FailedCreate" in kubectl("describe", "deployment", "web")
    assert exceeded in cluster.refused("-n", namespace, "run", "one", "--image=example.com/wait:1")
    kubectl("scale", "deployment/web", "--replicas=2")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    eventually(lambda: "ReplicaFailure" not in kubectl("describe", "deployment", "web"))
    kubectl("scale", "deployment/web", "--replicas=1")
    eventually(lambda: "pods: 1/2" in kubectl("get", "quota"))


def test_an_important_pod_displaces_another(cluster: Cluster, namespace: str) -> None:
    def holder(name: str, **more: str) -> dict[str, Any]:
        resources = {"limits": {"example.com/device": "3"}}
        container = {"name": "c", "image": "example.com/wait:1", "resources": resources}
        spec = {"terminationGracePeriodSeconds": 5, "containers": [container]} | more
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}

    def kubectl(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    cluster.kubectl("create", "priorityclass", namespace, "--value=1000", "--description=goes first")
    cluster.apply(holder("modest"), namespace=namespace)
    kubectl("wait", "--for=condition=Ready", "pod/modest", "--timeout=60s")
    cluster.apply(holder("urgent", priorityClassName=namespace), namespace=namespace)
    kubectl("wait", "--for=condition=Ready", "pod/urgent", "--timeout=60s")
    uid = kubectl("get", "pod", "urgent", "-o", "jsonpath={.metadata.uid}")
    events = kubectl("get", "events", "--sort-by=.metadata.name")
    assert f"Preempted by pod {uid} on node minikube" in events
    assert "0/1 nodes are available: 1 Insufficient example.com/device." in events
    assert "NotFound" in cluster.refused("-n", namespace, "get", "pod", "modest")
    assert f"Priority Class Name:  {namespace}" in kubectl("describe", "pod", "urgent")
    unknown = holder("lost", priorityClassName="unheard-of")
    said = cluster.refused("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump(unknown))
    assert 'pods "lost" is forbidden: no PriorityClass with name unheard-of was found' in said
    cluster.kubectl("delete", "priorityclass", namespace)


def test_drain_keeps_to_the_budget(cluster: Cluster, namespace: str) -> None:
    def kubectl(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    kubectl("create", "deployment", namespace, "--image=example.com/wait:1", "--replicas=2")
    kubectl("create", "pdb", "keep", f"--selector=app={namespace}", "--min-available=2")
    kubectl("rollout", "status", f"deployment/{namespace}", "--timeout=60s")
    eventually(lambda: "Total:                2" in kubectl("describe", "pdb", "keep"))
    name = kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    said = cluster.refused("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    assert "(TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget." in said
    kubectl("patch", "pdb", "keep", "-p", '{"spec":{"minAvailable":0}}')
    eventually(lambda: kubectl("get", "pdb", "keep", "-o", "jsonpath={.status.disruptionsAllowed}") == "2")
    leaving = set(kubectl("get", "pods", "-o", "name").split())
    only = f"--pod-selector=app={namespace}"
    assert "node/minikube drained" in cluster.kubectl("drain", "minikube", only, "--timeout=60s")
    assert "Ready,SchedulingDisabled" in cluster.kubectl("get", "nodes")
    assert leaving.isdisjoint(kubectl("get", "pods", "-o", "name").split())
    assert cluster.kubectl("uncordon", "minikube") == "node/minikube uncordoned\n"
    kubectl("rollout", "status", f"deployment/{namespace}", "--timeout=60s")
