"""Stabilisation, policies and limits: what an autoscaler does over time about what its metrics ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket.control.restraint import Memory, Range, restrain

PERCENT, PODS = (
    {"type": "Percent", "value": 100, "periodSeconds": 15},
    {"type": "Pods", "value": 4, "periodSeconds": 15},
)


def rules(up=None, down=None):
    """A behavior with an API server's defaults."""
    defaults = {"stabilizationWindowSeconds": 0, "policies": [PODS, PERCENT], "selectPolicy": "Max"}
    return {
        "scaleUp": defaults | (up or {}),
        "scaleDown": {"policies": [PERCENT], "selectPolicy": "Max"} | (down or {}),
    }


def policy(kind, value, period):
    return {"policies": [{"type": kind, "value": value, "periodSeconds": period}]}


def follow(wanted, start=1, behavior=None, step=15.0):
    """Sizes when the metrics ask for `wanted`, one entry per evaluation, and everybody does as told."""
    memory, current, sizes = Memory(), start, []
    memory.want(0.0, start)
    for index, replicas in enumerate(wanted):
        now = step * index
        size = restrain(Range(1, 10), behavior, memory, current, replicas, now).replicas
        if behavior is not None and size != current:
            memory.change(now, size - current)
        current = size
        sizes.append(size)
    return sizes


@pytest.mark.parametrize(
    ("behavior", "sizes"),
    [
        (None, [4, 8, 10]),  # doubled, or 4
        (rules(), [5, 10, 10]),  # 4 more, or doubled
        (rules(up={"selectPolicy": "Min"}), [2, 4, 8]),
        (rules(up={"selectPolicy": "Disabled"}), [1, 1, 1]),
        (rules(up=policy("Pods", 1, 30)), [2, 2, 3]),
        (rules(up=policy("Percent", 10, 15)), [2, 3, 4]),  # less than a pod still is one
    ],
)
def test_the_way_up(behavior, sizes):
    assert follow([10, 10, 10], behavior=behavior) == sizes


@pytest.mark.parametrize(
    ("down", "sizes"),
    [
        ({"stabilizationWindowSeconds": 0}, [1, 1, 1, 1, 1]),
        ({"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}, [8, 8, 8, 8, 8]),
        ({"stabilizationWindowSeconds": 0} | policy("Percent", 50, 30), [4, 4, 2, 2, 1]),
        ({"stabilizationWindowSeconds": 0} | policy("Pods", 3, 60), [5, 5, 5, 5, 2]),
        ({"stabilizationWindowSeconds": 30}, [8, 8, 1, 1, 1]),
        ({}, [8, 8, 8, 8, 8]),
    ],
)
def test_the_way_down(down, sizes):
    assert follow([1] * 5, start=8, behavior=rules(down=down)) == sizes


def test_without_a_behavior_the_highest_wish_of_five_minutes_holds():
    sizes = follow([3] + [1] * 25, start=1, step=15.02)
    assert sizes.index(1) == 20
    assert sizes[:20] == [3] * 20


def test_a_change_within_the_period_counts_from_its_start():
    """Up by 2 and back within one minute: the policy of one pod a minute still starts from 1."""
    slow_down = rules(down={"stabilizationWindowSeconds": 0} | policy("Pods", 1, 60))
    assert follow([3, 1], behavior=slow_down) == [3, 1]


@pytest.mark.parametrize(
    ("current", "wanted", "allowed", "told"),
    [
        (2, 2, Range(1, 3), (2, "ReadyForNewScale", "DesiredWithinRange", False)),
        (2, 1, Range(2, 3), (2, "ReadyForNewScale", "TooFewReplicas", True)),
        (2, 4, Range(1, 3), (3, "ReadyForNewScale", "TooManyReplicas", True)),
        (1, 9, Range(1, 9), (4, "ReadyForNewScale", "ScaleUpLimit", True)),
    ],
)
def test_reasons(current, wanted, allowed, told):
    assert restrain(allowed, None, Memory(), current, wanted, 0.0) == told


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=40),
    st.integers(1, 10),
    st.sampled_from([None, rules(), rules(up=policy("Pods", 1, 60), down=policy("Percent", 10, 30))]),
)
def test_never_outside_the_range_and_never_faster_than_allowed(wanted, start, behavior):
    sizes = follow(wanted, start, behavior)
    assert all(1 <= size <= 10 for size in sizes)
    fastest = max(4, *(2 * size for size in [start, *sizes])) if behavior is None else 2 * max(sizes) + 4
    assert all(after <= fastest for after in sizes)
