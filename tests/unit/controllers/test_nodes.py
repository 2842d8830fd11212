"""Nodes that fall silent, come back or go for ever, and what becomes of their pods."""

from collections import defaultdict

import pytest

from raglab.pocket.controllers import nodes, podgc
from raglab.pocket.informer import Cache
from tests.unit.controllers.test_scheduler import running

GRACE, KEY = 50.0, ("", "minikube")
CREATED = "2026-11-21T04:42:58Z"


def node(ready="True", beat="2026-11-21T04:43:00Z", **spec):
    status = {
        "conditions": [
            {"type": "Ready", "status": ready, "reason": "KubeletReady", "lastHeartbeatTime": beat}
        ]
    }
    return {"metadata": {"name": "minikube", "creationTimestamp": CREATED}, "spec": spec, "status": status}


def lease(renewed):
    return {"metadata": {"name": "minikube", "namespace": "kube-node-lease"}, "spec": {"renewTime": renewed}}


def ready_pod(name="p"):
    return running(name) | {
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    }


class World:
    """What the controller sees, and what it remembers."""

    def __init__(self):
        self.memory, self.now = {}, 1000.0

    def look(self, item, renewed="r", pods=(), after=5.0):
        """The plan `after` so many seconds."""
        self.now += after
        caches = {"leases": Cache([lease(renewed)]), "pods": Cache(pods)}
        view = defaultdict(Cache, nodes=Cache([item] if item else []), **caches)
        return nodes.plan(GRACE, self.memory, view, KEY, self.now)


@pytest.fixture
def world():
    return World()


def patches(plan):
    return [(action.resource, action.subresource, action.patch) for action in plan.actions]


def told(plan):
    return [(note.type, note.reason, note.message) for note in plan.notes]


def test_a_node_is_registered_once_and_its_end_is_told(world):
    plan = world.look(node())
    assert (told(plan), patches(plan), plan.again) == ([], [], nodes.PERIOD)
    assert told(world.look(node(), after=1.0)) == []
    assert told(world.look(node(), "s", after=4.0)) == [
        ("Normal", "RegisteredNode", "Node minikube event: Registered Node minikube in Controller")
    ]
    assert told(world.look(node(), "t")) == []
    assert told(world.look(None)) == [
        ("Normal", "RemovingNode", "Node minikube event: Removing Node minikube from Controller")
    ]


def test_a_silent_node_becomes_unknown_after_its_grace(world):
    looks = [world.look(node()) for _ in range(11)]
    assert not any(patches(plan) for plan in looks[:-1])
    ((resource, subresource, patch),) = patches(looks[-1])
    assert (resource, subresource) == ("nodes", "status")
    by_type = {item["type"]: item for item in patch["status"]["conditions"]}
    assert set(by_type) == set(nodes.REPORTED)
    assert nodes.UNKNOWN.items() <= by_type["Ready"].items()
    assert by_type["Ready"]["lastHeartbeatTime"] == "2026-11-21T04:43:00Z"
    assert ("Normal", "NodeNotReady", "Node minikube status is now: NodeNotReady") in told(looks[-1])


@pytest.mark.parametrize("sign", ["lease", "status"])
def test_any_sign_of_life_ends_the_silence(world, sign):
    for number in range(30):
        minute = f"2026-11-21T05:{number:02}:00Z"
        plan = world.look(node(beat=minute), "r") if sign == "status" else world.look(node(), minute)
        assert patches(plan) == []


def test_a_machine_that_slept_is_not_to_blame(world):
    world.look(node())
    assert patches(world.look(node(), after=3600.0)) == []
    assert world.memory["minikube"].silent == nodes.PERIOD


def test_trouble_is_told_by_taints_and_others_are_kept(world):
    foreign = {"key": "gpu", "effect": "NoSchedule"}
    ((_, _, patch),) = patches(world.look(node("Unknown", taints=[foreign])))
    keys = [(item["key"], item["effect"]) for item in patch["spec"]["taints"]]
    unreachable = "node.kubernetes.io/unreachable"
    assert keys == [("gpu", "NoSchedule"), (unreachable, "NoExecute"), (unreachable, "NoSchedule")]
    tainted = patch["spec"]["taints"]
    assert patches(world.look(node("Unknown", taints=tainted))) == []
    ((_, _, patch),) = patches(world.look(node("True", taints=tainted)))
    assert patch["spec"]["taints"] == [foreign]
    ((_, _, patch),) = patches(world.look(node("True", taints=tainted[1:])))
    assert patch["spec"]["taints"] is None


def test_a_cordoned_node_carries_the_taint_that_says_so(world):
    ((_, _, patch),) = patches(world.look(node(unschedulable=True)))
    assert [(item["key"], item["effect"]) for item in patch["spec"]["taints"]] == [
        ("node.kubernetes.io/unschedulable", "NoSchedule")
    ]


def test_pods_of_a_lost_node_are_no_longer_ready(world):
    plan = world.look(node("Unknown"), pods=[ready_pod()])
    ((resource, subresource, patch),) = patches(plan)[1:]
    assert (resource, subresource) == ("pods", "status")
    assert [(item["type"], item["status"]) for item in patch["status"]["conditions"]] == [("Ready", "False")]
    assert ("Warning", "NodeNotReady", "Node is not ready") in told(plan)


def test_pods_of_a_node_that_is_gone_are_removed_by_force_after_a_while():
    missing, view = {}, defaultdict(Cache, pods=Cache([ready_pod(), running("q", on="other")]))
    assert podgc.plan(missing, view, KEY, 100.0).again == podgc.QUARANTINE
    plan = podgc.plan(missing, view, KEY, 141.0)
    assert [(action.verb, action.obj["metadata"]["name"], action.grace) for action in plan.actions] == [
        ("patch", "p", None),
        ("delete", "p", 0),
    ]
    assert plan.actions[0].patch["status"]["phase"] == "Failed"
    view["nodes"].put(node())
    assert podgc.plan(missing, view, KEY, 142.0).actions == []
    assert missing == {}


async def test_the_controller_runs_beside_all_others(cluster):
    text = "Node minikube event: Registered Node minikube in Controller"
    assert ("RegisteredNode", text) in await cluster.until(lambda: cluster.events("minikube"))
