"""The arithmetic of rolling updates, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket.control.rollout import Limits, Size, grow, limits, share, shrink, spread


@pytest.mark.parametrize(
    ("value", "of", "up", "down"),
    [
        (2, 10, 2, 2),
        ("25%", 10, 3, 2),
        ("25%", 3, 1, 0),
        ("50%", 5, 3, 2),
        ("0%", 7, 0, 0),
        ("100%", 4, 4, 4),
    ],
)
def test_percentages_round_up_for_surge_and_down_for_unavailable(value, of, up, down):
    assert (share(value, of, round_up=True), share(value, of, round_up=False)) == (up, down)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "most", "fewest"),
    [
        (3, "25%", "25%", 4, 3),
        (1, "25%", "25%", 2, 1),
        (10, "25%", "25%", 13, 8),
        (4, 0, 1, 4, 3),
        (4, 0, 0, 4, 3),  # both zero would be a standstill: one pod may be missing
        (2, 1, 5, 3, 0),
    ],
)
def test_limits(replicas, surge, unavailable, most, fewest):
    found = limits(replicas, surge, unavailable)
    assert (found.most, found.fewest) == (most, fewest)


@pytest.mark.parametrize(
    ("new", "total", "expected"),
    [(0, 3, 1), (1, 4, 1), (1, 3, 2), (2, 3, 3), (3, 3, 3), (0, 0, 3), (5, 5, 3), (0, 9, 0)],
)
def test_new_replica_set_grows_into_the_room_the_surge_leaves(new, total, expected):
    assert grow(Limits(3, max_surge=1), new, total) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (Size(1, 0), [Size(3, 3)], [3]),  # the new pod is not available yet
        (Size(1, 1), [Size(3, 3)], [2]),
        (Size(1, 0), [Size(3, 1)], [3]),  # too few available already, and the surge is in use
        (Size(3, 3), [Size(1, 1)], [0]),
        (Size(0, 0), [Size(2, 0), Size(3, 3)], [0, 3]),  # broken pods go first, whatever their age
        (Size(2, 2), [Size(1, 1), Size(1, 1)], [0, 1]),
    ],
)
def test_old_replica_sets_shrink_as_far_as_availability_allows(new, old, expected):
    assert shrink(Limits(3, max_surge=1), new, old) == expected


@pytest.mark.parametrize(
    ("replicas", "sizes", "previous", "expected"),
    [
        (10, [3, 2], [6, 6], [7, 3]),
        (2, [3, 2], [6, 6], [1, 1]),
        (0, [3, 1], [5, 5], [0, 0]),
        (5, [3, 3], [6, 6], [3, 3]),
    ],
)
def test_scaling_during_a_rollout_keeps_the_proportions(replicas, sizes, previous, expected):
    result = spread(Limits(replicas, max_surge=1 if replicas == 5 else 0), sizes, previous)
    assert result == expected


@given(
    st.integers(0, 12), st.integers(0, 5), st.integers(0, 5), st.integers(0, 12),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=4), st.integers(0, 12),
)  # fmt: skip
def test_no_step_breaks_the_limits(replicas, surge, unavailable, new, old_sizes, new_available):
    bounds = limits(replicas, surge, unavailable)
    new_size = Size(min(new, bounds.most), min(new, bounds.most, new_available))
    old = [Size(size, min(size, available)) for size, available in old_sizes]
    total = new_size.replicas + sum(item.replicas for item in old)
    grown = grow(bounds, new_size.replicas, total)
    assert grown <= max(replicas, new_size.replicas) and (
        grown <= new_size.replicas or total - new_size.replicas + grown <= bounds.most
    )
    shrunk = shrink(bounds, new_size, old)
    assert all(0 <= after <= item.replicas for after, item in zip(shrunk, old, strict=True))
    before = new_size.available + sum(item.available for item in old)
    left = new_size.available + sum(
        min(item.available, after) for item, after in zip(old, shrunk, strict=True)
    )
    assert left >= min(before, bounds.fewest)


@given(st.integers(1, 20), st.integers(0, 5), st.lists(st.integers(1, 10), min_size=2, max_size=4))
def test_spread_gives_out_exactly_what_is_allowed(replicas, surge, sizes):
    bounds = Limits(replicas, surge)
    sizes.sort(reverse=True)
    result = spread(bounds, sizes, [sum(sizes)] * len(sizes))
    assert all(size >= 0 for size in result)
    assert sum(result) == bounds.most
