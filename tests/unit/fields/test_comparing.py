"""What is found to have changed."""

import json

import pytest
from hypothesis import example, given

from raglab.pocket.fields import sets
from raglab.pocket.fields.comparing import compare, consists_of, everything
from raglab.pocket.kinds import catalogue
from tests.unit.fields.example import OBJECTS, ORDERLESS, VIEW

KINDS = catalogue.load()


def shown(fields):
    return list(sets.paths(fields))


@given(OBJECTS, OBJECTS)
def test_what_was_there_less_what_is_gone_and_what_is_new_is_what_there_is(old, new):
    found = compare(old, new, VIEW)
    left = sets.difference(everything(old, VIEW), found.removed)
    assert sets.union(left, found.changed) == everything(new, VIEW)


@given(OBJECTS)
def test_equal_objects_have_no_difference(obj):
    assert compare(obj, json.loads(json.dumps(obj)), VIEW) == (None, None)


def orderless(obj):
    """An object whose items that are told by value or keys stand in one order."""
    return {
        name: sorted(part, key=json.dumps) if name in ORDERLESS and part else part
        for name, part in obj.items()
    }


@given(OBJECTS, OBJECTS)
@example({"set": ["a", "b"]}, {"set": ["b", "a"]})
def test_a_difference_is_found(old, new):
    found = compare(old, new, VIEW)
    assert (found.touched is None) == (orderless(old) == orderless(new))


@given(OBJECTS)
def test_who_applies_speaks_of_what_is_there(obj):
    spoken, there = consists_of(obj, VIEW), everything(obj, VIEW)
    assert sets.intersection(spoken, there) == spoken


CHANGES = [
    ("a text", {"text": "a"}, {"text": "b"}, [".text"], []),
    (
        "an entry of a map",
        {"labels": {"a": "1"}},
        {"labels": {"a": "2", "b": "1"}},
        [".labels.a", ".labels.b"],
        [],
    ),
    ("a map that was not there", {}, {"labels": {"a": "1"}}, [".labels", ".labels.a"], []),
    ("a map that is empty now", {"labels": {"a": "1"}}, {"labels": {}}, [], [".labels.a"]),
    ("a map that is one value", {"whole": {"a": "1"}}, {"whole": {"a": "2", "b": "1"}}, [".whole"], []),
    ("a list that is one value", {"list": [1, 2]}, {"list": [2, 1]}, [".list"], []),
    ("an item of a set", {"set": ["a"]}, {"set": ["b", "a"]}, ['.set[="b"]'], []),
    (
        "an item told by its keys, one of them left out",
        {"ports": [{"port": 1, "name": "a"}]},
        {"ports": [{"port": 1, "protocol": "TCP", "name": "b"}]},
        ['.ports[port=1,protocol="TCP"].name', '.ports[port=1,protocol="TCP"].protocol'],
        [],
    ),
    ("items in another order", {"set": ["a", "b"]}, {"set": ["b", "a"]}, [], []),
    (
        "text where there was a map",
        {"free": {"a": {"b": "1"}}},
        {"free": {"a": "1"}},
        [".free.a"],
        [".free.a.b"],
    ),
    (
        "two items with the same keys",
        {"ports": [{"port": 1, "protocol": "TCP"}]},
        {"ports": [{"port": 1, "protocol": "TCP"}] * 2},
        ['.ports[port=1,protocol="TCP"]'],
        [],
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "changed", "removed"), [pytest.param(*row[1:], id=row[0]) for row in CHANGES]
)
def test_changes(old, new, changed, removed):
    found = compare(old, new, VIEW)
    assert (shown(found.changed), shown(found.removed)) == (changed, removed)


def test_a_field_may_say_otherwise_than_its_struct(views):
    claim, pod = KINDS.plural("persistentvolumes"), KINDS.plural("pods")
    reference = {"spec": {"claimRef": {"name": "a"}}}
    assert shown(compare({"spec": {}}, reference, views.of(claim)).changed) == [
        ".spec.claimRef",
        ".spec.claimRef.name",
    ]
    owner = {"metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}}
    references = ".metadata.ownerReferences"
    assert shown(compare({"metadata": {}}, owner, views.of(pod)).changed) == [
        references,
        f'{references}[uid="1"]',
    ]
