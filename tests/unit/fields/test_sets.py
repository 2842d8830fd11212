"""Sets of fields do what sets of paths do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket.fields import sets

ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
MODELS = st.frozensets(st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple), max_size=8)
"""Sets of paths, which are tuples of elements."""


def build(paths):
    """The set of fields with these paths."""
    root = {}
    for path in paths:
        node = root
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    return _tidy(root) or None


def _tidy(node):
    """A member with nothing below is an empty map."""
    inner = {key: _tidy(part) for key, part in node.items() if key != "."}
    return ({".": {}} | inner if "." in node and inner else inner) if inner else {}


def members(fields, prefix=()):
    """The paths in a set of fields."""
    found = set()
    for key, part in (fields or {}).items():
        if key != ".":
            found |= {(*prefix, key)} if sets.is_member(part) else set()
            found |= members(part, (*prefix, key))
    return found


@given(MODELS, MODELS)
def test_operations_are_those_of_sets(one, other):
    first, second = build(one), build(other)
    assert members(first) == one
    assert sets.union(first, second) == build(one | other)
    assert sets.difference(first, second) == build(one - other)
    assert sets.intersection(first, second) == build(one & other)


@given(MODELS, MODELS)
def test_operations_leave_their_operands_alone(one, other):
    first, second = build(one), build(other)
    for operation in (sets.union, sets.difference, sets.intersection):
        operation(first, second)
    assert (first, second, sets.LEAF) == (build(one), build(other), {})


@given(MODELS)
def test_every_member_is_told_once(model):
    told = list(sets.paths(build(model)))
    assert len(told) == len(set(told)) == len(model)


def test_paths_as_a_real_server_tells_them():
    fields = build(
        [
            ("f:spec", "f:containers", 'k:{"name":"web"}', "f:image"),
            ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}'),
            ("f:spec", "f:replicas"),
            ("f:metadata", "f:finalizers", 'v:"example.com/wait"'),
            ("f:data",),
        ]
    )
    assert list(sets.paths(fields)) == [
        ".data",
        '.metadata.finalizers[="example.com/wait"]',
        ".spec.replicas",
        '.spec.containers[name="web"].image',
        '.spec.ports[port=80,protocol="TCP"]',
    ]


def test_path_elements_of_items():
    assert sets.key_of({"protocol": "TCP", "containerPort": 80}) == 'k:{"containerPort":80,"protocol":"TCP"}'
    assert sets.value_of('a"b') == 'v:"a\\"b"'


@pytest.mark.parametrize("wrong", [None, [], {"f:a": 1}, {"g:a": {}}, {".": {"f:a": {}}}, {"f:a": {"x": {}}}])
def test_what_is_no_set(wrong):
    assert not sets.is_valid(wrong)


@given(MODELS)
def test_what_is_a_set(model):
    assert sets.is_valid(build(model) or {})


@given(MODELS)
def test_equal_sets_are_kept_once(model):
    assert sets.shared(build(model) or {}) is sets.shared(build(model) or {})


def test_sets_are_not_kept_without_limit():
    for number in range(sets.MOST_SHARED + 1):
        sets.shared({f"f:{number}": {}})
    assert len(sets._shared) <= sets.MOST_SHARED
