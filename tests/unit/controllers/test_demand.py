"""How many replicas a metric asks for, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket.clock import timestamp
from raglab.pocket.control import demand
from raglab.pocket.control.demand import AverageValue, MetricError, Sample, Tolerance, Utilization

NOW = 1_800_000_000.0
USUAL = Tolerance()


def pod(name, phase="Running", ready="True", started=NOW - 3600, ready_since=NOW - 3500, **meta):
    conditions = (
        [{"type": "Ready", "status": ready, "lastTransitionTime": timestamp(ready_since)}] if ready else []
    )
    status = {"phase": phase, "startTime": timestamp(started), "conditions": conditions}
    return {"metadata": {"name": name} | meta, "spec": {"containers": [{"name": "c"}]}, "status": status}


def asked(current, values, target=30, pods=None, cpu=False, tolerance=USUAL, requests=None):
    """Replicas for values by pod, in whole units."""
    pods = pods if pods is not None else [pod(name) for name in values]
    samples = {name: Sample(value * 1000, taken=NOW) for name, value in values.items()}
    goal = Utilization(target, requests) if requests else AverageValue(target * 1000)
    return demand.from_pods(current, goal, demand.group(pods, samples, NOW, cpu=cpu), samples, tolerance)[0]


@pytest.mark.parametrize(
    ("current", "values", "wanted"),
    [
        (1, [33], 1),  # exactly 10 % more: nothing happens
        (1, [34], 2),
        (2, [27, 27], 2),
        (2, [26, 26], 2),  # outside the tolerance, and rounded up again
        (3, [20, 10, 10], 2),
        (1, [300], 10),
        (3, [0, 0, 0], 0),  # the range is not the arithmetic's business
    ],
)
def test_the_average_is_brought_to_the_target(current, values, wanted):
    assert asked(current, {f"p{i}": value for i, value in enumerate(values)}) == wanted


@pytest.mark.parametrize(
    ("others", "values", "wanted"),
    [
        ([pod("x")], {"a": 90}, 3),  # without a value: counts 0 on the way up, 45 on average
        ([pod("x")], {"a": 5}, 2),  # counts as on target on the way down, (5 + 30) / 2
        ([pod("x", "Pending", None)], {"a": 90}, 3),
        ([pod("x", "Pending", None)], {"a": 5}, 1),  # is not there yet: nobody waits for it
        ([pod("x", "Failed")], {"a": 90}, 3),
        ([pod("x", deletionTimestamp="2026-11-21T04:13:15Z")], {"a": 90, "x": 90}, 3),
        ([pod("x"), pod("y")], {"a": 40}, 3),  # counting them turns the direction round: stay
        ([pod("x", ready="False")], {"a": 90, "x": 90}, 6),  # only for CPU it matters whether a pod is Ready
    ],
)
def test_pods_without_a_value_only_dampen(others, values, wanted):
    assert asked(len(others) + 1, values, pods=[pod("a"), *others]) == wanted


@pytest.mark.parametrize(
    ("starting", "wanted"),
    [
        ({"ready": None}, 2),
        ({"started": NOW - 100, "ready": "False"}, 2),
        (
            {"started": NOW - 100, "ready_since": NOW - 30},
            2,
        ),  # its window reaches back to before it was Ready
        ({"started": NOW - 100, "ready_since": NOW - 90}, 3),
        ({"started": NOW - 400, "ready": "False", "ready_since": NOW - 395}, 2),  # was never Ready
        ({"started": NOW - 400, "ready": "False", "ready_since": NOW - 100}, 3),
    ],
)
def test_the_cpu_of_a_starting_pod_does_not_count(starting, wanted):
    requests = {"a": 100_000, "x": 100_000}
    pods = [pod("a"), pod("x", **starting)]
    assert asked(2, {"a": 150, "x": 150}, target=100, pods=pods, cpu=True, requests=requests) == wanted


def test_utilization_is_of_all_requests_together():
    requests = {"a": 100_000, "b": 300_000}
    target = Utilization(50, requests)
    samples = {"a": Sample(100_000), "b": Sample(180_000)}
    groups = demand.group([pod("a"), pod("b")], samples, NOW, cpu=False)
    assert demand.from_pods(2, target, groups, samples, Tolerance()) == (3, (1.4, 140_000, 70))
    assert (
        asked(2, {"a": 10}, target=50, pods=[pod("a"), pod("b")], requests=requests) == 2
    )  # b counts with 100 %


def test_tolerances_of_both_directions():
    wide = demand.tolerance({"scaleUp": {"tolerance": "500m"}, "scaleDown": {"tolerance": "0"}})
    assert wide == Tolerance(0.5, 0.0)
    assert demand.tolerance({}) == Tolerance(0.1, 0.1)
    assert [asked(1, {"a": value}, tolerance=wide) for value in (45, 46)] == [1, 2]
    assert [asked(10, {f"{i}": value for i in range(10)}, tolerance=wide) for value in (30, 27)] == [10, 9]


@pytest.mark.parametrize(
    ("current", "ready", "value", "wanted"),
    [(2, 2, 33, 2), (2, 2, 60, 4), (3, 2, 60, 4), (0, 0, 45, 2), (0, 0, 0, 0)],
)
def test_a_value_that_is_not_about_pods(current, ready, value, wanted):
    assert demand.from_total(current, ready, value, 30, Tolerance()) == wanted


@pytest.mark.parametrize(
    ("reported", "total", "wanted"),
    [(2, 60, (2, 30)), (2, 65, (2, 33)), (2, 90, (3, 45)), (0, 90, (3, 90)), (3, 10, (1, 4))],
)
def test_a_total_shared_by_the_pods(reported, total, wanted):
    assert demand.per_pod(reported, total, 30, Tolerance()) == wanted


def test_what_cannot_be_computed_is_said():
    with pytest.raises(MetricError, match="did not receive metrics for any ready pods"):
        asked(1, {"a": 5}, pods=[pod("a", "Pending")])
    with pytest.raises(MetricError, match="missing request for cpu in container c of Pod a"):
        demand.requests([pod("a")], "cpu")
    with pytest.raises(MetricError, match="no metrics returned matched known pods"):
        Utilization(50, {}).measure({"a": 1})


def test_requests_of_one_container_and_of_sidecars():
    def container(name, cpu, **more):
        return {"name": name, "resources": {"requests": {"cpu": cpu}}} | more

    busy = pod("a")
    sidecar = container("s", "50m", restartPolicy="Always")
    busy["spec"] = {"containers": [container("c", "1"), container("d", "500m")], "initContainers": [sidecar]}
    assert demand.requests([busy], "cpu") == {"a": 1550}
    assert demand.requests([busy], "cpu", "d") == {"a": 500}


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 500), min_size=1),
    st.sets(st.sampled_from("uvwxyz")),
)
def test_a_missing_value_never_makes_a_change_larger(values, missing):
    """More pods without a value bring the answer nearer to the current number, never past it."""
    known = [pod(name) for name in values]
    current = len(known) + len(missing)
    alone = asked(len(known), values) - len(known)
    together = asked(current, values, pods=known + [pod(name) for name in sorted(missing)]) - current
    assert alone * together >= 0
