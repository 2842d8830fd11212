"""Pod status from container states: phase, conditions, QoS class."""

import pytest

from raglab.pocket.node import status

RUNNING = {"state": {"running": {}}}
WAITING = {"state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}}
CRASHED = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}
DONE = {"state": {"terminated": {"exitCode": 0}}}
FAILED = {"state": {"terminated": {"exitCode": 3}}}


@pytest.mark.parametrize(
    ("policy", "init", "containers", "expected"),
    [
        ("Always", [], [WAITING], "Pending"),
        ("Always", [], [RUNNING, WAITING], "Pending"),
        ("Always", [], [RUNNING, CRASHED], "Running"),
        ("Always", [], [DONE], "Running"),
        ("OnFailure", [], [DONE], "Succeeded"),
        ("OnFailure", [], [FAILED], "Running"),
        ("Never", [], [DONE, FAILED], "Failed"),
        ("Never", [], [DONE, RUNNING], "Running"),
        ("Never", [FAILED], [WAITING], "Failed"),
    ],
)
def test_phase(policy: str, init: list, containers: list, expected: str):
    assert status.phase(policy, init, containers) == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"limits": {"example.com/gpu": "1"}}, "BestEffort"),
        ({"requests": {"cpu": "100m"}}, "Burstable"),
        (
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}},
            "Guaranteed",
        ),
        (
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}},
            "Burstable",
        ),
    ],
)
def test_qos_class(resources: dict, expected: str):
    assert status.qos_class({"containers": [{"name": "c", "resources": resources}]}) == expected


def test_conditions_keep_their_transition_time_until_they_change():
    pod = {"metadata": {"generation": 1}, "status": {}}
    pod["status"]["conditions"] = status.conditions(pod, "Running", True, ["c"], [], True, "t1")
    after = {c["type"]: c for c in status.conditions(pod, "Running", True, [], [], True, "t2")}
    assert after["Ready"]["status"] == "True"
    assert after["Ready"]["lastTransitionTime"] == "t2"
    assert after["Initialized"]["lastTransitionTime"] == "t1"
    assert "reason" not in after["Ready"]


def test_unready_containers_are_named():
    pod = {"metadata": {}, "status": {}}
    found = {c["type"]: c for c in status.conditions(pod, "Running", True, ["a", "b"], [], True, "t")}
    assert found["Ready"]["reason"] == "ContainersNotReady"
    assert found["ContainersReady"]["message"] == "containers with unready status: [a b]"
