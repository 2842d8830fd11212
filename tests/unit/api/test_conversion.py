"""Events and autoscalers in both their versions."""

import pytest

EVENT = {
    "metadata": {"name": "e"},
    "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
    "reason": "Pulled",
    "note": "pulled",
    "type": "Normal",
    "action": "Pulling",
    "eventTime": "2026-11-21T04:42:51.123456Z",
    "reportingController": "kubelet",
    "reportingInstance": "minikube",
}
METRIC = {
    "type": "Pods",
    "pods": {"metric": {"name": "gpu"}, "target": {"type": "AverageValue", "averageValue": "30"}},
}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def test_events_are_read_in_both_versions(api):
    new = api.create("events@events.k8s.io/v1", EVENT)
    assert (new["apiVersion"], new["note"]) == ("events.k8s.io/v1", "pulled")
    old = api.get("events", "e")
    assert (old["apiVersion"], old["message"], old["involvedObject"]["name"]) == ("v1", "pulled", "p")
    assert "note" not in old
    old = api.patch("events", "e", {"count": 2}, "merge")
    new = api.get("events@events.k8s.io/v1", "e")
    assert (new["deprecatedCount"], new["reportingController"]) == (2, "kubelet")
    assert new["metadata"] == old["metadata"]


async def test_a_watch_shows_the_version_it_was_asked_for(api):
    events = api.watch("events@events.k8s.io/v1")
    api.create("events@events.k8s.io/v1", EVENT)
    event = await anext(events)
    assert (event.object["apiVersion"], event.object["note"]) == ("events.k8s.io/v1", "pulled")


def test_the_simple_autoscaler_is_stored_in_full(api):
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 3, "targetCPUUtilizationPercentage": 60}
    made = api.create("horizontalpodautoscalers@autoscaling/v1", {"metadata": {"name": "h"}, "spec": spec})
    assert made["apiVersion"] == "autoscaling/v1"
    assert made["spec"]["targetCPUUtilizationPercentage"] == 60
    (metric,) = api.get("horizontalpodautoscalers", "h")["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}


@pytest.mark.parametrize("metadata", [{"name": "h"}, {"name": "h", "annotations": {"a": "b"}}])
def test_the_simple_version_loses_nothing(api, metadata):
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 15}}
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 3, "metrics": [METRIC], "behavior": behavior}
    api.create("horizontalpodautoscalers", {"metadata": metadata, "spec": spec})
    condition = {"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-11-21T04:13:15Z"}
    current = [{"type": "Pods", "pods": {"metric": {"name": "m"}, "current": {"averageValue": "5"}}}]
    status = {"desiredReplicas": 1, "conditions": [condition], "currentMetrics": current}
    full = api.patch("horizontalpodautoscalers", "h", {"status": status}, "merge", subresource="status")
    simple = api.get("horizontalpodautoscalers@autoscaling/v1", "h")
    assert "metrics" not in simple["spec"] and "conditions" not in simple["status"]
    version = api.store.version
    api.update("horizontalpodautoscalers@autoscaling/v1", simple)
    assert api.store.version == version
    assert api.get("horizontalpodautoscalers", "h") == full
