import copy
import json
import re

import pytest

from raglab.pocket.kinds import defaults_pods

from .cases import DATA

RECORDED = json.loads((DATA / "completed.json").read_text())
SUFFIX = re.compile(r"kube-api-access-[a-z0-9]{5}")


def comparable(obj):
    shown = {key: value for key, value in obj.items() if key != "status"}
    shown["metadata"] = {key: value for key, value in obj["metadata"].items() if key != "uid"}
    return json.loads(SUFFIX.sub("kube-api-access-?????", json.dumps(shown)))


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["given"]["kind"])
def test_objects_become_what_a_real_server_stored(case, complete):
    given = copy.deepcopy(case["given"])
    given["metadata"]["uid"] = case["uid"]
    assert comparable(complete(given)) == case["stored"]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["given"]["kind"])
def test_completing_twice_changes_nothing(case, complete):
    once = complete(copy.deepcopy(case["given"]))
    assert complete(copy.deepcopy(once), once) == once


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("busybox", "Always"),
        ("busybox:latest", "Always"),
        ("registry:5000/busybox", "Always"),
        ("registry:5000/busybox:1.36", "IfNotPresent"),
        ("busybox@sha256:0123", "IfNotPresent"),
    ],
)
def test_pull_policy_follows_the_tag(image, policy):
    assert defaults_pods.pull_policy(image) == policy


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"limits": {"example.com/gpu": "1"}}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "512Mi"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources, quality, complete):
    container = {"name": "c", "image": "x:1", "resources": resources}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    assert complete(pod)["status"] == {"phase": "Pending", "qosClass": quality}


def test_a_pod_may_decline_its_token(complete):
    spec = {"containers": [{"name": "c", "image": "x:1"}], "automountServiceAccountToken": False}
    pod = complete({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    assert "volumes" not in pod["spec"]


def test_admission_touches_new_objects_only(complete):
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {}}
    new = complete(claim)
    assert new["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    released = copy.deepcopy(new)
    del released["metadata"]["finalizers"]
    assert "finalizers" not in complete(released, new)["metadata"]


def test_autoscaling_behaviour_is_filled_in(complete):
    target = {"kind": "Deployment", "name": "d"}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": target, "behavior": {"scaleDown": {}}},
    }
    stored = complete(autoscaler)["spec"]
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
    assert stored["behavior"]["scaleDown"] == {"policies": [percent], "selectPolicy": "Max"}
    assert stored["behavior"]["scaleUp"]["policies"] == [pods, percent]
    assert stored["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_plain_text_of_secrets_is_encoded(complete):
    given = {"data": {"b": "eA=="}, "stringData": {"a": "é"}}
    stored = complete({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}} | given)
    assert stored["data"] == {"a": "w6k=", "b": "eA=="}
    assert "stringData" not in stored
