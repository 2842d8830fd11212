"""DaemonSets: the plan for several nodes, and the whole life on the real registry."""

import re
from collections import defaultdict

import pytest

from raglab.pocket.control.daemons import HASH
from raglab.pocket.controllers import daemonsets
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import daemon_set
from tests.unit.controllers.test_scheduler import node

TROUBLE = ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]
TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def plan(*nodes, pods=(), now=1_800_000_000.0, **spec):
    owner = daemon_set(**spec)
    owner["metadata"] |= {"uid": "u", "generation": 3}
    view = defaultdict(Cache, daemonsets=Cache([owner]), nodes=Cache(nodes), pods=Cache(pods))
    return daemonsets.plan(view, ("default", "agent"), now)


def made(result):
    return [action.obj for action in result.actions if (action.verb, action.resource) == ("create", "pods")]


def where(result):
    """Nodes that get a pod."""
    rules = (
        pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        for pod in made(result)
    )
    return [rule["nodeSelectorTerms"][0]["matchFields"][0]["values"][0] for rule in rules]


def deleted(result):
    return [action.obj["metadata"]["name"] for action in result.actions if action.verb == "delete"]


def status(result):
    return next(action.obj["status"] for action in result.actions if action.subresource == "status")


def running(name, on, digest="", phase="Running", **meta):
    """A pod of the set on a node."""
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u", "controller": True}
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": name,
        "labels": {"app": "agent", HASH: digest},
        "ownerReferences": [owner],
        "creationTimestamp": "2026-11-21T04:42:58Z",
    }
    return {
        "metadata": metadata | meta,
        "spec": {"nodeName": on},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(phase == "Running")}]},
    }


@pytest.mark.parametrize(
    ("pod", "nodes"),
    [
        ({}, ["a", "c", "d"]),
        ({"nodeSelector": {"gpu": "yes"}}, ["c"]),
        ({"nodeName": "c"}, ["c"]),
        ({"tolerations": [{"key": "gpu", "operator": "Exists"}]}, ["a", "b", "c", "d"]),
        ({"tolerations": [{"operator": "Exists"}], "nodeSelector": {"gpu": "yes"}}, ["b", "c"]),
    ],
)
def test_pods_go_to_the_nodes_that_fit(pod, nodes):
    labels = {"gpu": "yes"}
    there = [node("a"), node("b", labels=labels, taints=[TAINT]), node("c", labels=labels), node("d")]
    result = plan(*there, pod=pod)
    assert where(result) == nodes
    assert status(result)["desiredNumberScheduled"] == len(nodes)


def test_a_cordoned_node_and_one_under_pressure_keep_their_daemons():
    pressure = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}
    assert where(plan(node("a", unschedulable=True), node("b", taints=[pressure]))) == ["a", "b"]


def test_pods_tolerate_what_daemons_tolerate():
    (pod,) = made(plan(node("a")))
    found = [(item["key"].partition("/")[2], item["effect"]) for item in pod["spec"]["tolerations"]]
    assert found == [
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), *((name, "NoSchedule") for name in TROUBLE)
    ]  # fmt: skip
    assert all(item["operator"] == "Exists" for item in pod["spec"]["tolerations"])
    (pod,) = made(plan(node("a"), pod={"hostNetwork": True}))
    assert pod["spec"]["tolerations"][-1]["key"] == "node.kubernetes.io/network-unavailable"


def test_pods_leave_nodes_that_no_longer_fit():
    no_execute = TAINT | {"effect": "NoExecute"}
    pods = [running("p1", "a"), running("p2", "b"), running("p3", "c"), running("p4", "gone")]
    result = plan(node("a", taints=[TAINT]), node("b", taints=[no_execute]), node("c"), pods=pods)
    assert sorted(deleted(result)) == ["p2", "p4"]  # a new taint of p1's node only keeps new pods away
    assert status(result)["numberMisscheduled"] == 2


def test_only_the_oldest_of_two_pods_stays():
    older = running("z", "a", creationTimestamp="2026-11-21T04:00:00Z")
    assert deleted(plan(node("a"), pods=[running("p", "a"), older])) == ["p"]


@pytest.mark.parametrize(
    ("phase", "reason", "text"),
    [
        ("Failed", "FailedDaemonPod", "Found failed daemon pod default/p on node a, will try to kill it"),
        ("Succeeded", "SucceededDaemonPod", "Found succeeded daemon pod default/p on node a, will try to delete it"),
    ],
)  # fmt: skip
def test_pods_that_ended_are_told_and_removed(phase, reason, text):
    result = plan(node("a"), pods=[running("p", "a", phase=phase)])
    assert deleted(result) == ["p"]
    assert [(note.reason, note.message) for note in result.notes] == [(reason, text)]


def test_a_pod_that_fails_at_once_is_not_replaced_at_once():
    on_delete = {"type": "OnDelete"}
    pods = [running("p", "a", phase="Failed")]
    result = plan(node("a"), pods=pods, now=1795236178.4, updateStrategy=on_delete)
    assert (deleted(result), round(result.again, 3)) == ([], 0.6)


def test_old_pods_are_replaced_node_by_node():
    nodes = [node(name) for name in "abcd"]
    pods = [running(f"p{name}", name, "old") for name in "abcd"]
    assert deleted(plan(*nodes, pods=pods)) == ["pa"]
    half = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}
    assert deleted(plan(*nodes, pods=pods, updateStrategy=half)) == ["pa", "pb"]
    assert deleted(plan(*nodes, pods=pods, updateStrategy={"type": "OnDelete"})) == []
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    result = plan(*nodes, pods=pods, updateStrategy=surge)
    assert (where(result), deleted(result)) == (["a"], [])


def settled(cluster, generation=1):
    """The DaemonSet when its one pod is new and available."""

    async def check():
        found = await cluster.get("daemonsets", "agent")
        status = found["status"]
        counts = [status.get(key, 0) for key in ("updatedNumberScheduled", "numberAvailable", "numberReady")]
        return found if (status.get("observedGeneration"), counts) == (generation, [1, 1, 1]) else None

    return cluster.until(check)


async def set_image(cluster, image):
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await cluster.client.patch("daemonsets", "agent", "default", patch, type="strategic")


async def test_one_pod_comes_with_its_version_and_is_replaced(cluster):
    await cluster.create("daemonsets", daemon_set())
    found = await settled(cluster)
    assert found["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "1"}
    assert found["status"] == {
        "currentNumberScheduled": 1,
        "desiredNumberScheduled": 1,
        "numberMisscheduled": 0,
        "numberReady": 1,
        "updatedNumberScheduled": 1,
        "numberAvailable": 1,
        "observedGeneration": 1,
    }
    (pod,) = await cluster.list("pods")
    (revision,) = await cluster.list("controllerrevisions")
    digest = pod["metadata"]["labels"][HASH]
    assert (revision["metadata"]["name"], revision["revision"]) == (f"agent-{digest}", 1)
    assert revision["metadata"]["labels"] == {"app": "agent", HASH: digest}
    assert pod["metadata"]["labels"]["pod-template-generation"] == "1"
    assert re.fullmatch("agent-[a-z0-9]{5}", pod["metadata"]["name"])
    assert pod["spec"]["nodeName"] == "minikube"
    await set_image(cluster, "a:2")
    found = await settled(cluster, 2)
    (new,) = await cluster.list("pods")
    assert (new["spec"]["containers"][0]["image"], new["metadata"]["labels"]["pod-template-generation"]) == (
        "a:2",
        "2",
    )
    old_name, new_name = (item["metadata"]["name"] for item in (pod, new))
    assert await cluster.events("agent") == [
        ("SuccessfulCreate", f"Created pod: {old_name}"),
        ("SuccessfulDelete", f"Deleted pod: {old_name}"),
        ("SuccessfulCreate", f"Created pod: {new_name}"),
    ]


async def test_a_rollback_makes_the_old_version_the_newest(cluster):
    await cluster.create("daemonsets", daemon_set())
    await settled(cluster)
    (first,) = await cluster.list("controllerrevisions")
    await set_image(cluster, "a:2")
    await settled(cluster, 2)
    await cluster.client.patch("daemonsets", "agent", "default", first["data"], type="strategic")
    await settled(cluster, 3)
    numbers = {
        item["metadata"]["name"]: item["revision"] for item in await cluster.list("controllerrevisions")
    }
    assert (sorted(numbers.values()), numbers[first["metadata"]["name"]]) == ([2, 3], 3)


async def test_deleted_pods_come_back_and_a_deleted_set_takes_its_pods_along(cluster):
    await cluster.create("daemonsets", daemon_set())
    await settled(cluster)
    (pod,) = await cluster.list("pods")
    await cluster.client.delete("pods", pod["metadata"]["name"], "default")

    async def another():
        return [
            item for item in await cluster.list("pods") if item["metadata"]["uid"] != pod["metadata"]["uid"]
        ]

    await cluster.until(another)
    await cluster.client.delete("daemonsets", "agent", "default", propagation="Background")

    async def gone():
        return not await cluster.list("pods") and not await cluster.list("controllerrevisions")

    await cluster.until(gone)


async def test_a_label_on_the_node_brings_the_pod(cluster):
    await cluster.create("daemonsets", daemon_set(pod={"nodeSelector": {"gpu": "yes"}}))

    async def seen():
        found = await cluster.get("daemonsets", "agent")
        return found["status"].get("observedGeneration")

    await cluster.until(seen)
    assert await cluster.list("pods") == []
    await cluster.client.patch("nodes", "minikube", "", {"metadata": {"labels": {"gpu": "yes"}}})
    await settled(cluster)
    await cluster.client.patch("nodes", "minikube", "", {"metadata": {"labels": {"gpu": "no"}}})

    async def gone():
        return not await cluster.list("pods")

    await cluster.until(gone)
