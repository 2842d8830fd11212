"""What restrains pods, through kubectl: quotas, limits, priorities, disruption budgets and drains."""

from __future__ import annotations

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
    kubectl("patch", "quota", "few", "-p", '{"spec":{"hard":{"pods":"3"}}}')
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    eventually(lambda: "ReplicaFailure" not in kubectl("describe", "deployment", "web"))
    kubectl("scale", "deployment/web", "--replicas=1")
    eventually(lambda: "pods: 1/3" in kubectl("get", "quota"))
