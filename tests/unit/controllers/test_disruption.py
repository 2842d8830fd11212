"""Disruption budgets: how many pods may be missed, as the status tells it."""

from collections import defaultdict

import pytest

from raglab.pocket.clock import timestamp
from raglab.pocket.control.budgets import evicted
from raglab.pocket.controllers import disruption
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import deployment, pod, replica_set

NOW = 1_800_000_000.0
OWNED = {
    "metadata": {"ownerReferences": [{"uid": "rs", "kind": "ReplicaSet", "name": "rs", "controller": True}]}
}


def replica(name, ready=True):
    item = pod(name, {"app": "web"})
    item["metadata"] |= OWNED["metadata"] | {"uid": name}
    item["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    return item


def look(pods, replicas=3, status=None, now=NOW, **spec):
    """The plan for a budget beside a Deployment of so many replicas."""
    budget = {
        "metadata": {"name": "b", "namespace": "default", "uid": "b", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}} | spec,
        "status": status or {},
    }
    web, one = deployment(replicas=replicas), replica_set(replicas=replicas + 1)
    web["metadata"] |= {"uid": "d"}
    one["metadata"] |= {
        "uid": "rs",
        "ownerReferences": [{"uid": "d", "kind": "Deployment", "name": "web", "controller": True}],
    }
    view = defaultdict(Cache, pods=Cache(pods), poddisruptionbudgets=Cache([budget]))
    view |= {"deployments": Cache([web]), "replicasets": Cache([one])}
    return disruption.plan(view, ("default", "b"), now)


def counted(plan):
    status = plan.actions[0].obj["status"]
    return tuple(
        status[name] for name in ("currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed")
    )


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"minAvailable": 2}, (3, 2, 3, 1)),
        ({"minAvailable": 3}, (3, 3, 3, 0)),
        ({"minAvailable": "50%"}, (3, 2, 4, 1)),
        ({"maxUnavailable": 1}, (3, 3, 4, 0)),
        ({"maxUnavailable": "50%"}, (3, 2, 4, 1)),
        ({"maxUnavailable": 0}, (3, 4, 4, 0)),
    ],
)
def test_counts(spec, counts):
    assert counted(look([replica("a"), replica("b"), replica("c")], replicas=4, **spec)) == counts


def test_pods_that_are_not_ready_or_leave_do_not_count_as_healthy():
    leaving = replica("c")
    leaving["metadata"]["deletionTimestamp"] = timestamp(NOW)
    assert counted(look([replica("a"), replica("b", ready=False), leaving], minAvailable=1)) == (1, 1, 3, 0)


def test_an_eviction_counts_until_it_is_seen_or_doubted():
    pods = [replica("a"), replica("b"), replica("c")]
    status = look(pods, minAvailable=1).actions[0].obj["status"]
    promised = evicted(status, pods[0], NOW)
    assert (promised["disruptionsAllowed"], promised["disruptedPods"]) == (1, {"a": timestamp(NOW)})
    assert evicted(promised, pods[1], NOW)["conditions"][0]["reason"] == "InsufficientPods"
    soon = look(pods, status=promised, minAvailable=1)
    assert not soon.actions or counted(soon) == (2, 1, 3, 1)
    assert soon.again == 120
    assert counted(look(pods, status=promised, now=NOW + 121, minAvailable=1)) == (3, 1, 3, 2)


def test_odd_budgets_say_so():
    assert [note.reason for note in look([], minAvailable=1).notes] == ["NoPods"]
    stray = replica("a")
    stray["metadata"]["ownerReferences"] = []
    (note,) = look([stray], maxUnavailable=1).notes
    assert note.reason == "UnmanagedPods" and "(selector: app=web)" in note.message
