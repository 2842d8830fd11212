"""The arithmetic of replacing a DaemonSet's pods, as tables."""

import pytest

from raglab.pocket.control.turnover import Place, to_start_beside, to_stop, to_stop_after


def places(text):
    """By letter: ``o`` an old pod, ``n`` a new one, ``b`` both, ``.`` none; capital: available, of two the new one."""
    return [
        Place(str(index), letter in "oObB", letter in "nNbB", letter in "ONB")
        for index, letter in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("before", "unavailable", "stopped"),
    [
        ("OOO", 1, "0"),
        ("OOO", 2, "01"),
        ("NOO", 1, "1"),
        ("nOO", 1, ""),  # the first new pod is not available yet
        (".OO", 1, ""),  # it does not even exist
        ("nOO", 2, "1"),
        ("OoO", 1, "1"),  # nobody misses an old pod that cannot be used
        ("ooo", 1, "012"),
        ("NNN", 1, ""),
        ("", 1, ""),
    ],
)
def test_old_pods_stop_while_few_enough_are_missing(before, unavailable, stopped):
    assert to_stop(places(before), unavailable) == list(stopped)


@pytest.mark.parametrize(
    ("before", "surge", "started", "stopped"),
    [
        ("OOO", 1, "0", ""),
        ("bOO", 1, "", ""),
        ("bOO", 2, "1", ""),
        ("BOO", 1, "1", "0"),
        ("OoO", 1, "1", ""),
        ("ooO", 1, "01", ""),
        ("NNB", 1, "", "2"),
        ("NNN", 1, "", ""),
    ],
)
def test_with_a_surge_the_new_pod_comes_first(before, surge, started, stopped):
    assert to_start_beside(places(before), surge) == list(started)
    assert to_stop_after(places(before)) == list(stopped)
