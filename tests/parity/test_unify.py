"""The comparison itself: it must find real differences, and only those."""

import pytest

from tests.parity.unify import Unifier, evenly

PODS = "NAME                            READY   STATUS    RESTARTS   AGE\n"


def pods(*names: str, age: str = "5s") -> str:
    return PODS + "".join(f"{name:<31} 1/1     Running   0          {age}\n" for name in names)


SAME = {
    "ages and widths": (
        pods("nemollm-inference-0"),
        pods("nemollm-inference-0", age="2m13s").replace("  ", "   "),
    ),
    "generated names": (pods("query-router-74cd5d4bc8-lq6tv"), pods("query-router-6f9c48d7b-x2vnp")),
    "uids": ("uid: 12345678-1234-1234-1234-123456789abc", "uid: 87654321-4321-4321-4321-cba987654321"),
    "addresses and ports": ("10.244.0.6 8005:32562/TCP", "127.12.0.7 8005:30333/TCP"),
    "times": ('time: "2026-11-21T04:42:51Z"', 'time: "2027-01-01T00:00:00Z"'),
    "tabs of helm": ("x  \t1  \tfailed", "x\t1\tfailed"),
}
DIFFERENT = {
    "a word": ("pod/a created", "pod/a configured"),
    "a name that nobody generated": (pods("nemollm-inference-0"), pods("nemollm-inference-1")),
    "one line more": (pods("a", "b"), pods("a")),
    "a port of a container": ("Port: 8005/TCP", "Port: 8006/TCP"),
    "an age where none was": ("AGE  5s", "AGE  <invalid>"),
    "one name for two": (
        pods("router-74cd5d4bc8-lq6tv", "router-74cd5d4bc8-x2vnp"),
        pods("router-74cd5d4bc8-lq6tv", "router-74cd5d4bc8-lq6tv"),
    ),
    "an indentation": ("a:\n  b: 1", "a:\n    b: 1"),
}


@pytest.mark.parametrize("recorded, seen", SAME.values(), ids=SAME)
def test_what_every_cluster_makes_up_and_what_passes_is_the_same(recorded: str, seen: str):
    assert Unifier().equal([recorded], [seen])


@pytest.mark.parametrize("recorded, seen", DIFFERENT.values(), ids=DIFFERENT)
def test_all_else_is_different(recorded: str, seen: str):
    assert not Unifier().equal([recorded], [seen])


def test_names_stand_for_the_same_through_a_whole_transcript():
    unifier = Unifier()
    assert unifier.equal(["a-lq6tv b-x2vnp"], ["a-bbbbb b-ccccc"])
    assert unifier.equal(["b-x2vnp"], ["b-ccccc"])
    assert not unifier.equal(["a-lq6tv"], ["a-ccccc"])


def test_names_of_a_step_that_differs_are_forgotten():
    unifier = Unifier()
    assert not unifier.equal(["a-lq6tv x"], ["a-bbbbb y"])
    assert unifier.equal(["a-lq6tv"], ["a-ccccc"])


def test_lines_listed_by_generated_names_have_the_order_in_which_these_were_met():
    unifier = Unifier()
    assert unifier.equal(["r-bbbbb 1/1\nr-ccccc 0/1"], ["r-zzzzz 1/1\nr-fffff 0/1"])
    assert unifier.equal(["r-bbbbb\nr-ccccc"], ["r-fffff\nr-zzzzz"])


def test_what_was_cut_ends_evenly():
    wide, narrow = (
        "at 2026-11-21T04:42:51.123456789Z: hello wor",
        "at 2027-01-01T00:00:00.12345678Z: hello worl",
    )
    assert evenly(wide, narrow) == (wide, narrow[:-1]) and evenly(narrow, wide) == (narrow[:-1], wide)
    assert evenly("same", "some") == ("same", "some")
