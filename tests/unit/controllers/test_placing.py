"""The scheduler and other pods: company wanted and unwanted, spreading, preferences, and making room by priority."""

from collections import defaultdict

import pytest

from raglab.pocket import scheduler
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import pod
from tests.unit.controllers.test_scheduler import bound_to, node, refusal, schedule, stored

HOST, ZONE = "kubernetes.io/hostname", "zone"


def there(name, on, labels=None, **spec):
    status = spec.pop("status", {})
    return stored(pod(name, labels, nodeName=on, **spec), **{"phase": "Running", **status})


def places(*zones):
    return [node(f"n{i}", labels={HOST: f"n{i}", ZONE: zone}) for i, zone in enumerate(zones)]


def near(kind, labels, key=HOST, **more):
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": key} | more
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def spread(labels, when="DoNotSchedule", key=ZONE, **more):
    rule = {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": when,
        "labelSelector": {"matchLabels": labels},
    }
    return {"topologySpreadConstraints": [rule | more]}


def test_company_is_sought_in_the_whole_domain():
    others = [there("db", "n1", {"app": "db"})]
    wanting = pod(**near("podAffinity", {"app": "db"}, ZONE))
    assert bound_to(schedule(wanting, places("a", "b"), others)) == "n1"
    message = refusal(schedule(pod(**near("podAffinity", {"app": "none"})), places("a"), others))
    assert message == (
        "0/1 nodes are available: 1 node(s) didn't match pod affinity rules. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


def test_the_first_of_a_group_that_likes_itself_may_go_anywhere():
    assert (
        bound_to(schedule(pod(labels={"app": "x"}, **near("podAffinity", {"app": "x"})), places("a"))) == "n0"
    )


def test_unwanted_company_is_avoided_from_both_sides():
    apart = near("podAntiAffinity", {"app": "web"})
    one = there("one", "n0", {"app": "web"}, **apart)
    assert bound_to(schedule(pod(labels={"app": "web"}, **apart), places("a", "a"), [one])) == "n1"
    message = refusal(schedule(pod(labels={"app": "web"}, **apart), places("a"), [one]))
    assert message.startswith("0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. ")
    assert "1 No preemption victims found for incoming pod." in message
    message = refusal(schedule(pod(labels={"app": "web"}), places("a"), [one]))
    assert message.startswith(
        "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. "
    )


def test_company_in_other_namespaces_counts_only_if_named():
    other = there("db", "n0", {"app": "db"})
    other["metadata"]["namespace"] = "team"
    assert "pod affinity rules" in refusal(
        schedule(pod(**near("podAffinity", {"app": "db"})), places("a"), [other])
    )
    named = pod(**near("podAffinity", {"app": "db"}, namespaces=["team"]))
    assert bound_to(schedule(named, places("a"), [other])) == "n0"


def test_spreading_over_domains():
    labels = {"app": "web"}
    others = [there("a", "n0", labels), there("b", "n1", labels), there("c", "n2", labels)]
    nodes = places("a", "a", "b")
    assert bound_to(schedule(pod(labels=labels, **spread(labels)), nodes, others)) == "n2"
    nodes[2]["spec"]["unschedulable"] = True
    assert refusal(schedule(pod(labels=labels, **spread(labels)), nodes, others)) == (
        "0/3 nodes are available: 1 node(s) were unschedulable, "
        "2 node(s) didn't match pod topology spread constraints. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, "
        "2 No preemption victims found for incoming pod."
    )
    message = refusal(schedule(pod(labels=labels, **spread(labels, key="rack")), places("a")))
    assert "1 node(s) didn't match pod topology spread constraints (missing required label)" in message


@pytest.mark.parametrize(
    ("spec", "others"),
    [
        ({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["b"]}]}}
        ]}}}, []),
        ({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": HOST}}
        ]}}}, [there("x", "n0", {"app": "x"})]),
        (spread({"app": "x"}, "ScheduleAnyway"), [there("x", "n0", {"app": "x"})]),
        ({}, [there("x", "n0")]),
    ],
    ids=["node", "company", "spread", "room"],
)  # fmt: skip
def test_preferences_decide_between_nodes_that_fit(spec, others):
    assert bound_to(schedule(pod(**spec), places("a", "b"), others)) == "n1"


def test_a_taint_that_only_prefers_is_avoided():
    nodes = places("a", "b")
    nodes[0]["spec"]["taints"] = [{"key": "k", "effect": "PreferNoSchedule"}]
    assert bound_to(schedule(pod(), nodes)) == "n1"


def test_ports_of_the_node_are_taken_once():
    ports = {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}]}
    message = refusal(schedule(pod(**ports), pods=[there("x", "minikube", **ports)]))
    assert message.startswith(
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "
    )


def weak(name, cpu, priority=0, labels=None, started="2026-11-21T05:00:00Z"):
    item = stored(pod(name, labels, requests={"cpu": cpu}, nodeName="minikube", priority=priority))
    item["status"] = {"phase": "Running", "startTime": started}
    return item


def displaced(plan):
    return [action.obj["metadata"]["name"] for action in plan.actions if action.verb == "delete"]


def important(cpu="2", **more):
    return pod(requests={"cpu": cpu}, priority=100, **more)


def test_less_important_pods_make_room_and_as_few_as_possible():
    pods = [weak("big", "2", 10), weak("small", "1", 5), weak("tiny", "500m", 1)]
    plan = schedule(important("2"), pods=pods)
    assert displaced(plan) == ["small", "tiny"]
    told = plan.actions[0].patch["status"]
    assert told["nominatedNodeName"] == "minikube"
    assert plan.notes[0].message == "0/1 nodes are available: 1 Insufficient cpu."
    evicted = plan.actions[1].patch["status"]["conditions"][-1]
    assert (evicted["type"], evicted["reason"], evicted["message"]) == (
        "DisruptionTarget",
        "PreemptionByScheduler",
        "default-scheduler: preempting to accommodate a higher priority pod",
    )
    event = plan.actions[2].done
    assert (event.reason, event.message) == ("Preempted", "Preempted by pod uid-p on node minikube")


def test_the_younger_of_equals_goes():
    pods = [weak("old", "2"), weak("young", "2", started="2026-11-21T06:00:00Z")]
    assert displaced(schedule(important("2"), pods=pods)) == ["young"]


def test_nobody_goes_for_nothing():
    assert not displaced(schedule(important("2"), pods=[weak("equal", "3", 100), weak("w", "500m", 0)]))
    never = schedule(important("2", preemptionPolicy="Never"), pods=[weak("w", "3")])
    assert refusal(never) == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )


def look(item, pods, budgets=()):
    view = defaultdict(Cache, nodes=Cache([node()]), poddisruptionbudgets=Cache(budgets))
    view["pods"] = Cache([item, *pods])
    return scheduler.plan(view, ("default", item["metadata"]["name"]), 0.0)


def test_pods_with_a_budget_are_spared_if_others_do():
    budget = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "kept"}}},
        "status": {"disruptionsAllowed": 0},
    }
    pods = [weak("kept", "2", 0, {"app": "kept"}), weak("other", "2", 50)]
    assert displaced(look(stored(important("2")), pods, [budget])) == ["other"]
    assert displaced(look(stored(important("2")), pods)) == ["kept"]


def test_while_victims_end_nothing_more_happens_and_the_place_is_kept():
    leaving = weak("victim", "3")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-21T06:00:00Z"
    leaving["status"]["conditions"] = [
        {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    ]
    waiting = stored(important("2"), nominatedNodeName="minikube")
    assert look(waiting, [leaving]) == type(look(waiting, [leaving]))()
    lesser = stored(pod("lesser", requests={"cpu": "3"}))
    assert "1 Insufficient cpu" in look(lesser, [waiting]).notes[0].message
    assert bound_to(look(waiting, [lesser])) == "minikube"
