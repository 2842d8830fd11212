"""The scheduler: which node, and the recorded words when there is none."""

from collections import defaultdict

import pytest

from raglab.pocket import scheduler
from raglab.pocket.control.fitting import requests
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import claim, pod

GPU = "example.com/gpu"
PREEMPTION = "no new claims to deallocate, preemption: 0/1 nodes are available: 1"
NO_VICTIMS = f"{PREEMPTION} No preemption victims found for incoming pod."
HELPLESS = f"{PREEMPTION} Preemption is not helpful for scheduling."


def node(name="minikube", ready="True", labels=None, allocatable=None, **spec):
    status = {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110", GPU: "4"} | (allocatable or {}),
        "conditions": [{"type": "Ready", "status": ready}],
    }
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec, "status": status}


def stored(item, **status):
    item["metadata"] |= {
        "uid": f"uid-{item['metadata']['name']}",
        "generation": 1,
        "creationTimestamp": "2026-11-21T04:42:58Z",
    }
    item["status"] = status
    return item


def running(name, on="minikube", phase="Running", **requests):
    return stored(pod(name, requests=requests.get("requests"), nodeName=on), phase=phase)


def schedule(item, nodes=None, pods=(), claims=(), now=0.0):
    """The plan for a pod that waits."""
    view = defaultdict(Cache, nodes=Cache(nodes if nodes is not None else [node()]))
    view["pods"], view["persistentvolumeclaims"] = Cache([stored(item), *pods]), Cache(claims)
    return scheduler.plan(view, ("default", item["metadata"]["name"]), now)


def bound_to(plan):
    (action,) = plan.actions
    assert (action.verb, action.resource, action.subresource) == ("update", "pods", "binding")
    return action.obj["target"]["name"]


def refusal(plan):
    (note,), (action,) = plan.notes, plan.actions
    (condition,) = action.patch["status"]["conditions"]
    assert (note.type, note.reason, condition["reason"], condition["status"]) == (
        "Warning", "FailedScheduling", "Unschedulable", "False",
    )  # fmt: skip
    assert note.message == condition["message"]
    return note.message


def test_binds_and_says_so():
    plan = schedule(pod())
    assert bound_to(plan) == "minikube"
    assert plan.actions[0].done.message == "Successfully assigned default/p to minikube"


def test_extended_resource_in_use_is_told_as_recorded():
    holders = [running(f"holder-{i}", requests={GPU: "1"}) for i in range(4)]
    message = refusal(schedule(pod(requests={GPU: "1"}), pods=holders))
    assert message == f"0/1 nodes are available: 1 Insufficient {GPU}. {NO_VICTIMS}"


def test_finished_pods_hold_nothing():
    holders = [running(f"holder-{i}", phase="Succeeded", requests={GPU: "1"}) for i in range(4)]
    assert bound_to(schedule(pod(requests={GPU: "4"}), pods=holders)) == "minikube"


def test_more_than_the_node_has_is_told_as_recorded():
    message = refusal(schedule(pod(requests={GPU: "8"})))
    assert message == f"0/1 nodes are available: 1 Insufficient {GPU}. {HELPLESS}"


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (node(unschedulable=True), "node(s) were unschedulable"),
        (
            node(taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}]),
            "node(s) had untolerated taint(s)",
        ),
        (node(ready="False"), "node(s) were not ready"),
    ],
)
def test_other_reasons_and_preemption_does_not_help(there, reason):
    assert refusal(schedule(pod(), nodes=[there])) == f"0/1 nodes are available: 1 {reason}. {HELPLESS}"


def test_node_selector_and_affinity():
    reason = f"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. {HELPLESS}"
    assert refusal(schedule(pod(nodeSelector={"disk": "fast"}))) == reason
    assert (
        bound_to(schedule(pod(nodeSelector={"disk": "fast"}), nodes=[node(labels={"disk": "fast"})]))
        == "minikube"
    )
    terms = [{"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["fast"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    wants = {"affinity": {"nodeAffinity": required}}
    assert refusal(schedule(pod(**wants), nodes=[node(labels={"disk": "fast"})])) == reason
    assert bound_to(schedule(pod(**wants))) == "minikube"
    terms[0] = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}
    assert bound_to(schedule(pod(**wants), nodes=[node("a"), node("b")])) == "b"


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "k", "value": "w"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration, fits):
    tainted = node(taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    plan = schedule(pod(tolerations=[toleration]), nodes=[tainted])
    assert bool(plan.notes) is not fits


def test_several_nodes_are_counted_by_reason():
    nodes = [node("a", ready="False"), node("b"), node("c")]
    pods = [running(name, on=on, requests={"cpu": "4"}) for name, on in (("x", "b"), ("y", "c"))]
    assert refusal(schedule(pod(requests={"cpu": "1"}), nodes, pods)) == (
        "0/3 nodes are available: 1 node(s) were not ready, 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, "
        "2 No preemption victims found for incoming pod."
    )


def test_least_loaded_node_is_taken():
    pods = [
        running("x", on="a", requests={"cpu": "2", "memory": "1Gi"}),
        running("y", on="b", requests={"cpu": "1"}),
    ]
    assert bound_to(schedule(pod(requests={"cpu": "1"}), [node("a"), node("b")], pods)) == "b"


def test_no_nodes():
    assert refusal(schedule(pod(), nodes=[])) == "no nodes available to schedule pods"


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        ([claim()], "pod has unbound immediate PersistentVolumeClaims"),
    ],
)
def test_claims_that_are_not_ready_are_told_as_recorded(claims, text):
    wants = pod(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
    claims = [stored(item, phase="Pending") for item in claims]
    assert refusal(schedule(wants, claims=claims)) == f"0/1 nodes are available: {text}. not found"


def test_the_same_reason_is_told_once():
    waiting = pod(requests={GPU: "8"})
    first = schedule(waiting)
    view = defaultdict(Cache, nodes=Cache([node()]))
    view["pods"] = Cache([waiting | {"status": first.actions[0].patch["status"]}])
    assert scheduler.plan(view, ("default", "p"), 1.0) == type(first)()


@pytest.mark.parametrize(
    "change", [{"nodeName": "minikube"}, {"schedulerName": "other"}, {"schedulingGates": [{"name": "g"}]}]
)
def test_pods_that_are_not_ours_are_left_alone(change):
    assert not schedule(pod(**change)).actions


def test_requests_count_init_containers_and_sidecars():
    def container(cpu, **more):
        return {"resources": {"requests": {"cpu": cpu}}} | more

    def asked(containers, init):
        return requests(
            {"metadata": {"uid": "u"}, "spec": {"containers": containers, "initContainers": init}}
        )

    assert asked([container("1"), container("500m")], [container("2")]) == {"cpu": 2000, "pods": 1000}
    sidecar = container("250m", restartPolicy="Always")
    assert asked([container("1")], [sidecar, container("1500m")])["cpu"] == 1750


async def test_waiting_pod_gets_what_another_frees(cluster):
    for index in range(5):
        await cluster.create("pods", pod(f"hold-{index}", requests={GPU: "1"}))

    async def all_but_one():
        pods = await cluster.list("pods")
        return [item["spec"].get("nodeName") for item in pods].count(
            "minikube"
        ) == 4 and await cluster.events("hold-4")

    await cluster.until(all_but_one)
    assert await cluster.events("hold-4") == [
        ("FailedScheduling", f"0/1 nodes are available: 1 Insufficient {GPU}. {NO_VICTIMS}")
    ]
    await cluster.client.delete("pods", "hold-0", "default")

    async def bound():
        return (await cluster.get("pods", "hold-4"))["spec"].get("nodeName")

    await cluster.until(bound)

    async def told():
        return (await cluster.events("hold-4"))[1:] == [
            ("Scheduled", "Successfully assigned default/hold-4 to minikube")
        ]

    await cluster.until(told)
    (condition,) = [
        item
        for item in (await cluster.get("pods", "hold-4"))["status"]["conditions"]
        if item["type"] == "PodScheduled"
    ]
    assert condition["status"] == "True"
