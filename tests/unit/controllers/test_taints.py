"""NoExecute taints: who leaves the node, when, and who stays."""

from collections import defaultdict

import pytest

from raglab.pocket.controllers import taints
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import daemon_set, deployment, pod
from tests.unit.controllers.test_scheduler import node, running

TAINT = {"key": "gpu", "value": "broken", "effect": "NoExecute"}
KEY = ("default", "p")


def look(tolerations=(), taint=TAINT, now=0.0, waiting=None):
    """The plan for a running pod on a node with a taint, or with none."""
    item = running("p")
    item["spec"]["tolerations"] = list(tolerations)
    there = node(taints=[taint] if taint else [])
    view = defaultdict(Cache, pods=Cache([item]), nodes=Cache([there]))
    return taints.plan(waiting if waiting is not None else {}, view, KEY, now)


def verbs(plan):
    return [(action.verb, action.subresource) for action in plan.actions]


@pytest.mark.parametrize(
    ("tolerations", "leaves"),
    [
        ([], True),
        ([{"key": "gpu", "operator": "Exists"}], False),
        ([{"key": "gpu", "value": "broken"}], False),
        ([{"key": "gpu", "value": "fine"}], True),
        ([{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}], True),
        ([{"operator": "Exists"}], False),
    ],
)
def test_pods_that_do_not_tolerate_the_taint_leave(tolerations, leaves):
    plan = look(tolerations)
    assert verbs(plan) == ([("patch", "status"), ("delete", "")] if leaves else [])
    texts = [(note.type, note.reason, note.message) for note in plan.notes]
    assert texts == (
        [("Normal", "TaintManagerEviction", "Marking for deletion Pod default/p")] if leaves else []
    )


def test_taints_that_only_keep_new_pods_away_evict_nobody():
    assert verbs(look(taint=TAINT | {"effect": "NoSchedule"})) == []


def test_some_tolerate_it_for_a_while():
    while_tolerated, waiting = [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 60}], {}
    plan = look(while_tolerated, now=100.0, waiting=waiting)
    assert (verbs(plan), plan.again) == ([], 60.0)
    plan = look(while_tolerated, now=130.0, waiting=waiting)
    assert (verbs(plan), plan.again) == ([], 30.0)
    assert verbs(look(while_tolerated, now=160.0, waiting=waiting)) == [("patch", "status"), ("delete", "")]


def test_a_taint_that_goes_in_time_is_forgotten():
    while_tolerated, waiting = [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 60}], {}
    look(while_tolerated, now=100.0, waiting=waiting)
    plan = look(while_tolerated, taint=None, now=130.0, waiting=waiting)
    assert [note.message for note in plan.notes] == ["Cancelling deletion of Pod default/p"]
    assert look(while_tolerated, now=190.0, waiting=waiting).again == 60.0


async def test_a_tainted_node_empties_and_fills_again(cluster):
    tolerant = {"tolerations": [{"operator": "Exists"}]}
    await cluster.create("deployments", deployment(replicas=2))
    await cluster.create("daemonsets", daemon_set(pod=tolerant))
    await cluster.create("pods", pod("alone"))

    async def placed():
        return {
            item["metadata"]["name"].split("-")[0]
            for item in await cluster.list("pods")
            if item["status"].get("podIP")
        }

    async def all_run():
        return await placed() == {"web", "agent", "alone"}

    await cluster.until(all_run)
    await cluster.client.patch("nodes", "minikube", "", {"spec": {"taints": [TAINT]}})

    async def only_the_tolerant():
        return await placed() == {"agent"}

    await cluster.until(only_the_tolerant)
    assert ("TaintManagerEviction", "Marking for deletion Pod default/alone") in await cluster.events("alone")
    await cluster.client.patch("nodes", "minikube", "", {"spec": {"taints": None}})

    async def without_the_bare_pod():
        return await placed() == {"web", "agent"}

    await cluster.until(without_the_bare_pod)
